"""Invariants of a shop after failures of its servers."""

from collections import Counter
from collections.abc import Iterable
from decimal import Decimal
from typing import Any

import time_machine
from django.core.management import call_command
from django.utils import timezone

from orders.models import (
    ChainEntry,
    Order,
    OrderLine,
    Payment,
    Receipt,
    Refund,
    RefundLine,
    RegisterSeries,
    StockMovement,
)
from orders.models.payment import LOOK_UP_DELAY
from tenants.models import OutboxDelivery, OutboxEvent, Tenant
from tenants.scope import tenant_scope
from tests.support.order_relay import relay_all
from tests.support.till import ensure_books_balance

DONE = (Payment.Status.CAPTURED, Payment.Status.DECLINED, Payment.Status.CANCELED)
SOLD = (Order.Status.COMPLETED, Order.Status.PARTIALLY_REFUNDED, Order.Status.REFUNDED)


def ensure_invariants(shop: Tenant) -> None:
    """Deliver everything, then check stock, numbers, hash chains and orders."""
    with time_machine.travel(timezone.now() + 2 * LOOK_UP_DELAY, tick=True):
        relay_all()
    call_command("check_stock", tenant=shop.slug, verbosity=0)
    call_command("verify_chain", tenant=shop.slug, verbosity=0)
    ensure_books_balance(shop)
    with tenant_scope(shop):
        ensure_everything_delivered()
        for series in RegisterSeries.objects.all():
            ensure_no_gaps(series)
        for order in Order.objects.prefetch_related("lines", "payments", "refunds"):
            ensure_complete(order)
        ensure_stock_moved_once()


def ensure_everything_delivered() -> None:
    assert not OutboxEvent.objects.undispatched().exists()
    assert not OutboxDelivery.objects.exclude(status="delivered").exists()


def ensure_no_gaps(series: RegisterSeries) -> None:
    """Assert that all receipts, orders and chain entries up to the last number exist."""
    at = {"register": series.register_id}
    receipts = [*numbers(Receipt.objects.filter(**at), "number")]
    receipts += numbers(Refund.objects.filter(**at).exclude(receipt_number=None), "receipt_number")
    assert sorted(receipts) == [*range(1, series.last_receipt + 1)]
    orders = numbers(Order.objects.filter(**at), "number")
    assert sorted(int(each.rpartition("-")[2]) for each in orders) == [
        *range(1, series.last_order + 1)
    ]
    chain = numbers(ChainEntry.objects.filter(**at), "sequence")
    assert sorted(chain) == [*range(1, series.last_entry + 1)]


def numbers(rows: Any, column: str) -> Iterable[Any]:
    return rows.values_list(column, flat=True)


def ensure_complete(order: Order) -> None:
    """Assert that the order is complete and nothing of it is pending."""
    payments, lines = list(order.payments.all()), list(order.lines.all())
    assert {each.status for each in payments} <= set(DONE), order.number
    paid = sum((each.amount for each in payments if each.status == DONE[0]), Decimal(0))
    assert paid == order.paid_total, order.number
    assert sum((each.total for each in lines), Decimal(0)) == order.total
    assert (order.receipt_number is not None) == (order.status in SOLD), order.number
    if order.status in SOLD:
        assert paid == order.total
    refunds = order.refunds.exclude(status="failed")
    refunded = sum((each.total for each in refunds), Decimal(0))
    assert refunded == order.refunded_total <= paid


def ensure_stock_moved_once() -> None:
    """Assert that every sale and return moved the stock once."""
    sold: Counter[Any] = Counter()
    for line in OrderLine.objects.filter(order__status__in=SOLD, tracks_stock=True):
        sold[line.order_id, line.product_id] -= line.quantity
    for line in RefundLine.objects.filter(refund__status="done").select_related("refund", "line"):
        sold[line.refund.order_id, line.line.product_id] += line.quantity
    moved: Counter[Any] = Counter()
    for movement in StockMovement.objects.filter(type__in=["sale", "return"]):
        moved[movement.order_id, movement.product_id] += movement.quantity
    assert moved == sold
