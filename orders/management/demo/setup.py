"""Creation of a demo shop with the same services as a real one."""

import importlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from datetime import datetime, time, timedelta
from decimal import Decimal
from io import BytesIO
from typing import Any
from zoneinfo import ZoneInfo

from django.core.management import CommandError
from django.utils import timezone

from accounts.models import Role, User
from accounts.services.pins import set_pin
from accounts.services.signup import create_shop
from accounts.services.users import create_user
from orders.management.demo.day import trade_demo_day
from orders.management.demo.plan import DemoProduct, DemoShop, DemoStore, DemoUser
from orders.management.ids import stable_id
from orders.models import (
    BarcodeRule,
    BookkeepingProfile,
    Category,
    Customer,
    CustomerGroup,
    ModifierList,
    PaymentProvider,
    PriceList,
    Product,
    TaxClass,
)
from orders.models.bookkeeping_profile import ACCOUNTS
from orders.money import round_to
from orders.services.card_readers import add_provider, add_reader
from orders.services.catalog.barcode_keys import save_barcode_rule
from orders.services.catalog.modifier_lists import write_modifier_list
from orders.services.catalog.price_lists import WantedPrice, set_prices, write_price_list
from orders.services.catalog.product_images import replace_image
from orders.services.catalog.products import write_product
from orders.services.customers import save_customer
from orders.services.images import normalize_image
from orders.services.receipt_profiles import save_profile
from orders.services.stock.counts import CountedProduct, count_products, start_stock_count
from orders.services.stock.deliveries import DeliveryItem, receive_delivery
from orders.services.stock.transfers import (
    TransferItem,
    create_transfer,
    send_transfer,
    set_sent_quantities,
)
from tenants.models import Store, Tenant
from tenants.scope import atomic_with_retry, current_tenant, tenant_scope
from tenants.services import create_register, save_row

COUNTED_PRODUCTS = 3
SENT_QUANTITY = Decimal(2)
DISCOUNTED_PRODUCTS = 3
# Of SKR 03, in the order of `ACCOUNTS`: methods of payment, clearing, transfer, paid in and out,
# differences, rounding, issued credits.
DEMO_ACCOUNTS = (
    *("1000", "1361", "1362", "1710", "1363"),
    *("1590", "1360", "1890", "4900", "2300", "2301", "4610"),
)
DEMO_REVENUE = (("19", "8400"), ("7", "8300"), (None, "8200"))
ONE_DAY = timedelta(days=1)
PICTURE_SIZE = 240
NINE_TENTHS, EIGHT_TENTHS = Decimal("0.9"), Decimal("0.8")


def ensure_demo_shop(plan: DemoShop, *, with_sales: bool = False) -> bool:
    """Create the shop unless it exists, and with `with_sales` a day of sales.

    Return whether it was created.
    """
    known = Tenant.objects.filter(slug=plan.slug).first()
    if known is None:
        create_demo_shop(plan, with_sales=with_sales)
    elif known.pk != plan.id:
        raise CommandError(f"The slug {plan.slug} is used by another shop than the demo shop.")
    return known is None


@atomic_with_retry
def create_demo_shop(plan: DemoShop, *, with_sales: bool) -> None:
    """Create the shop in one transaction, so that it is always complete."""
    owner = next(person for person in plan.people if person.role == Role.ADMIN)
    tenant, admin, _ = create_shop(
        tenant={"id": plan.id, "slug": plan.slug, **plan.settings}, admin=_log_in(plan, owner)
    )
    with tenant_scope(tenant):
        for person in plan.people:
            if person is not owner:
                facts = _log_in(plan, person)
                user, _ = create_user(
                    role=person.role, must_change_password=False, by=admin, **facts
                )
                if person.pin:
                    set_pin(user_id=user.pk, pin=person.pin, by=admin)
        stores = create_stores(plan.places)
        create_card_reader(stores[0], by=admin)
        create_barcode_rules()
        create_profiles(plan, stores[0], by=admin)
        create_customers(plan, by=admin)
        products = create_products(plan, by=admin)
        create_price_lists(products, stores[0], by=admin)
        stock_stores(plan, products, stores, by=admin)
        if with_sales:
            trade_demo_day(plan)


def _log_in(plan: DemoShop, person: DemoUser) -> dict[str, Any]:
    return {
        "username": person.username,
        "password": person.password,
        "display_name": person.display_name,
        "email": f"{person.username}@{plan.slug}.example",
    }


def create_stores(places: Iterable[DemoStore]) -> list[Store]:
    """Create stores and registers; the first of each exists already."""
    stores = []
    for position, place in enumerate(places):
        store = Store() if position else Store.objects.get()
        save_row(store, {"name": place.name, "address": place.address})
        for number in range(store.registers.count() + 1, place.tills + 1):
            create_register(store=store, name=f"Till {number}")
        stores.append(store)
    return stores


