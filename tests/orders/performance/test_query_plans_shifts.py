"""Query plans of shifts, as in `test_query_plans`."""

import re

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from orders.models import Order, Payment, Shift
from tests.factories.orders import OrderFactory, PaymentFactory, ShiftFactory
from tests.support.query_plans import (
    MINUTES,
    SINCE,
    analyze,
    explain_pages,
    for_both_pages,
    multiply_rows,
    nodes,
)

pytestmark = [pytest.mark.postgres, pytest.mark.django_db]

ENDED = {"status": "ended"}
READS_ORDERS = re.compile(r'FROM "orders_(order|payment)"')


@pytest.fixture
def shifts(cashier, register, foreign):
    for by, at in ((cashier, register), (foreign.cashier, foreign.register)):
        row = ShiftFactory(opened_by=by, register=at, **ENDED)
        multiply_rows(row, created_at=MINUTES, updated_at=MINUTES)
    analyze(Shift)


@pytest.fixture
def shift_with_sale(cashier, register, shifts):
    """Return a shift with one sale, in a shop with many sales outside of it."""
    shift_with_sale = ShiftFactory(opened_by=cashier, register=register)
    payments = []
    for of_shift in (None, shift_with_sale):
        order = OrderFactory(cashier=cashier, register=register, shift=of_shift)
        payments.append(PaymentFactory(order=order, shift=of_shift, status="captured"))
    multiply_rows(payments[0].order, number="'O-' || n", created_at=MINUTES)
    # Each of an order of its own: the planner would read all payments of one order that has many.
    its_order = (
        "(SELECT sold.id FROM orders_order AS sold "
        "WHERE sold.tenant_id = original.tenant_id AND sold.number = 'O-' || n)"
    )
    multiply_rows(payments[0], created_at=MINUTES, order_id=its_order)
    analyze(Order, Payment)
    return shift_with_sale


@pytest.mark.usefixtures("shifts")
def test_shift_lists_use_indexes(till, register):
    expected = [
        ({}, {"shift_by_time"}),
        ({"status": "ended"}, {"shift_by_time"}),
        ({"store": str(register.store_id)}, {"shift_by_time"}),
        ({"created_after": "2026-01-01T00:00:00Z"}, {"shift_by_time"}),
        (SINCE, {"shift_updated"}),
    ]

    found = explain_pages(till, "shifts/", "orders_shift", [query for query, _ in expected])

    assert found == for_both_pages(expected)


def test_x_report_reads_only_rows_of_the_shift(manager_client, shift_with_sale):
    """No statement scans all orders or payments."""
    with CaptureQueriesContext(connection) as queries:
        assert manager_client.get(f"shifts/{shift_with_sale.pk}/x-report/").status_code == 200

    statements = [each["sql"] for each in queries if READS_ORDERS.search(each["sql"])]
    assert len(statements) >= 7
    assert {sql: scanned for sql in statements if (scanned := list_scanned_tables(sql))} == {}


def list_scanned_tables(sql):
    """Return the tables that a statement scans sequentially."""
    with connection.cursor() as cursor:
        sql = sql.split(" FOR NO KEY UPDATE")[0]
        if sql.startswith("DECLARE"):
            sql = sql.split(" FOR ", 1)[1]
        cursor.execute(f"EXPLAIN (FORMAT JSON) {sql}")
        (plan,) = cursor.fetchone()[0]
    return {
        node["Relation Name"] for node in nodes(plan["Plan"]) if node["Node Type"] == "Seq Scan"
    } & {"orders_order", "orders_payment"}
