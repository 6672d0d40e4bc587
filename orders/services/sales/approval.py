"""Consume the one approval that a sale needs, for its discounts, an expired product or both."""

from dataclasses import replace
from typing import Any

from orders.exceptions import Expired
from orders.models import Order, OrderLine
from orders.services.approvals import ApprovableRequest, RequiredApproval
from orders.services.pricing.discount_approval import DiscountOverLimit
from tenants.scope import current_tenant

SELL_EXPIRED = "sell_expired"


def approve_sale(
    order: Order,
    over_limit: DiscountOverLimit | None,
    expired: OrderLine | None,
    request: ApprovableRequest,
) -> None:
    """Consume the approval that the order needs, and store on the order what it covers.

    An approval of the action `sell_expired` with an amount covers discounts up to that amount too.
    Raises `Expired` or `ApprovalRequired` without one.
    """
    if expired is None or request.by.may_approve():
        if over_limit:
            over_limit.consume_approval(request)
        return
    if request.approval is None:
        raise _build_expired_error(order, over_limit, expired)
    if over_limit is None:
        RequiredApproval(SELL_EXPIRED, order.pk).consume(request)
    else:
        replace(over_limit, action=SELL_EXPIRED).consume_approval(request)


def _build_expired_error(
    order: Order, over_limit: DiscountOverLimit | None, line: OrderLine
) -> Expired:
    """Return the error, which contains the exact request for an approval."""
    facts: dict[str, Any] = {"action": SELL_EXPIRED, "object": {"order": str(order.pk)}}
    if over_limit:
        tenant = current_tenant()
        amount = over_limit.reduction.amount(tenant.currency_exponent)
        facts["amount"] = str(tenant.quantize_amount(amount))
    return Expired(name=line.name, expires_on=str(line.expires_on), **facts)