def create_card_reader(store: Store, *, by: User) -> None:
    """Create a simulated card reader at the first register."""
    simulator = {"kind": PaymentProvider.Kind.SIMULATOR.value, "name": "Simulator"}
    reader = {
        "name": "Simulated reader",
        "provider": add_provider(simulator, by=by),
        "register": store.registers.order_by("number")[0],
    }
    add_reader(reader, by=by)


def create_barcode_rules() -> None:
    """Create the rules for labels of scales, with weights and with prices."""
    for pattern, kind in (("20IIIIIVVVVVC", "weight"), ("21IIIIIVVVVVC", "price")):
        save_barcode_rule(BarcodeRule(), {"pattern": pattern, "kind": kind})


def create_profiles(plan: DemoShop, store: Store, *, by: User) -> None:
    """Create the profiles of the first store, for receipts and bookkeeping; others have none."""
    save_profile({"store": store, "address": store.address, **plan.receipts}, by=by)
    create_bookkeeping_profile(store)


def create_bookkeeping_profile(store: Store) -> None:
    """Create a profile with accounts of SKR 03, for shops with the euro."""
    if current_tenant().currency == "EUR":
        accounts = dict(zip(ACCOUNTS, DEMO_ACCOUNTS, strict=True))
        save_new(
            BookkeepingProfile(
                store=store,
                consultant_number=1001,
                client_number=1,
                chart=BookkeepingProfile.Chart.SKR03,
                revenue_accounts=[
                    {"percent": percent, "account": account, "tax_key": ""}
                    for percent, account in DEMO_REVENUE
                ],
                **accounts,
            )
        )


def create_customers(plan: DemoShop, *, by: User) -> None:
    """Create customers with the groups that they are in."""
    names = dict.fromkeys(each.group for each in plan.customers)
    groups = {name: save_new(CustomerGroup(name=name)) for name in names}
    for each in plan.customers:
        facts = asdict(each) | {"group": groups[each.group]}
        save_customer(Customer(), facts, by=by)


def create_products(plan: DemoShop, *, by: User) -> list[tuple[Product, DemoProduct]]:
    """Create tax classes, categories and products, some with images."""
    goods = plan.load_products()
    taxes = {
        name: save_new(TaxClass(name=name, rates=rates)) for name, rates in plan.tax_classes.items()
    }
    names = dict.fromkeys(each.category for each in goods)
    categories = {name: save_new(Category(name=name)) for name in names}
    created: dict[str, Product] = {}
    for each in goods:
        created[each.sku] = create_product(plan, each, taxes, categories, created)
    attach_modifier_lists(plan, goods, created)
    draw_pictures(plan, by=by)
    return [(created[each.sku], each) for each in goods]


def attach_modifier_lists(
    plan: DemoShop, goods: Iterable[DemoProduct], created: Mapping[str, Product]
) -> None:
    """Create the modifier lists, and attach them to the products that name them."""
    lists = {}
    for name, facts in plan.modifier_lists.items():
        modifiers = [
            {**each, "product": created[each["product"]] if each["product"] else None}
            for each in facts["modifiers"]
        ]
        row = ModifierList(id=stable_id("demo", plan.slug, "modifier list", name))
        lists[name] = write_modifier_list(row, {**facts, "name": name, "modifiers": modifiers})
    for each in goods:
        if each.modifier_lists:
            chosen = [lists[name] for name in each.modifier_lists]
            write_product(created[each.sku], {"modifier_lists": chosen})


def create_price_lists(
    listed: Iterable[tuple[Product, DemoProduct]], store: Store, *, by: User
) -> None:
    """Create price lists with lower prices: from six pieces on, for a customer group, in one store,
    and in a week that begins tomorrow."""
    by_unit = [
        product
        for product, goods in listed
        if goods.sold_by == Product.SoldBy.UNIT and goods.price and goods.stock is not None
    ]
    group = CustomerGroup.objects.order_by("name").last()
    first, last = by_unit[:DISCOUNTED_PRODUCTS], by_unit[-DISCOUNTED_PRODUCTS:]
    today = timezone.localdate(timezone=ZoneInfo(current_tenant().timezone))
    start = datetime.combine(today + ONE_DAY, time.min)
    week = {"valid_from": start, "valid_to": start + 7 * ONE_DAY}
    lists: tuple[tuple[dict[str, Any], Decimal, list[Product], dict[str, Any]], ...] = (
        ({"name": "Six and more"}, NINE_TENTHS, first, {"min_quantity": Decimal(6)}),
        ({"name": f"{group}", "customer_group": group}, EIGHT_TENTHS, first, {}),
        ({"name": store.name, "stores": [str(store.pk)]}, NINE_TENTHS, last, {}),
        ({"name": "Next week"}, EIGHT_TENTHS, last, week),
    )
    exponent = current_tenant().currency_exponent
    for number, (facts, share, products, validity) in enumerate(lists, 1):
        prices = [
            WantedPrice(product, round_to(product.price * share, exponent), **validity)
            for product in products
        ]
        row = write_price_list(PriceList(), facts | {"priority": 10 * number}, by=by)
        set_prices(row, prices, by=by)


