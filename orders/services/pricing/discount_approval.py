"""Whether an order may give away what it does, and using an approval where it may not."""

from collections.abc import Sequence
from copy import copy
from dataclasses import dataclass
from functools import reduce
from typing import cast
from uuid import UUID

from accounts.exceptions import ApprovalRequired
from accounts.models import User
from orders.models import Order, OrderLine
from orders.services.approvals import Deed, Leave
from orders.services.pricing.discount_policy import (
    NO_GIFT,
    ApprovedGift,
    DiscountLimits,
    Gift,
    MeasuredLine,
    measure,
    needed_action,
)
from orders.services.pricing.reprice import discounts_of
from tenants.scope import current_tenant


@dataclass(frozen=True, slots=True)
class DiscountOverLimit:
    """An order that gives away more than somebody may, and the approval that it needs."""

    order: Order
    gift: Gift
    before: Gift
    action: str

    @property
    def needed(self) -> Leave:
        """The approval is for the money that the whole order gives away."""
        amount = self.gift.amount(current_tenant().currency_exponent)
        return Leave(self.action, self.order.pk, amount)

    def refusal(self) -> ApprovalRequired:
        return self.needed.refusal()

    def use_approval(self, request: Deed) -> None:
        """Use the request's approval in this transaction, and note on the order what it covers.

        Raises `ApprovalRequired` where the approver may not give away so much either.
        """
        approval = self.needed.use_approval(request)
        approver = cast(User, approval.decided_by)
        if _needed_action(self.gift, DiscountLimits.of(approver), self.before):
            raise self.refusal()
        self.order.approved_gift, self.order.gift_approved_by = approval.amount, approver


def measure_order(order: Order, lines: Sequence[OrderLine]) -> Gift:
    """Return what the order gives away as it stands."""
    return measure(
        [
            MeasuredLine(
                key=line.pk,
                quantity=line.quantity,
                unit_price=line.unit_price,
                applicable_price=line.applicable_price,
                discounts=discounts_of(line.discounts),
            )
            for line in lines
        ],
        discounts_of(order.discounts),
    )


def find_over_limit(
    order: Order, gift: Gift, by: User, before: Gift = NO_GIFT
) -> DiscountOverLimit | None:
    """Return what needs an approval, if this person may not leave the order like this alone."""
    limits = DiscountLimits.of(by)
    action = _needed_action(gift, limits, before)
    if action and order.approved_gift is not None:
        action = _needed_action(gift, limits, before, _approved_gift(order))
    return DiscountOverLimit(order, gift, before, action) if action else None


def is_over_limit(order: Order, lines: Sequence[OrderLine], *people: User) -> bool:
    """Return whether the order gives away more than the lowest limits of these people allow.

    Whoever has left since counts as active: the sale was made while the role allowed it.
    """
    limits = reduce(DiscountLimits.lower_of, map(_limits_while_active, people))
    return _needed_action(measure_order(order, lines), limits) is not None


def _needed_action(
    gift: Gift,
    limits: DiscountLimits,
    before: Gift = NO_GIFT,
    approved: ApprovedGift | None = None,
) -> str | None:
    exponent = current_tenant().currency_exponent
    return needed_action(gift, limits, exponent=exponent, before=before, approved=approved)


def _approved_gift(order: Order) -> ApprovedGift:
    approver = User.objects.select_related("tenant").get(pk=cast(UUID, order.gift_approved_by_id))
    return ApprovedGift(order.approved_gift, _limits_while_active(approver))


def _limits_while_active(person: User) -> DiscountLimits:
    active = copy(person)
    active.is_active = True
    return DiscountLimits.of(active)
