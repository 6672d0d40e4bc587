"""A valid request for every authenticated PUT, PATCH and DELETE."""

from collections.abc import Callable

from accounts.models import Pin
from tenants.scope import tenant_scope
from tests.factories.accounts import PASSWORD, AuthSessionFactory
from tests.factories.barcode_rule import BarcodeRuleFactory
from tests.factories.bookkeeping_profile import BookkeepingProfileFactory
from tests.factories.card_readers import CardReaderFactory, PaymentProviderFactory
from tests.factories.price_list import PriceFactory, PriceListFactory
from tests.support.product_images import build_form_body, build_image, create_image
from tests.support.service_keys import create_key
from tests.support.till import Body, line
from tests.support.valid_posts import MODIFIER_LIST, Post, ShopSetup

NEW_PASSWORD = "eleven blue bottles in a row"


def build_named(name: str) -> Body:
    return {"name": name}


def create_order_lines(world: ShopSetup) -> Post:
    """Create an order of two lines for a path with the second line."""
    order = world.till.sold(line(world.product), line(world.product, "2"))
    return Post(row=order["id"], parts={"line": order["lines"][1]["id"]})


def discounted(world: ShopSetup) -> Post:
    order = world.order()
    path = f"orders/{order}/discounts/"
    given = world.till.post(path, {"type": "percent", "value": "5"}, Idempotency_Key="off")
    return Post(row=order, parts={"discount": given.json()["discounts"][0]["id"]})


def inactive(world: ShopSetup) -> Post:
    path = f"users/{world.cashier.pk}/activation/"
    assert world.till.delete(path).status_code == 200
    return Post({}, row=world.cashier.pk)


def with_pin(world: ShopSetup) -> Post:
    with tenant_scope(world.store.tenant):
        pin = Pin(user=world.cashier)
        pin.set_digits("802417")
        pin.save(force_insert=True)
    return Post(row=world.cashier.pk)


def level(world: ShopSetup) -> str:
    return str(world.till.get("stock/").json()["results"][0]["id"])


def with_image(world: ShopSetup) -> str:
    create_image(world.product, world.till.user)
    return str(world.product.pk)


WRITES: dict[tuple[str, str], Callable[[ShopSetup], Post]] = {
    # users
    ("patch", "me"): lambda world: Post({"display_name": "Ada"}),
    ("put", "password"): lambda world: Post(
        {"current_password": PASSWORD, "new_password": NEW_PASSWORD}
    ),
    ("delete", "session-detail"): lambda world: Post(
        row=AuthSessionFactory(user=world.till.user).pk
    ),
    ("patch", "user-detail"): lambda world: Post(
        {"stores": [str(world.store.pk)]}, row=world.cashier.pk
    ),
    ("put", "user-activation"): inactive,
    ("delete", "user-activation"): lambda world: Post(row=world.cashier.pk),
    ("put", "user-role"): lambda world: Post({"role": "manager"}, row=world.cashier.pk),
    ("put", "user-pin"): lambda world: Post({"pin": "802417"}, row=world.cashier.pk),
    ("delete", "user-pin"): with_pin,
    ("delete", "user-sessions"): lambda world: Post(row=world.cashier.pk),
    # the shop and its catalog
    ("patch", "tenant"): lambda world: Post(build_named("Greener Grocery")),
    ("patch", "store-detail"): lambda world: Post(build_named("First"), row=world.store.pk),
    ("patch", "register-detail"): lambda world: Post(
        build_named("Till 3"), row=world.till.register.pk
    ),
    ("patch", "tax-class-detail"): lambda world: Post(
        build_named("Low"), row=world.product.tax_class_id
    ),
    ("patch", "category-detail"): lambda world: Post(
        build_named("Fruits"), row=world.till.post("categories/", build_named("Fruit")).json()["id"]
    ),
    ("patch", "payment-provider-detail"): lambda world: Post(
        {"name": "Second"}, row=PaymentProviderFactory(tenant=world.store.tenant).pk
    ),
    ("patch", "card-reader-detail"): lambda world: Post(
        {"name": "Second"}, row=CardReaderFactory(register=world.till.register).pk
    ),
    ("patch", "barcode-rule-detail"): lambda world: Post(
        {"is_active": False},
        row=BarcodeRuleFactory(tenant=world.product.tenant).pk,
    ),
    ("patch", "customer-group-detail"): lambda world: Post(
        {"name": "Second"},
        row=world.till.post("customer-groups/", {"name": "First"}).json()["id"],
    ),
    ("patch", "customer-detail"): lambda world: Post(
        {"name": "Bea"},
        row=world.till.post("customers/", {"name": "Ann"}).json()["id"],
    ),
    ("patch", "modifier-list-detail"): lambda world: Post(
        {"name": "Second"},
        row=world.till.post("modifier-lists/", MODIFIER_LIST).json()["id"],
    ),
    ("patch", "price-list-detail"): lambda world: Post(
        {"priority": 7}, row=PriceListFactory(tenant=world.store.tenant).pk
    ),
    ("patch", "price-detail"): lambda world: Post(
        {"amount": "1.90"}, row=PriceFactory(product=world.product).pk
    ),
    ("patch", "stock-count-detail"): lambda world: Post(
        {"note": "Before opening"}, row=world.stock_count()
    ),
    ("patch", "stock-transfer-detail"): lambda world: Post(
        {"note": "On Friday"}, row=world.draft_transfer()
    ),
    ("patch", "bookkeeping-profile-detail"): lambda world: Post(
        {"cash_account": "1000"},
        row=BookkeepingProfileFactory(tenant=world.store.tenant, store=world.store).pk,
    ),
    ("patch", "product-detail"): lambda world: Post(
        {"barcodes": ["4006381333931"]}, row=world.product.pk
    ),
    ("put", "product-image"): lambda world: Post(
        build_form_body(build_image()),
        row=world.product.pk,
        content_type="multipart/form-data; boundary=b",
    ),
    ("delete", "product-image"): lambda world: Post(row=with_image(world)),
    ("patch", "stock-level-detail"): lambda world: Post({"reorder_point": "3"}, row=level(world)),
    # webhooks
    ("patch", "webhook-detail"): lambda world: Post(
        {"description": "Books"}, row=world.webhook().pk
    ),
    ("delete", "service-key-detail"): lambda world: Post(
        row=create_key(world.till.user.tenant, world.till.user).pk
    ),
    ("delete", "webhook-detail"): lambda world: Post(row=world.webhook().pk),
    # selling
    ("patch", "order-detail"): lambda world: Post({"note": "For Ann"}, row=world.order()),
    ("patch", "order-line"): lambda world: replace_body(
        create_order_lines(world), {"quantity": "3"}
    ),
    ("delete", "order-line"): create_order_lines,
    ("delete", "order-discount"): discounted,
}


def replace_body(post: Post, body: Body) -> Post:
    post.body = body
    return post