def draw_pictures(plan: DemoShop, *, by: User) -> None:
    """Set the images of some products: discs in their colors."""
    image, draw = (importlib.import_module(f"PIL.{name}") for name in ("Image", "ImageDraw"))
    disc = (20, 20, PICTURE_SIZE - 20, PICTURE_SIZE - 20)
    for sku, color in plan.pictures.items():
        picture = image.new("RGB", (PICTURE_SIZE, PICTURE_SIZE), "#ffffff")
        draw.Draw(picture).ellipse(disc, fill=color)
        file = BytesIO()
        picture.save(file, "PNG")
        product = Product.objects.get(sku=sku)
        replace_image(
            product.pk, normalize_image(file.getvalue(), "image"), expected_version=None, by=by
        )


def save_new(row: Any) -> Any:
    return save_row(row, {})


def create_product(
    plan: DemoShop,
    goods: DemoProduct,
    taxes: Mapping[str, TaxClass],
    categories: Mapping[str, Category],
    created: Mapping[str, Product],
) -> Product:
    product = Product(id=stable_id("demo", plan.slug, "product", goods.sku))
    facts = {
        "sku": goods.sku,
        # Without a name it is a variant.
        **({"name": goods.name} if goods.name else {}),
        "price": goods.price or 0,
        "open_price": goods.price is None,
        "tax_class": taxes[goods.tax_class] if goods.tax_class else None,
        "category": categories[goods.category],
        "sold_by": goods.sold_by,
        "track_stock": goods.stock is not None,
        "plu": goods.plu,
        "deposit": created[goods.deposit] if goods.deposit else None,
        "returnable": goods.returnable,
        "content": goods.content,
        "content_unit": goods.content_unit,
        "cost": goods.cost,
        "weight_unit": goods.weight_unit,
        "external_id": goods.external_id,
        "parent": created[goods.parent] if goods.parent else None,
        "options": [list(pair) for pair in goods.options] or None,
    }
    return write_product(product, facts, barcodes=goods.barcodes)


def stock_stores(
    plan: DemoShop,
    listed: Sequence[tuple[Product, DemoProduct]],
    stores: Sequence[Store],
    *,
    by: User,
) -> None:
    """Receive the opening stock, count a shelf, and send goods to another store."""
    receive_opening_stock(plan, listed, stores, by=by)
    start_shelf_count(listed, stores[0], by=by)
    send_goods(listed, stores, by=by)


def receive_opening_stock(
    plan: DemoShop,
    listed: Iterable[tuple[Product, DemoProduct]],
    stores: Iterable[Store],
    *,
    by: User,
) -> None:
    kept = [(product, goods.stock) for product, goods in listed if goods.stock is not None]
    for store in stores:
        items = [
            DeliveryItem(
                stable_id("demo", plan.slug, "delivery", store.name, product.sku),
                product.pk,
                quantity,
            )
            for product, quantity in kept
        ]
        receive_delivery(store=store, items=items, reason="Opening stock", by=by)


def list_counted_goods(listed: Iterable[tuple[Product, DemoProduct]]) -> list[tuple[Product, Any]]:
    """Return the first products that are sold by the piece, with their stock."""
    return [
        (product, goods.stock)
        for product, goods in listed
        if goods.stock and goods.sold_by == Product.SoldBy.UNIT and product.has_own_stock
    ][:COUNTED_PRODUCTS]


def send_goods(
    listed: Iterable[tuple[Product, DemoProduct]], stores: Sequence[Store], *, by: User
) -> None:
    """Send goods from the first store to the second, if there is one; they are in transit."""
    if len(stores) == 1:
        return
    sender, receiver, *_ = stores
    facts = {"from_store": sender, "to_store": receiver, "note": "With the van"}
    transfer = create_transfer(facts, by=by)
    items = [TransferItem(product, SENT_QUANTITY) for product, _ in list_counted_goods(listed)]
    set_sent_quantities(transfer.pk, items, by=by)
    send_transfer(transfer.pk, by=by)


def start_shelf_count(
    listed: Iterable[tuple[Product, DemoProduct]], store: Store, *, by: User
) -> None:
    """Start a stock count, which is still open, with one of a product missing."""
    shelf = list_counted_goods(listed)
    count = start_stock_count({"name": "Shelf 1", "store": store}, by=by)
    counted = [
        CountedProduct(product, stock if number else stock - 1)
        for number, (product, stock) in enumerate(shelf)
    ]
    count_products(count.pk, counted, by=by)
