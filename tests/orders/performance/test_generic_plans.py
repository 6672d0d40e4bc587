"""The statements of the most frequent requests use an index for any values.

Prepared statements have generic plans: what is good for one shop must be good for all. Lists with
filters, and the search of the view, are planned for their values: see test_query_plans.
"""

import pytest

from orders.models import StockLevel
from tenants.scope import tenant_scope
from tests.factories.orders import BarcodeFactory
from tests.support.frequent_requests import CALLS, PASSWORD, Requests
from tests.support.generic_plans import explain, find_slow_scans, grow, record_statements

pytestmark = [pytest.mark.postgres, pytest.mark.django_db(transaction=True)]

GROWN = {
    *("orders_product", "orders_barcode", "orders_stocklevel", "orders_stockmovement"),
    *("orders_order", "orders_orderline", "orders_payment", "orders_receipt"),
    *("orders_refund", "orders_refundline", "orders_payout", "orders_chainentry"),
    *("tenants_outboxevent", "tenants_auditevent", "tenants_idempotencykey"),
    *("accounts_authsession", "accounts_user"),
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
