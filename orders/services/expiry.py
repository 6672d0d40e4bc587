"""Refuse products after the expiry date of their scanned code."""

from collections.abc import Sequence
from datetime import datetime

from orders.exceptions import Expired
from orders.models import Order, OrderLine
from orders.services.approvals import ApprovableRequest, RequiredApproval

ACTION = "sell_expired"


def find_expired_line(order: Order, lines: Sequence[OrderLine], at: datetime) -> OrderLine | None:
    """Return the first line that has expired by the date of the store. No date never expires."""
    if not any(line.expires_on for line in lines):
        return None
    today = at.astimezone(order.store.clock).date()
    return next((line for line in lines if line.expires_on and line.expires_on < today), None)


def build_expired_error(order: Order, line: OrderLine) -> Expired:
    """Return the error, which contains the exact request for an approval."""
    return Expired(
        name=line.name,
        expires_on=str(line.expires_on),
        action=ACTION,
        object={"order": str(order.pk)},
    )


def approve_expired(order: Order, line: OrderLine | None, request: ApprovableRequest) -> None:
    """Consume the approval that an expired line needs, unless the user may approve sales.

    Raises `Expired` without an approval.
    """
    if line is None or request.by.may_approve():
        return
    if request.approval is None:
        raise build_expired_error(order, line)
    RequiredApproval(ACTION, order.pk).consume(request)
