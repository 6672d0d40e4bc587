"""Database constraints of refunds, payouts and store credit."""

from decimal import Decimal

import pytest
from django.db import IntegrityError, connection, transaction

from orders.models import Payment
from tenants.scope import tenant_scope
from tests.factories.orders import StoreCreditFactory
from tests.support.refunds import build_refund_lines, create_refund, snapshot_refund_rows
from tests.support.till import card, cash, line

INVALID_CHANGES = {
    "orders_order": [
        "refunded_total = paid_total + 0.01",
        "refunded_total = -0.01",
        "total = -0.01",
        "deposit_return_total = -0.01",
    ],
    "orders_orderline": [
        "quantity = 0",
        "quantity = -1",
        "total = -0.01",
        "refunded_quantity = quantity + 0.001",
        "refunded_quantity = -0.001",
        "refunded_total = total + 0.01",
        "refunded_total = -0.01",
    ],
    "orders_payment": [
        "refunded_total = amount + 0.01",
        "refunded_total = -0.01",
        "status = 'canceled'",
        "amount = -5, tendered = NULL, refunded_total = 0, method = 'card'",
        "amount = -5, tendered = -5, refunded_total = 0",
    ],
    "orders_refund": ["total = -0.01", "receipt_number = NULL", "status = 'failed'"],
    "orders_refundline": ["quantity = -1", "total = -0.01"],
    "orders_payout": ["amount = -0.01", "paid = -0.01", "amount = 0, paid = 0"],
    "orders_storecredit": ["balance = -0.01"],
    "orders_storecreditentry": ["amount = 0", "amount = 5"],
}


@pytest.fixture
def partially_refunded_order(till, manager_client, make_product, shop):
    """Return an order of two units of which one is refunded."""
    order = till.sold(line(make_product("2.50"), "2"), payments=[cash("5.00")])
    create_refund(manager_client, order, lines=build_refund_lines(order))
    StoreCreditFactory(tenant=shop)
    return order


@pytest.mark.parametrize("table", INVALID_CHANGES)
def test_database_refuses_invalid_amounts_and_statuses(table, partially_refunded_order, shop):
    before = snapshot_refund_rows(shop)
    for change in INVALID_CHANGES[table]:
        with (
            tenant_scope(shop),
            pytest.raises(IntegrityError),
            transaction.atomic(),
            connection.cursor() as cursor,
        ):
            cursor.execute(f"UPDATE {table} SET {change}")  # noqa: S608

    assert snapshot_refund_rows(shop) == before


def test_database_refuses_deleting_store_credit_entries(partially_refunded_order, shop):
    refused = pytest.raises(IntegrityError)
    with tenant_scope(shop), refused, transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("DELETE FROM orders_storecreditentry")


def test_database_refuses_refunding_a_declined_payment(till, make_product, gateway, in_shop):
    order = till.sold(line(make_product("2.50")), payments=[card("1.00")])
    Payment.objects.filter(order_id=order["id"]).update(status="declined")

    with pytest.raises(IntegrityError), transaction.atomic():
        Payment.objects.filter(order_id=order["id"]).update(refunded_total=Decimal("0.01"))
