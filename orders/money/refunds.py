"""Refund amounts: all refunds of an order add up to exactly the sale."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction

from orders.money.cash import CashRoundingRule
from orders.money.rounding import apportion, divide, to_decimal, to_units


@dataclass(frozen=True, slots=True)
class SoldLine:
    """A line as sold, and what of it was refunded before."""

    quantity: Decimal
    total: Decimal
    taxes: tuple[Decimal, ...]
    # What each of the taxes was charged on.
    bases: tuple[Decimal, ...]
    refunded_quantity: Decimal
    refunded_total: Decimal
    refunded_taxes: tuple[Decimal, ...]
    refunded_bases: tuple[Decimal, ...]

    @property
    def left(self) -> Decimal:
        return self.total - self.refunded_total


@dataclass(frozen=True, slots=True)
class LineRefund:
    """What is refunded of a line now."""

    quantity: Decimal
    total: Decimal
    taxes: tuple[Decimal, ...]
    bases: tuple[Decimal, ...]


def refund_quantity(line: SoldLine, quantity: Decimal, exponent: int) -> LineRefund:
    """Return the refund of a quantity: its part of total and taxes, less earlier refunds.

    The last unit takes the remainder. After a refund without goods the first units bring less, but
    never less than zero. Raises `ValueError` for more than is left.
    """
    returned = Fraction(line.refunded_quantity) + Fraction(quantity)
    if quantity <= 0 or returned > Fraction(line.quantity):
        raise ValueError(
            f"cannot take back {quantity} more of {line.quantity} after {line.refunded_quantity}"
        )
    part = returned / Fraction(line.quantity)
    return LineRefund(
        quantity=quantity,
        total=_compute_share(line.total, line.refunded_total, part, exponent),
        taxes=_compute_shares(line.taxes, line.refunded_taxes, part, exponent),
        bases=_compute_shares(line.bases, line.refunded_bases, part, exponent),
    )


def refund_without_goods(
    lines: Sequence[SoldLine], amount: Decimal, exponent: int
) -> list[LineRefund]:
    """Return the refund of an amount, allocated over the lines by what is left of each.

    Later refunds of a line are less by it. Raises `ValueError` for more than is left.
    """
    left = [to_units("left", line.left, exponent) for line in lines]
    units = to_units("amount", amount, exponent)
    if not 0 < units <= sum(left):
        raise ValueError(f"cannot give back {amount}: {to_decimal(sum(left), exponent)} is left")
    shares = apportion(units, left)
    return [
        _build_refund_without_goods(line, share, exponent)
        for line, share in zip(lines, shares, strict=True)
    ]


def _build_refund_without_goods(line: SoldLine, units: int, exponent: int) -> LineRefund:
    total = to_units("line total", line.total, exponent)
    given = to_units("refunded", line.refunded_total, exponent) + units
    part = Fraction(given, total) if total else Fraction(0)
    if not units:
        nothing = (Decimal(0),) * len(line.taxes)
        return LineRefund(Decimal(0), to_decimal(units, exponent), nothing, nothing)
    return LineRefund(
        quantity=Decimal(0),
        total=to_decimal(units, exponent),
        taxes=_compute_shares(line.taxes, line.refunded_taxes, part, exponent),
        bases=_compute_shares(line.bases, line.refunded_bases, part, exponent),
    )


def _compute_shares(
    sold: Sequence[Decimal], refunded: Sequence[Decimal], part: Fraction, exponent: int
) -> tuple[Decimal, ...]:
    return tuple(
        _compute_share(whole, given, part, exponent)
        for whole, given in zip(sold, refunded, strict=True)
    )


def _compute_share(whole: Decimal, given: Decimal, part: Fraction, exponent: int) -> Decimal:
    exact = to_units("sold", whole, exponent) * part
    share = divide(*exact.as_integer_ratio()) - to_units("refunded", given, exponent)
    return to_decimal(max(share, 0), exponent)


@dataclass(frozen=True, slots=True)
class RefundablePayment:
    """A payment of the sale, and how much of it was refunded."""

    amount: Decimal
    refunded: Decimal

    @property
    def left(self) -> Decimal:
        return self.amount - self.refunded


@dataclass(frozen=True, slots=True)
class RefundShare:
    """The part of a refund that goes to one payment: `amount` of the refund, `paid` in money."""

    position: int
    amount: Decimal
    paid: Decimal


def allocate_refund(
    total: Decimal,
    payments: Sequence[RefundablePayment],
    *,
    in_cash: Sequence[bool],
    rule: CashRoundingRule,
    is_last: bool = False,
) -> list[RefundShare]:
    """Allocate a refund to payments, the last one first.

    The last refund returns all that is left of the payments, including what cash rounding added.
    Cash, which `in_cash` marks by payment, is rounded to coins as one sum and never above what the
    payments have left. What cash rounding took off at the sale is part of the last share.
    """
    exponent = rule.exponent
    rest = to_units("refund", total, exponent)
    amounts: dict[int, int] = {}
    paid: dict[int, int] = {}
    for position in reversed(range(len(payments))):
        left = to_units("left", payments[position].left, exponent)
        units = min(rest, left)
        if not units and not (is_last and left):
            continue
        rest -= units
        amounts[position], paid[position] = units, left if is_last else units
    cash = {position: units for position, units in paid.items() if in_cash[position]}
    lefts = [to_units("left", payments[position].left, exponent) for position in cash]
    in_coins = _round_parts_to_coins(list(cash.values()), lefts, rule)
    paid |= dict(zip(cash, in_coins, strict=True))
    if rest and amounts:
        amounts[list(amounts)[-1]] += rest
    return [
        RefundShare(position, to_decimal(units, exponent), to_decimal(paid[position], exponent))
        for position, units in amounts.items()
        if units or paid[position]
    ]


def round_to_coins(
    parts: Sequence[Decimal], lefts: Sequence[Decimal], rule: CashRoundingRule
) -> list[Decimal]:
    """Return what is paid in cash for parts of payments: their sum is rounded to coins."""
    units = [to_units("part", part, rule.exponent) for part in parts]
    limits = [to_units("left", left, rule.exponent) for left in lefts]
    return [to_decimal(paid, rule.exponent) for paid in _round_parts_to_coins(units, limits, rule)]


def _round_parts_to_coins(
    parts: Sequence[int], lefts: Sequence[int], rule: CashRoundingRule
) -> list[int]:
    """Round the sum of the parts to coins, none above what its payment has left."""
    difference = rule.round_units(sum(parts), at_most=sum(lefts)) - sum(parts)
    paid = []
    for units, left in zip(parts, lefts, strict=True):
        change = max(min(difference, left - units), -units)
        difference -= change
        paid.append(units + change)
    return paid
