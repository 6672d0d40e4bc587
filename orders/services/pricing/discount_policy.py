"""Discount policy: how far a user may reduce the price of an order without an approval.

Pure functions, and the only place of this rule: for new, edited and uploaded orders.

The reduction of a line is its applicable price times its quantity, less its net. The applicable
price is the list price, or the typed price of a product with an open price. Discounts count as
requested, unrounded: a tenth of 1.95 takes 0.20 off, and still counts as a tenth.

1. The reduction of a line is at most the largest percent limit of the kinds used on it: line
   discount, order discount, price override. Kinds that took nothing do not count.
2. Order discounts alone may take at most `order_discount_percent` of what line discounts left.
3. A price above the list price is no reduction and has its own limit: it may be at most
   `price_override_percent` above. A product without a list price counts as raised by 100 percent.

Limits are percentages; None is unlimited.
"""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from fractions import Fraction
from typing import Protocol, Self

from orders.money import Discount, DiscountType, round_to

ZERO = Fraction(0)
HUNDRED = Fraction(100)
DISCOUNT = "discount"
PRICE_OVERRIDE = "price_override"


class LimitHolder(Protocol):
    """A user, or a stand-in with the limits of one."""

    def own_limit(self, name: str) -> Decimal | None: ...


@dataclass(frozen=True, slots=True)
class DiscountLimits:
    """How many percent a person may take off; None is unlimited."""

    line_discount: Decimal | None
    order_discount: Decimal | None
    price_override: Decimal | None

    @classmethod
    def for_person(cls, person: LimitHolder) -> Self:
        return cls(
            person.own_limit("line_discount_percent"),
            person.own_limit("order_discount_percent"),
            person.own_limit("price_override_percent"),
        )

    def combine_lower(self, other: Self) -> "DiscountLimits":
        """Return the lower of the two limits for each kind."""
        return DiscountLimits(
            _choose_lower(self.line_discount, other.line_discount),
            _choose_lower(self.order_discount, other.order_discount),
            _choose_lower(self.price_override, other.price_override),
        )


@dataclass(frozen=True, slots=True)
class MeasuredLine:
    """A line as the policy sees it; `key` identifies it before and after a change."""

    key: uuid.UUID | int
    quantity: Decimal
    unit_price: Decimal
    # The unit price itself where the product has an open price.
    applicable_price: Decimal
    discounts: Sequence[Discount] = ()
    # Order discounts do not reduce a deposit.
    is_deposit: bool = False

    @property
    def is_at_list_price(self) -> bool:
        return self.unit_price == self.applicable_price


@dataclass(frozen=True, slots=True)
class LineReduction:
    """Price reduction of one line, as exact fractions."""

    # At the applicable price.
    catalog_value: Fraction
    # Negative where the line costs more than at the applicable price.
    reduction: Fraction
    # Percent by which the unit price is above the applicable price.
    raised_percent: Fraction
    has_line_discount: bool
    has_order_discount: bool
    has_price_override: bool

    @property
    def percent(self) -> Fraction:
        return self.reduction / self.catalog_value * HUNDRED if self.catalog_value else ZERO

    def is_within(self, limits: DiscountLimits) -> bool:
        means = (
            (self.has_line_discount, limits.line_discount),
            (self.has_order_discount, limits.order_discount),
            (self.has_price_override, limits.price_override),
        )
        used = [limit for is_used, limit in means if is_used]
        # The largest limit counts: it is enough to be within any of them.
        return not used or any(_is_at_most(self.percent, limit) for limit in used)


@dataclass(frozen=True, slots=True)
class PriceReduction:
    """Price reduction of a whole order."""

    lines: Mapping[uuid.UUID | int, LineReduction] = field(default_factory=dict)
    # Order discounts alone, in percent of what line discounts left.
    order_percent: Fraction = ZERO

    @property
    def total(self) -> Fraction:
        """Return the total reduction, unrounded. A raised price does not offset another line."""
        return sum((max(line.reduction, ZERO) for line in self.lines.values()), ZERO)

    def amount(self, exponent: int) -> Decimal:
        """Return the total reduction, rounded half-up to the currency."""
        return round_to(self.total, exponent)

    def is_within(self, limits: DiscountLimits) -> bool:
        """Return whether each line and the order discounts are within the percent limits."""
        return _is_at_most(self.order_percent, limits.order_discount) and all(
            line.is_within(limits) for line in self.lines.values()
        )

    def raises_prices_beyond(self, limits: DiscountLimits, before: "PriceReduction") -> bool:
        """Return whether a price exceeds its limit above the list price, and did not before."""
        return any(
            line.raised_percent > before.line(key).raised_percent
            and not _is_at_most(line.raised_percent, limits.price_override)
            for key, line in self.lines.items()
        )

    def is_no_more_than(self, before: "PriceReduction") -> bool:
        """Return whether neither the total nor any line is reduced further than before."""
        return (
            self.total <= before.total
            and self.order_percent <= before.order_percent
            and all(line.percent <= before.line(key).percent for key, line in self.lines.items())
        )

    def line(self, key: uuid.UUID | int) -> LineReduction:
        return self.lines.get(key, NO_LINE_REDUCTION)

    def required_action(self, limits: DiscountLimits) -> str:
        """Return the action to approve; `price_override` also covers discounts."""
        over = [line for line in self.lines.values() if not line.is_within(limits)]
        return PRICE_OVERRIDE if any(line.has_price_override for line in over) else DISCOUNT


