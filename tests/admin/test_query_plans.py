"""Query plans of list pages of a large shop: PostgreSQL uses an index for every list.

Each of two shops has 10,000 rows; see `tests.support.query_plans`.
"""

import pytest
from django.db import connection
from django.utils import timezone

from accounts.models import Approval
from orders.models import (
    CashMovement,
    Order,
    Payment,
    Receipt,
    Refund,
    Shift,
    StoreCredit,
)
from tenants.scope import across_tenants, tenant_scope
from tests.factories.accounts import ApprovalFactory
from tests.factories.orders import (
    CashMovementFactory,
    OrderFactory,
    PaymentFactory,
    RefundFactory,
    ShiftFactory,
    StoreCreditFactory,
)
from tests.support.admin_pages import build_page_url
from tests.support.query_plans import MINUTES, analyze, explain_list, multiply_rows, walk

pytestmark = [pytest.mark.postgres, pytest.mark.django_db]

ALL, TODAY = {}, {"days": "1"}
# Copies a row for each of the other orders of its shop.
COPY_FOR_EACH_ORDER = """
INSERT INTO {table} SELECT copy.* FROM {table} AS original, orders_order AS o,
LATERAL json_populate_record(original, json_build_object(
    'id', gen_random_uuid(), 'order_id', o.id {more})) AS copy
WHERE original.id = %s AND o.tenant_id = original.tenant_id AND o.id <> original.order_id
"""


def copy_for_each_order(row, more=""):
    with across_tenants(), connection.cursor() as cursor:
        cursor.execute(COPY_FOR_EACH_ORDER.format(table=row._meta.db_table, more=more), [row.pk])


def create_receipt(order):
    with tenant_scope(order.tenant):
        receipt = Receipt(
            order=order, register=order.register, number=10**6, issued_at=timezone.now()
        )
        receipt.save()
        return receipt


@pytest.fixture
def orders(cashier, register, foreign):
    """Create many orders of both shops, each with a payment and a receipt."""
    for order in (OrderFactory(cashier=cashier, register=register), foreign.order):
        payment, receipt = PaymentFactory(order=order, status="captured"), create_receipt(order)
        multiply_rows(order, number="'O-' || n", created_at=MINUTES, updated_at=MINUTES)
        copy_for_each_order(payment)
        copy_for_each_order(receipt, ", 'number', substr(o.number, 3)::int")
    analyze(Order, Payment, Receipt)


@pytest.fixture
def shifts_and_refunds(cashier, register, foreign):
    shop_rows = OrderFactory(cashier=cashier, register=register)
    for by, at, order in (
        (cashier, register, shop_rows),
        (foreign.cashier, foreign.register, foreign.order),
    ):
        shift = ShiftFactory(opened_by=by, register=at, status="ended")
        rows = [
            shift,
            CashMovementFactory(shift=shift),
            StoreCreditFactory(tenant=at.tenant),
            ApprovalFactory(requested_by=by),
            RefundFactory(order=order, position=10**6),
        ]
        own = {StoreCredit: {"code": "'C-' || n"}, Refund: {"position": "n + 1000"}}
        for row in rows:
            multiply_rows(row, created_at=MINUTES, updated_at=MINUTES, **own.get(type(row), {}))
    analyze(Shift, CashMovement, StoreCredit, Approval, Refund)


def find_indexes(browser, model, query):
    table = model._meta.db_table
    return walk(explain_list(browser, build_page_url(model, "changelist"), query, table), table)


@pytest.mark.usefixtures("orders")
def test_payments_and_receipts_are_listed_by_the_order_index(managers_browser, register):
    """Starting with the newest order; only rows of one order are sorted."""
    store = {"store": str(register.store_id)}
    for model in (Payment, Receipt):
        table = model._meta.db_table
        for query in (ALL, TODAY, store):
            plan = explain_list(managers_browser, build_page_url(model, "changelist"), query, table)
            assert walk(plan, "orders_order") <= {"order_by_time", "Incremental Sort"}, query
            assert "Seq Scan" not in walk(plan, table), query
    assert find_indexes(managers_browser, Payment, {"q": "O-77"}) & {"Seq Scan"} == set()
    assert "Seq Scan" not in find_indexes(managers_browser, Receipt, {"q": "77"})
    assert find_indexes(managers_browser, Order, {"day": "2026-01-01"}) == {"order_by_time"}


@pytest.mark.usefixtures("orders")
def test_searched_orders_are_found_by_indexes(managers_browser, cashier, register):
    """Also with many rows of the same amount: the index has the order of the list."""
    with across_tenants():
        few = Order.objects.filter(cashier=cashier).values("pk")[:5]
        Order.objects.filter(pk__in=list(few.values_list("pk", flat=True))).update(
            total=77, customer_email="ann@mill.example"
        )
    analyze(Order)
    expected = [
        ({"q": "77.00"}, {"order_by_total"}),
        ({"q": "ann@mill.example"}, {"order_by_email"}),
        ({"q": f"{register.number}-77"}, {"order_number_is_unique"}),
        ({"q": "77"}, {"order_number_is_unique", "receipt_number_is_unique"}),
        ({"total_min": "76", "total_max": "78"}, {"order_by_total"}),
        ({"o": "2"}, {"order_by_total"}),
        ({"status__exact": "held"}, {"order_unfinished"}),
        ({"cashier": str(cashier.pk)}, {"order_by_cashier", "order_by_time"}),
    ]
    for query, indexes in expected:
        found = find_indexes(managers_browser, Order, query)
        assert "Seq Scan" not in found, query
        assert found & indexes, (query, found)


@pytest.mark.usefixtures("shifts_and_refunds")
def test_shift_and_refund_lists_use_their_time_indexes(managers_browser, register):
    store = {"store": str(register.store_id)}
    expected = [
        (Shift, ALL, {"shift_by_time"}),
        (Shift, TODAY, {"shift_by_time"}),
        (Shift, store, {"shift_by_time"}),
        (CashMovement, ALL, {"cash_movement_by_time"}),
        (CashMovement, TODAY, {"cash_movement_by_time"}),
        (StoreCredit, ALL, {"store_credit_by_time"}),
        (StoreCredit, {"q": "C-77"}, {"store_credit_code_is_unique", "Sort"}),
        (Approval, ALL, {"approval_by_time"}),
        (Approval, TODAY, {"approval_by_time"}),
        (Refund, ALL, {"refund_by_time"}),
        (Refund, TODAY, {"refund_by_time"}),
        (Refund, store, {"refund_by_time"}),
    ]

    plans = [
        (model, query, find_indexes(managers_browser, model, query)) for model, query, _ in expected
    ]

    assert plans == expected
