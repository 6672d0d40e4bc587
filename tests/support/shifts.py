"""Drawers under test: opened, moved, counted and closed over HTTP, as at a till."""

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

WRITTEN = (Shift, CashMovement, RegisterSeries, ChainEntry, Order, Payment, AuditEvent, OutboxEvent)


def open_shift(till: Till, opening_float: str = "100.00") -> Body:
    """A shift at the till, which must have been opened."""
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
    """Count the cash, and whatever else the test says was counted."""
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
    """Everything that a drawer writes, to see that a refusal has written nothing.

    Who was not allowed is written down, and is meant to be.
    """
    with tenant_scope(shop):
        kept = {model.__name__: list(model.objects.order_by("pk").values()) for model in WRITTEN}
    denials = ("permission_denied", "drawer_short", "log_in_ok")
    kept["AuditEvent"] = [row for row in kept["AuditEvent"] if row["event"] not in denials]
    return kept


def hold_order(till: Till, order: Body) -> Body:
    assert till.post(f"orders/{order['id']}/hold/").json()["status"] == "held"
    return order


def cancel_payment(person: Person, order: Body, place: int = 0, **body: Any) -> Any:
    """Give one of the order's payments back, the first one unless told."""
    return person.post(f"payments/{order['payments'][place]['id']}/cancel/", body or None)


def cancel_first_payment(person: Person, order: Body) -> Body:
    """The order without its first payment, which must have been given back."""
    response = cancel_payment(person, order)
    assert response.status_code == 200, response.content
    answer: Body = response.json()
    return answer


def ensure_difference_explained(z: Body) -> None:
    """What came is what was sold, but for what was paid in other shifts."""
    came = sum(by_method(z["payments"], "amount").values())
    canceled = sum(by_method(z["payments"], "canceled").values())
    sold = Decimal(z["sales"]["total"]) + Decimal(z["sales"]["cash_rounding"])
    ahead, before = Decimal(z["carried"]["paid_ahead"]), Decimal(z["carried"]["paid_before"])
    assert came - canceled == sold + ahead - before
    handed_back = sum(by_method(z["payments"], "refunded").values())
    assert handed_back == Decimal(z["refunds"]["total"]) + Decimal(z["refunds"]["cash_rounding"])