@dataclass(frozen=True, slots=True)
class ApprovedReduction:
    """The reduction that was approved for an order, and the approver's limits."""

    amount: Decimal
    limits: DiscountLimits


NO_LINE_REDUCTION = LineReduction(ZERO, ZERO, ZERO, False, False, False)
NO_REDUCTION = PriceReduction()


def measure_reduction(
    lines: Sequence[MeasuredLine], discounts: Sequence[Discount]
) -> PriceReduction:
    """Return the price reduction of lines with these order discounts."""
    # Most sales have no reduction: skip the computation.
    if not discounts and all(each.is_at_list_price and not each.discounts for each in lines):
        return NO_REDUCTION
    gross = [Fraction(each.quantity) * Fraction(each.unit_price) for each in lines]
    left = [
        price - compute_unrounded_discounts(price, each.discounts)
        for price, each in zip(gross, lines, strict=True)
    ]
    whole = sum(
        (price for price, each in zip(left, lines, strict=True) if not each.is_deposit), ZERO
    )
    off = compute_unrounded_discounts(whole, discounts)
    share = off / whole if whole else ZERO
    return PriceReduction(
        {
            each.key: _measure_line(each, price, before_share, ZERO if each.is_deposit else share)
            for each, price, before_share in zip(lines, gross, left, strict=True)
        },
        share * HUNDRED,
    )


def find_required_action(
    reduction: PriceReduction,
    limits: DiscountLimits,
    *,
    exponent: int,
    before: PriceReduction = NO_REDUCTION,
    approved: ApprovedReduction | None = None,
) -> str | None:
    """Return the action for which an approval is needed, or None.

    No approval is needed if the order is within the user's own limits; if it is not reduced
    further than `before`; or if its whole reduction is at most the approved amount and within the
    approver's limits. Otherwise the whole reduction needs a new approval: an earlier one does not
    add to the user's own limit.

    Raised prices are no reduction: an approved amount never covers them.
    """
    if reduction.raises_prices_beyond(limits, before):
        return PRICE_OVERRIDE
    if reduction.is_within(limits) or reduction.is_no_more_than(before):
        return None
    if (
        approved
        and reduction.amount(exponent) <= approved.amount
        and reduction.is_within(approved.limits)
    ):
        return None
    return reduction.required_action(limits)


def compute_unrounded_discounts(whole: Fraction, discounts: Sequence[Discount]) -> Fraction:
    """Return what discounts take off, unrounded: percents first, then amounts."""
    left = whole
    for discount in discounts:
        if discount.type == DiscountType.PERCENT:
            left -= left * Fraction(discount.value) / HUNDRED
    for discount in discounts:
        if discount.type == DiscountType.AMOUNT:
            left -= min(Fraction(discount.value), left)
    return whole - left


def _measure_line(
    line: MeasuredLine, gross: Fraction, left: Fraction, share: Fraction
) -> LineReduction:
    price, list_price = Fraction(line.unit_price), Fraction(line.applicable_price)
    catalog_value = Fraction(line.quantity) * list_price
    raised_percent = ZERO
    if price > list_price:
        raised_percent = (price - list_price) / list_price * HUNDRED if list_price else HUNDRED
    return LineReduction(
        catalog_value=catalog_value,
        reduction=catalog_value - left * (1 - share),
        raised_percent=raised_percent,
        has_line_discount=left < gross,
        has_order_discount=bool(share and left),
        has_price_override=not line.is_at_list_price,
    )


def _choose_lower(one: Decimal | None, other: Decimal | None) -> Decimal | None:
    if one is None or other is None:
        return other if one is None else one
    return min(one, other)


def _is_at_most(percent: Fraction, limit: Decimal | None) -> bool:
    return limit is None or percent <= Fraction(limit)
