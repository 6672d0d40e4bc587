"""What was told and what is in the books: the same, deed by deed."""

from collections.abc import Iterable
from typing import Any

from orders.models import Order, Refund, StockMovement
from orders.serializers.rendering import render_order
from tenants.models import IdempotencyKey, Tenant
from tenants.scope import tenant_scope
from tests.support.live.load import Answered
from tests.support.till import Body

# What an order says differently once some of it was taken back, or a card was looked up.
TAKEN_BACK = {"status", "refunded_total", "refunds", "lines", "version"}
LOOKED_UP = {
    "status",
    "payments",
    "paid_total",
    "due",
    "cash_due",
    "receipt_number",
    "completed_at",
    "version",
}


def ensure_every_key_has_its_result(told: Iterable[Answered], shop: Tenant) -> None:
    """Also the keys of those who died before they could write the answer down."""
    with tenant_scope(shop):
        statuses = dict(IdempotencyKey.objects.values_list("key", "status"))
    for each in told:
        if statuses[each.key] is None:
            answer = each.again()
            assert (answer.status_code, answer["Idempotent-Replayed"]) == (200, "true")
            assert answer.json()["id"] == each.answer.json()["id"]


def ensure_answers_are_stored(told: list[Answered], shop: Tenant) -> None:
    """Everything that was told is there as it was told, and there is nothing else."""
    orders, refunds, movements = {}, {}, {}
    for each in told:
        answer = each.answer.json()
        if each.path.endswith("refunds/"):
            refunds[answer["id"]] = answer
        elif each.path == "stock/movements/":
            movements[answer["id"]] = answer
        else:
            orders[answer["id"]] = answer
    with tenant_scope(shop):
        ensure_orders(orders)
        kept = Refund.objects.values_list("id", "total")
        assert {str(id): f"{total:.2f}" for id, total in kept} == {
            id: refund["total"] for id, refund in refunds.items()
        }
        received = StockMovement.objects.filter(type="receive", by__isnull=False)
        assert {str(id) for id in received.values_list("id", flat=True)} == movements.keys()


def ensure_orders(told: dict[str, Body]) -> None:
    kept = {str(order.pk): render_order(order) for order in Order.objects.with_details()}
    assert kept.keys() == told.keys()
    for id, order in kept.items():
        may_differ = TAKEN_BACK if order["refunds"] else set()
        if any(payment["status"] == "pending" for payment in told[id]["payments"]):
            may_differ = may_differ | LOOKED_UP
        assert without(order, may_differ) == without(told[id], may_differ)


def without(order: Body, fields: set[str]) -> dict[str, Any]:
    return {name: value for name, value in order.items() if name not in fields}
