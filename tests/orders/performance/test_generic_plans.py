"""The statements of the most frequent requests use an index for any values.

Prepared statements have generic plans: what is good for one shop must be good for all. Lists with
filters, and the search of the view, are planned for their values: see test_query_plans.
"""

import json

import pytest

from orders.models import StockLevel
from tenants.scope import tenant_scope
from tests.factories.orders import BarcodeFactory
from tests.support.api import Person
from tests.support.both_ways import call
from tests.support.generic_plans import explain, find_slow_scans, grow, record_statements
from tests.support.till import amount, cash, line, new_id

pytestmark = [pytest.mark.postgres, pytest.mark.django_db(transaction=True)]

GROWN = {
    *("orders_product", "orders_barcode", "orders_stocklevel", "orders_stockmovement"),
    *("orders_order", "orders_orderline", "orders_payment", "orders_receipt"),
    *("orders_refund", "orders_refundline", "orders_payout", "orders_chainentry"),
    *("tenants_outboxevent", "tenants_auditevent", "tenants_idempotencykey"),
    *("accounts_authsession", "accounts_user"),
}


class Requests:
    """What a cashier's terminal sends, through the whole application."""

    def __init__(self, cashier, register, product):
        self.cashier, self.register, self.product = cashier, register, product
        self.headers = {"authorization": f"Bearer {Person(cashier).tokens.access}"}

    def get(self, path):
        return self.answer("GET", path, None)

    def search_on(self):
        first = self.get(f"products/?search={self.product.sku}&page_size=1")
        return self.get(first["next"].partition("/v1/")[2])

    def post(self, path, body, **headers):
        return self.answer("POST", path, body, **headers)

    def answer(self, method, path, body, **headers):
        sent = b"" if body is None else json.dumps(body).encode()
        answer = call(method, f"/api/v1/{path}", sent, **self.headers, **headers)
        assert answer.status.startswith("2"), (path, answer)
        return json.loads(answer.body)

    def sell(self, **more):
        body = {
            "id": new_id(),
            "register": str(self.register.pk),
            "lines": [line(self.product)],
            "payments": [cash("2.50")],
        }
        return self.post("orders/", body | more)

    def sell_with_key(self):
        body = {"register": str(self.register.pk), "lines": [line(self.product)]}
        key = {"idempotency-key": new_id()}
        return self.post("orders/", body | {"payments": [cash("2.50")]}, **key)

    def sell_with_discount(self):
        parts = [cash("1.00"), {"method": "cash"}]
        return self.sell(discounts=[amount("0.10")], payments=parts)

    def pay_later(self):
        order = self.sell(payments=[])
        return self.post(f"orders/{order['id']}/payments/", {"id": new_id(), "method": "cash"})

    def refund(self):
        order = self.sell()
        body = {"reason": "Leaking", "lines": [{"line": order["lines"][0]["id"], "quantity": "1"}]}
        return self.post(f"orders/{order['id']}/refunds/", body, **{"idempotency-key": new_id()})

    def log_in(self):
        credentials = {"tenant": "green", "username": "c1", "password": PASSWORD}
        return self.post("auth/token/", credentials)


PASSWORD = "correct horse battery staple"
CALLS = {
    "product by barcode": lambda asked: asked.get("products/?barcode=42"),
    "page of products": lambda asked: asked.get("products/"),
    "product search": lambda asked: asked.get(f"products/?search={asked.product.sku}"),
    "product search, next page": Requests.search_on,
    "product search by barcode": lambda asked: asked.get("products/?search=42"),
    "page of orders": lambda asked: asked.get("orders/"),
    "order": lambda asked: asked.get(f"orders/{asked.sell()['id']}/"),
    "stock": lambda asked: asked.get("stock/"),
    "changes": lambda asked: asked.get("changes/?after=0"),
    "sale": Requests.sell,
    "sale with an Idempotency-Key": Requests.sell_with_key,
    "sale with a discount and two payments": Requests.sell_with_discount,
    "open order, and paid later": Requests.pay_later,
    "refund": Requests.refund,
    "log-in": Requests.log_in,
}


@pytest.fixture
def asked(shop, cashier, register, product, foreign):
    """A cashier of a shop that has sold for years, beside another one."""
    shop.shifts_required = False
    shop.limits["cashier"]["refund_amount"] = "1000000"
    shop.save()
    cashier.set_password(PASSWORD)
    cashier.save()
    BarcodeFactory(product=product, code="42")
    with tenant_scope(shop):
        StockLevel.objects.update(quantity=1_000)
    requests = Requests(cashier, register, product)
    for each in (Requests.sell_with_key, Requests.refund, Requests.log_in):
        each(requests)
    grow(sorted(GROWN), shop, foreign.tenant)
    return requests


def test_all_statements_use_an_index(asked, shop, monkeypatch):
    slow = []
    for name, request in CALLS.items():
        request(asked)  # what is sent only the first time is not looked at
        with record_statements(monkeypatch) as statements:
            request(asked)
        plans = list(explain(statements, shop))
        assert plans, name
        slow += [
            f"{name}: {', '.join(found)}: {sql}"
            for sql, plan in plans
            if (found := find_slow_scans(plan, GROWN))
        ]

    assert slow == []


def index_scan(rows, **more):
    return {
        "Node Type": "Index Scan",
        "Relation Name": "orders_order",
        "Plan Rows": rows,
        "Index Cond": "(tenant_id = $1)",
    } | more


@pytest.mark.parametrize(
    ("plan", "is_slow"),
    [
        (index_scan(1), False),
        (index_scan(2_000), True),
        ({"Node Type": "Limit", "Plans": [index_scan(2_000)]}, False),
        (
            {"Node Type": "Limit", "Plans": [{"Node Type": "Sort", "Plans": [index_scan(2_000)]}]},
            True,
        ),
        (index_scan(1) | {"Node Type": "Seq Scan"}, True),
        ({"Node Type": "Limit", "Plans": [index_scan(1) | {"Node Type": "Seq Scan"}]}, True),
        (index_scan(2_000) | {"Relation Name": "tenants_store"}, False),
    ],
)
def test_scan_is_slow_if_its_time_grows_with_the_table(plan, is_slow):
    assert bool(find_slow_scans(plan, {"orders_order"})) == is_slow
