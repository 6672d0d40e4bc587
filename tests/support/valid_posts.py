"""A valid request for every authenticated POST, and the shop that it needs."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from accounts.models import User
from orders.models import Product
from tenants.models import Store, Webhook
from tests.factories.accounts import PASSWORD
from tests.factories.card_readers import CardReaderFactory, PaymentProviderFactory
from tests.factories.orders import StoreCreditFactory
from tests.factories.price_list import PriceListFactory
from tests.factories.tenants import OutboxDeliveryFactory, StoreFactory, WebhookFactory
from tests.support.api import Person
from tests.support.discovery import routes
from tests.support.offline import build_offline_line, build_offline_sale
from tests.support.route_calls import PARTS
from tests.support.till import Body, Till, card, cash, line

PATHS = {route.name: route.path.removeprefix("api/v1/") for route in routes()}


@dataclass
class ShopSetup:
    """An admin at a till, with a cashier, a product and a store."""

    till: Till
    cashier: User
    product: Product
    store: Store

    def basket(self, **more: Any) -> Body:
        return without_id(self.till.order(line(self.product), **more))

    def order(self, **more: Any) -> str:
        """Create an order, open without payments, and return its id."""
        return str(self.till.sold(line(self.product), **more)["id"])

    def held(self) -> str:
        order = self.order()
        assert self.till.post(f"orders/{order}/hold/").status_code == 200
        return order

    def payment(self, payment: Body) -> str:
        order = self.till.sold(line(self.product), payments=[payment])
        return str(order["payments"][0]["id"])

    def unknown_refund(self) -> str:
        return self.refund(card("2.50"), TIMES_OUT)

    def waiting_refund(self) -> str:
        """Create a refund that waits for its card at the simulated reader of the register."""
        CardReaderFactory(register=self.till.register)
        payments = [cash("0.55"), card(WAITS_FOR_CARD)]
        sold = self.till.sold(line(self.product), payments=payments)
        resolved = self.till.post(f"payments/{sold['payments'][1]['id']}/resolve/")
        assert resolved.json()["status"] == "completed"
        path, body = f"orders/{sold['id']}/refunds/", {"reason": "Bruised"}
        refunded = self.till.post(path, body, Idempotency_Key="refund")
        assert refunded.json()["status"] == "pending"
        return str(refunded.json()["id"])

    def refund(self, payment: Body, amount: str) -> str:
        path = f"orders/{self.order(payments=[payment])}/refunds/"
        body = {"amount": amount, "reason": "Bruised"}
        refunded = self.till.post(path, body, Idempotency_Key="refund")
        assert refunded.status_code == 201
        return str(refunded.json()["id"])

    def shift(self) -> str:
        body = {"register": str(self.till.register.pk), "opening_float": "100.00"}
        opened = self.till.post("shifts/", body, Idempotency_Key="shift")
        assert opened.status_code == 201
        return str(opened.json()["id"])

    def approval_request(self) -> Body:
        about = {"order": str(self.order())}
        return {"action": "discount", "object": about, "amount": "1.00"}

    def requested_approval(self) -> str:
        response = Person(self.cashier).post("approvals/", self.approval_request())
        assert response.status_code == 201
        return str(response.json()["id"])

    def credit(self) -> str:
        return str(StoreCreditFactory(tenant=self.store.tenant).pk)

    def card_reader(self) -> Body:
        provider = PaymentProviderFactory(tenant=self.store.tenant)
        return {
            "name": "Reader 1",
            "register": str(self.till.register.pk),
            "provider": str(provider.pk),
        }

    def webhook(self) -> Webhook:
        return WebhookFactory(tenant=self.store.tenant)

    def webhook_with_delivery(self) -> Webhook:
        """Create a webhook with the delivery that paths refer to."""
        webhook = self.webhook()
        OutboxDeliveryFactory(
            id=PARTS["delivery"],
            event__tenant=self.store.tenant,
            event__topic="order.completed",
            subscriber=webhook.subscriber,
        )
        return webhook

    def price(self) -> Body:
        price_list = PriceListFactory(tenant=self.store.tenant)
        product = str(self.product.pk)
        return {"price_list": str(price_list.pk), "product": product, "amount": "2.00"}

    def price_batch(self) -> Body:
        price = self.price()
        return {"price_list": price.pop("price_list"), "prices": [price]}

    def stock_count(self) -> str:
        body = {"name": "Shelf 3", "store": str(self.store.pk)}
        return str(self.till.post("stock/counts/", body).json()["id"])

    def transfer(self) -> Body:
        other = StoreFactory(tenant=self.store.tenant)
        return {"from_store": str(self.store.pk), "to_store": str(other.pk)}

    def draft_transfer(self) -> str:
        path = "stock/transfers/"
        made = str(self.till.post(path, self.transfer()).json()["id"])
        lines = [{"product": str(self.product.pk), "quantity": "3"}]
        assert self.till.post(f"{path}{made}/lines/", {"lines": lines}).status_code == 201
        return made

    def sent_transfer(self) -> str:
        made = self.draft_transfer()
        assert self.till.post(f"stock/transfers/{made}/send/").status_code == 200
        return made

    def delivery(self) -> Body:
        return {
            "type": "receive",
            "product": str(self.product.pk),
            "store": str(self.store.pk),
            "quantity": "5",
        }


@dataclass
class Post:
    """A request body with the id (`row`) and the ids of parts in the path.

    Bodies have no id, so the idempotency key identifies the request.
    """

    body: Any = None
    row: Any = None
    content_type: str = "application/json"
    parts: dict[str, Any] = field(default_factory=dict)

    def path(self, name: str) -> str:
        path = PATHS[name].replace("<uuid:pk>", str(self.row))
        for part, id in (PARTS | self.parts).items():
            path = path.replace(f"<uuid:{part}>", str(id))
        return path


def without_id(body: Body) -> Body:
    return {name: value for name, value in body.items() if name != "id"}


# The simulated gateway times out for this amount.
TIMES_OUT = "1.92"
WAITS_FOR_CARD = "1.95"
CSV = (
    b"--b\r\n"
    b'Content-Disposition: form-data; name="file"; filename="products.csv"\r\n'
    b"Content-Type: text/csv\r\n\r\n"
    b"sku,name,price\r\nPEAR,Pear,1.00\r\n\r\n"
    b"--b--\r\n"
)
HOOK = "https://93.184.215.14/hook"
CASH_IN = {"type": "paid_in", "amount": "5.00", "reason": "Coins"}

SERVICE_KEY = {"name": "Web shop", "scopes": ["catalog:read", "orders:write"]}
BARCODE_RULE = {"pattern": "20IIIIIVVVVVC", "kind": "weight"}
MODIFIER_LIST = {
    "name": "Size",
    "min": 1,
    "max": 1,
    "modifiers": [{"name": "Small"}, {"name": "Large", "price": "0.50"}],
}
POSTS: dict[str, Callable[[ShopSetup], Post]] = {
    # users
    "logout": lambda world: Post(),
    "logout-all": lambda world: Post(),
    "reauth": lambda world: Post({"password": PASSWORD}),
    "user-list": lambda world: Post({"username": "newcomer", "role": "cashier"}),
    "user-reset-password": lambda world: Post(row=world.cashier.pk),
    # terminals and approvals
    "register-pair": lambda world: Post(row=world.till.register.pk),
    "register-pairing-codes": lambda world: Post(row=world.till.register.pk),
    "register-device-sequence": lambda world: Post(
        {"last_device_sequence": 5}, row=world.till.register.pk
    ),
    "register-unpair": lambda world: Post(row=world.till.register.pk),
    "approval-list": lambda world: Post(world.approval_request()),
    "approval-approve": lambda world: Post({}, row=world.requested_approval()),
    "approval-deny": lambda world: Post({}, row=world.requested_approval()),
    # webhooks
    "service-key-list": lambda world: Post(SERVICE_KEY),
    "webhook-list": lambda world: Post({"url": HOOK, "events": ["*"]}),
    "webhook-rotate": lambda world: Post(row=world.webhook().pk),
    "webhook-test": lambda world: Post(row=world.webhook().pk),
    "webhook-redeliver": lambda world: Post(row=world.webhook_with_delivery().pk),
    # the shop and its catalog
    "store-list": lambda world: Post({"name": "Second"}),
    "register-list": lambda world: Post({"name": "Till 2", "store": str(world.store.pk)}),
    "tax-class-list": lambda world: Post({"name": "Reduced", "rates": []}),
    "category-list": lambda world: Post({"name": "Fruit"}),
    "bookkeeping-profile-list": lambda world: Post(
        {"store": str(world.store.pk), "consultant_number": 29098, "client_number": 55003}
    ),
    "customer-group-list": lambda world: Post({"name": "First"}),
    "customer-erase": lambda world: Post(
        {"name": "Ann Miller"},
        row=world.till.post("customers/", {"name": "Ann Miller"}).json()["id"],
    ),
    "customer-list": lambda world: Post({"name": "Ann", "email": "ann@till.example"}),
    "modifier-list-list": lambda world: Post(MODIFIER_LIST),
    "barcode-rule-list": lambda world: Post(BARCODE_RULE),
    "price-list-list": lambda world: Post({"name": "Wholesale", "priority": 1}),
    "price-list": lambda world: Post(world.price()),
    "price-batch": lambda world: Post(world.price_batch()),
    "payment-provider-list": lambda world: Post({"name": "Simulator", "kind": "simulator"}),
    "card-reader-list": lambda world: Post(world.card_reader()),
    "receipt-profile-list": lambda world: Post(
        {"store": str(world.store.pk), "legal_name": "Acme Ltd"}
    ),
    "product-list": lambda world: Post({"sku": "PEAR", "name": "Pear", "price": "1.00"}),
    "product-import": lambda world: Post(CSV, content_type="multipart/form-data; boundary=b"),
    "movement-list": lambda world: Post(world.delivery()),
    "movement-batch": lambda world: Post({"movements": [world.delivery()]}),
    "stock-count-list": lambda world: Post({"name": "Shelf 3", "store": str(world.store.pk)}),
    "stock-count-lines": lambda world: Post(
        {"lines": [{"product": str(world.product.pk), "quantity": "3"}]}, row=world.stock_count()
    ),
    "stock-count-close": lambda world: Post({"uncounted": "keep"}, row=world.stock_count()),
    "stock-count-cancel": lambda world: Post(row=world.stock_count()),
    "stock-transfer-list": lambda world: Post(world.transfer()),
    "stock-transfer-lines": lambda world: Post(
        {"lines": [{"product": str(world.product.pk), "quantity": "3"}]},
        row=world.draft_transfer(),
    ),
    "stock-transfer-send": lambda world: Post(row=world.draft_transfer()),
    "stock-transfer-check": lambda world: Post(
        {"lines": [{"product": str(world.product.pk), "quantity": "2"}]},
        row=world.sent_transfer(),
    ),
    "stock-transfer-receive": lambda world: Post(
        {"unchecked": "as_sent"}, row=world.sent_transfer()
    ),
    "stock-transfer-cancel": lambda world: Post(row=world.sent_transfer()),
    # selling
    "order-list": lambda world: Post(world.basket(payments=[cash("2.50")])),
    "order-calculate": lambda world: Post(world.basket()),
    "order-lines": lambda world: Post(line(world.product), row=world.order()),
    "order-discounts": lambda world: Post({"type": "percent", "value": "5"}, row=world.order()),
    "order-hold": lambda world: Post(row=world.order()),
    "order-resume": lambda world: Post({}, row=world.held()),
    "order-void": lambda world: Post({"reason": "Left"}, row=world.order()),
    "order-payments": lambda world: Post(without_id(cash("1.00")), row=world.order()),
    "order-receipt-fiscal": lambda world: Post(
        {"lines": ["Signed"]}, row=world.order(payments=[cash("2.50")])
    ),
    "refund-receipt-fiscal": lambda world: Post(
        {"lines": ["Signed"]}, row=world.refund(cash("2.50"), "1.00")
    ),
    "refund-receipt-email": lambda world: Post(
        {"email": "ann@customer.example"}, row=world.refund(cash("2.50"), "1.00")
    ),
    "order-receipt-email": lambda world: Post(
        {"email": "ann@customer.example"}, row=world.order(payments=[cash("2.50")])
    ),
    "order-refunds": lambda world: Post(
        {"reason": "Bruised"}, row=world.order(payments=[cash("2.50")])
    ),
    "payment-cancel": lambda world: Post(row=world.payment(cash("1.00"))),
    "payment-resolve": lambda world: Post(row=world.payment(card(TIMES_OUT))),
    "refund-cancel": lambda world: Post(row=world.waiting_refund()),
    "refund-resolve": lambda world: Post(row=world.unknown_refund()),
    "store-credit-list": lambda world: Post({"amount": "10.00"}),
    "store-credit-block": lambda world: Post({"reason": "Lost"}, row=world.credit()),
    "store-credit-unblock": lambda world: Post({"reason": "Found"}, row=world.credit()),
    # offline sync; offline sales have the id of their terminal
    "sync-orders": lambda world: Post(
        {
            "register": str(world.till.register.pk),
            "batch": [build_offline_sale(1, build_offline_line(world.product))],
        }
    ),
    # shifts
    "shift-list": lambda world: Post({"register": str(world.till.register.pk)}),
    "shift-cash-movements": lambda world: Post(CASH_IN, row=world.shift()),
    "shift-end": lambda world: Post(row=world.shift()),
    "shift-close": lambda world: Post(
        {"counted": [{"method": "cash", "amount": "100.00"}]}, row=world.shift()
    ),
}
