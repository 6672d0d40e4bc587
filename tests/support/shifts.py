"""Shifts over HTTP."""

from decimal import Decimal
from typing import Any

from orders.models import (
    CashMovement,
    ChainEntry,
    Order,
    Payment,
    RegisterSeries,
    Shift,
)
from tenants.models import AuditEvent, OutboxEvent, Tenant
from tenants.scope import tenant_scope
from tests.support.api import Person
from tests.support.till import Body, Till, new_id

SHIFT_MODELS = (
    Shift,
    CashMovement,
    RegisterSeries,
    ChainEntry,
    Order,
    Payment,
    AuditEvent,
    OutboxEvent,
)


def open_shift(till: Till, opening_float: str = "100.00") -> Body:
    """Open a shift and assert that it succeeds."""
    response = till.post("shifts/", build_opening(till, opening_float=opening_float))
    assert response.status_code == 201, response.content
    answer: Body = response.json()
    return answer


def build_opening(till: Till, **more: Any) -> Body:
    return {"id": new_id(), "register": str(till.register.pk), **more}


def record_movement(
    person: Person, shift: Body, type: str, amount: str | None = None, **more: Any
) -> Any:
    amounts = {} if amount is None else {"amount": amount}
    body = {"id": new_id(), "type": type, "reason": "As usual", **amounts, **more}
    return person.post(f"shifts/{shift['id']}/cash-movements/", body)


def end_shift(person: Person, shift: Body, **headers: str) -> Any:
    return person.post(f"shifts/{shift['id']}/end/", **headers)


def close_shift(person: Person, shift: Body, cash: str | None = None, **more: Any) -> Any:
    """Close a shift with the counted cash and other counted methods."""
    headers = {name: more.pop(name) for name in ("If_Match", "Idempotency_Key") if name in more}
    counted = {} if cash is None else {"counted": [{"method": "cash", "amount": cash}]}
    return person.post(f"shifts/{shift['id']}/close/", {**counted, **more}, **headers)


def fetch_shift_report(person: Person, shift: Body, letter: str = "x") -> Body:
    response = person.get(f"shifts/{shift['id']}/{letter}-report/")
    assert response.status_code == 200, response.content
    answer: Body = response.json()
    return answer


def by_method(rows: list[Body], figure: str) -> dict[str, Decimal]:
    return {row["method"]: Decimal(row[figure]) for row in rows}


def snapshot_shift_rows(shop: Tenant) -> dict[str, list[Any]]:
    """Return all rows that shifts write, to check that a refusal changed nothing.

    Audit events of refusals are excluded.
    """
    with tenant_scope(shop):
        rows = {
            model.__name__: list(model.objects.order_by("pk").values()) for model in SHIFT_MODELS
        }
    denials = ("permission_denied", "drawer_short", "log_in_ok")
    rows["AuditEvent"] = [row for row in rows["AuditEvent"] if row["event"] not in denials]
    return rows


def hold_order(till: Till, order: Body) -> Body:
    assert till.post(f"orders/{order['id']}/hold/").json()["status"] == "held"
    return order


def cancel_payment(person: Person, order: Body, place: int = 0, **body: Any) -> Any:
    """Cancel a payment of the order, by default the first one."""
    return person.post(f"payments/{order['payments'][place]['id']}/cancel/", body or None)


def cancel_first_payment(person: Person, order: Body) -> Body:
    """Cancel the first payment, assert that it succeeds and return the order."""
    response = cancel_payment(person, order)
    assert response.status_code == 200, response.content
    answer: Body = response.json()
    return answer


def ensure_difference_explained(z: Body) -> None:
    """Assert that payments equal sales, except payments of other shifts."""
    received = sum(by_method(z["payments"], "amount").values())
    canceled = sum(by_method(z["payments"], "canceled").values())
    sold = Decimal(z["sales"]["total"]) + Decimal(z["sales"]["cash_rounding"])
    ahead, before = Decimal(z["carried"]["paid_ahead"]), Decimal(z["carried"]["paid_before"])
    assert received - canceled == sold + ahead - before
    refunded = sum(by_method(z["payments"], "refunded").values())
    made, failed = z["refunds"], z["failed_refunds"]
    assert refunded == sum_refunds(made) - sum_refunds(failed)


def sum_refunds(figures: Body) -> Decimal:
    return Decimal(figures["total"]) + Decimal(figures["cash_rounding"])
