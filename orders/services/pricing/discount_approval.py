"""Check an order against discount limits, and consume an approval above them."""

from collections.abc import Sequence
from copy import copy
from dataclasses import dataclass
from decimal import Decimal
from functools import reduce
from typing import cast
from uuid import UUID

from accounts.exceptions import ApprovalRequired
from accounts.models import Approval, User
from orders.models import Order, OrderLine, Product
from orders.money.pricing import MIN_QUANTITY
from orders.services.approvals import ApprovableRequest, RequiredApproval
from orders.services.pricing.discount_policy import (
    NO_REDUCTION,
    ApprovedReduction,
    DiscountLimits,
    MeasuredLine,
    PriceReduction,
    find_required_action,
    measure_reduction,
)
from orders.services.pricing.lines import parse_discounts
from tenants.scope import current_tenant


@dataclass(frozen=True, slots=True)
class DiscountOverLimit:
    """An order whose discounts exceed a user's limits, and the approval that it needs."""

    order: Order
    reduction: PriceReduction
    before: PriceReduction
    action: str
    # What the approval covers besides discounts, such as what is paid for returned goods.
    besides: Decimal = Decimal(0)

    @property
    def required_approval(self) -> RequiredApproval:
        """Return the approval for the price reduction of the whole order, as an amount."""
        amount = self.reduction.amount(current_tenant().currency_exponent)
        return RequiredApproval(self.action, self.order.pk, amount + self.besides)

    def build_error(self) -> ApprovalRequired:
        return self.required_approval.build_error()

    def consume_approval(self, request: ApprovableRequest) -> None:
        """Consume the approval in this transaction, and store on the order what it covers.

        Raises `ApprovalRequired` if the approver's own limits are too low.
        """
        self.accept(self.required_approval.consume(request))

    def accept(self, approval: Approval) -> None:
        """Store on the order what a used approval covers; saves nothing.

        Raises `ApprovalRequired` if the approver's own limits are too low.
        """
        approver = cast(User, approval.decided_by)
        if _find_required_action(self.reduction, DiscountLimits.for_person(approver), self.before):
            raise self.build_error()
        self.order.approved_gift = cast(Decimal, approval.amount) - self.besides
        self.order.gift_approved_by = approver


def measure_order(order: Order, lines: Sequence[OrderLine]) -> PriceReduction:
    """Return the price reduction of the order in its present state."""
    return measure_reduction(
        [_build_measured_line(line) for line in lines if not line.is_returned],
        parse_discounts(order.discounts),
    )


def _build_measured_line(line: OrderLine) -> MeasuredLine:
    """Return the line as the policy sees it; the price on a label is the list price of one.

    A code that contains a weight too may ask less than the weight costs: that is a reduction.
    """
    discounts = parse_discounts(line.discounts)
    if line.fixed_gross is not None:
        price = line.fixed_gross
        if line.sold_by == Product.SoldBy.WEIGHT:
            # The quantity of other labels is the price divided by the list price, rounded.
            price = max(price, (line.quantity - MIN_QUANTITY) * line.list_price)
        return MeasuredLine(line.pk, Decimal(1), line.fixed_gross, price, discounts)
    return MeasuredLine(
        line.pk,
        line.quantity,
        line.unit_price + (line.modifiers_price if line.modifiers else 0),
        line.applicable_price + (line.modifiers_list_price if line.modifiers else 0),
        discounts,
        is_deposit=line.is_deposit,
    )


def find_discount_over_limit(
    order: Order, reduction: PriceReduction, by: User, before: PriceReduction = NO_REDUCTION
) -> DiscountOverLimit | None:
    """Return what needs an approval, or None if the user may save the order like this."""
    if reduction is NO_REDUCTION:
        return None
    limits = DiscountLimits.for_person(by)
    action = _find_required_action(reduction, limits, before)
    if action and order.approved_gift is not None:
        action = _find_required_action(reduction, limits, before, _load_approved_reduction(order))
    return DiscountOverLimit(order, reduction, before, action) if action else None


def is_over_limit(order: Order, lines: Sequence[OrderLine], *people: User) -> bool:
    """Return whether the order exceeds the lowest limits of these users.

    Deactivated users count as active: the sale was made before.
    """
    limits = reduce(DiscountLimits.combine_lower, map(_limits_while_active, people))
    return _find_required_action(measure_order(order, lines), limits) is not None


def _find_required_action(
    reduction: PriceReduction,
    limits: DiscountLimits,
    before: PriceReduction = NO_REDUCTION,
    approved: ApprovedReduction | None = None,
) -> str | None:
    exponent = current_tenant().currency_exponent
    return find_required_action(
        reduction, limits, exponent=exponent, before=before, approved=approved
    )


def _load_approved_reduction(order: Order) -> ApprovedReduction:
    approver = User.objects.select_related("tenant").get(pk=cast(UUID, order.gift_approved_by_id))
    return ApprovedReduction(order.approved_gift, _limits_while_active(approver))


def _limits_while_active(person: User) -> DiscountLimits:
    return DiscountLimits.for_person(while_active(person))


def while_active(person: User) -> User:
    """Return a copy with the limits that a deactivated user had; not to be saved."""
    active = copy(person)
    active.is_active = True
    return active
