"""Compare the answers of the server with the stored data."""

from collections.abc import Iterable
from typing import Any

from orders.models import Order, Refund, StockMovement
from orders.serializers.rendering import render_order
from tenants.models import IdempotencyKey, Tenant
from tenants.scope import tenant_scope
from tests.support.live.load import Answered
from tests.support.till import Body

# Fields of an order that differ after a refund or a look-up of a card payment.
CHANGED_BY_REFUND = {"status", "refunded_total", "refunds", "lines", "version"}
CHANGED_BY_LOOK_UP = {
    "status",
    "payments",
    "paid_total",
    "due",
    "cash_due",
    "receipt_number",
    "completed_at",
    "version",
}


def ensure_every_key_has_its_result(answered: Iterable[Answered], shop: Tenant) -> None:
    """Also of requests whose process died before it stored the answer."""
    with tenant_scope(shop):
        statuses = dict(IdempotencyKey.objects.values_list("key", "status"))
    for each in answered:
        if statuses[each.key] is None:
            answer = each.again()
            assert (answer.status_code, answer["Idempotent-Replayed"]) == (200, "true")
            assert answer.json()["id"] == each.answer.json()["id"]


def ensure_answers_are_stored(answered: list[Answered], shop: Tenant) -> None:
    """Assert that exactly the answered orders, refunds and movements are stored."""
    orders, refunds, movements = {}, {}, {}
    for each in answered:
        answer = each.answer.json()
        if each.path.endswith("refunds/"):
            refunds[answer["id"]] = answer
        elif each.path == "stock/movements/":
            movements[answer["id"]] = answer
        else:
            orders[answer["id"]] = answer
    with tenant_scope(shop):
        ensure_orders(orders)
        stored = Refund.objects.values_list("id", "total")
        assert {str(id): f"{total:.2f}" for id, total in stored} == {
            id: refund["total"] for id, refund in refunds.items()
        }
        received = StockMovement.objects.filter(type="receive", by__isnull=False)
        assert {str(id) for id in received.values_list("id", flat=True)} == movements.keys()


def ensure_orders(answered: dict[str, Body]) -> None:
    stored = {str(order.pk): render_order(order) for order in Order.objects.with_details()}
    assert stored.keys() == answered.keys()
    for id, order in stored.items():
        # Only the answer to a payment has it.
        may_differ = {"declined_payment"} | (CHANGED_BY_REFUND if order["refunds"] else set())
        if any(payment["status"] == "pending" for payment in answered[id]["payments"]):
            may_differ = may_differ | CHANGED_BY_LOOK_UP
        assert without(order, may_differ) == without(answered[id], may_differ)


def without(order: Body, fields: set[str]) -> dict[str, Any]:
    return {name: value for name, value in order.items() if name not in fields}
