"""What taking goods or money back comes to: all refunds together are exactly the sale."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction

from orders.money.cash import CashRoundingRule
from orders.money.rounding import apportion, divide, to_decimal, to_units


@dataclass(frozen=True, slots=True)
class SoldLine:
    """A line as it was sold, and how much of it has come back already."""

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
    """What of a line comes back now."""

    quantity: Decimal
    total: Decimal
    taxes: tuple[Decimal, ...]
    bases: tuple[Decimal, ...]


def refund_quantity(line: SoldLine, quantity: Decimal, exponent: int) -> LineRefund:
    """So much of a line: of its total and each of its taxes the same part, less what was given.

    The last of it takes the remainder. Where money was given back before without goods, the
    first goods bring less, and never less than nothing.
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
    """An amount without goods, spread over the lines by what is left of each.

    So what comes back later of a line is less by it, and everything together is the sale.
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
    """A payment of the sale, and what of its money has gone back."""

    amount: Decimal
    refunded: Decimal

    @property
    def left(self) -> Decimal:
        return self.amount - self.refunded


@dataclass(frozen=True, slots=True)
class RefundShare:
    """What goes back of one payment: `amount` of the refund, as `paid` in money."""

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
    """Which payments a refund goes back to: the last one first, each with what is left of it.

    With the last of the sale goes back all that is left of its money, so that everything given
    back is exactly what was paid, with what rounding to coins had added to it.

    What is handed over in cash is rounded to coins as one sum, and never more than the payments
    have left. `in_cash` says of each payment whether its part is handed over in cash. What cash
    rounding let the customer off at the sale is not money that anybody can give back: it goes
    with the last part.
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
    """What is handed over in cash for parts of payments that have so much left: coins in sum."""
    units = [to_units("part", part, rule.exponent) for part in parts]
    most = [to_units("left", left, rule.exponent) for left in lefts]
    return [to_decimal(paid, rule.exponent) for paid in _round_parts_to_coins(units, most, rule)]


def _round_parts_to_coins(
    parts: Sequence[int], lefts: Sequence[int], rule: CashRoundingRule
) -> list[int]:
    """Round the sum of the parts to coins, none of them to more than its payment has left."""
    difference = rule.round_units(sum(parts), at_most=sum(lefts)) - sum(parts)
    paid = []
    for units, left in zip(parts, lefts, strict=True):
        change = max(min(difference, left - units), -units)
        difference -= change
        paid.append(units + change)
    return paid
