"""Consume the one approval that a sale needs, for all that exceeds limits or has expired."""

from dataclasses import replace
from typing import cast

from accounts.models import User
from orders.exceptions import Expired
from orders.models import Order, OrderLine
from orders.services.approvals import ApprovableRequest, RequiredApproval
from orders.services.money_limits import ZERO, DepositReturn, lock_with_approver
from orders.services.pricing.discount_approval import DiscountOverLimit

SELL_EXPIRED = "sell_expired"
DEPOSIT_RETURN = "deposit_return"


def approve_sale(
    order: Order,
    over_limit: DiscountOverLimit | None,
    expired: OrderLine | None,
    request: ApprovableRequest,
    returned: DepositReturn | None = None,
) -> None:
    """Consume the approval that the order needs, and store on the order what it covers.

    One approval covers all: its action is the first of `sell_expired`, that of the discounts and
    `deposit_return` which the order needs, and its amount is the sum of the discounts and of what
    is paid for returned goods. Raises `Expired` or `ApprovalRequired` without one.
    """
    if request.by.may_approve():
        expired = None
    above = None
    if returned is not None:
        lock_with_approver(request)
        above = None if returned.is_allowed(request.by) else returned
    responsible = request.by
    if over_limit or expired or above:
        approver = _consume_approval(order, over_limit, expired, above, request)
        responsible = approver if above else request.by
    if returned is not None:
        returned.assign_to(responsible)


def _consume_approval(
    order: Order,
    over_limit: DiscountOverLimit | None,
    expired: OrderLine | None,
    returned: DepositReturn | None,
    request: ApprovableRequest,
) -> User:
    """Return who gave the approval, whose own limits cover each of the amounts."""
    paid_out = returned.amount if returned else ZERO
    if over_limit:
        action = SELL_EXPIRED if expired else over_limit.action
        over_limit = replace(over_limit, action=action, besides=paid_out)
        required = over_limit.required_approval
    else:
        action = SELL_EXPIRED if expired else DEPOSIT_RETURN
        required = RequiredApproval(action, order.pk, paid_out if returned else None)
    if expired and request.approval is None:
        raise _build_expired_error(required, expired)
    approval = required.consume(request)
    if over_limit:
        over_limit.accept(approval)
    approver = cast(User, approval.decided_by)
    if returned and not returned.is_allowed(approver):
        raise required.build_error()
    return approver


def _build_expired_error(required: RequiredApproval, line: OrderLine) -> Expired:
    """Return the error, which contains the exact request for an approval."""
    facts = required.build_error().facts
    return Expired(name=line.name, expires_on=str(line.expires_on), **facts)
