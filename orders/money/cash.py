"""Cash rounding to the smallest coin, and allocation of a difference over lines."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from orders.money.rounding import (
    RoundingMode,
    apportion,
    divide,
    to_decimal,
    to_signed_units,
    to_units,
)


@dataclass(frozen=True, slots=True)
class CashRoundingRule:
    """How amounts are rounded to the smallest coin. Up to `exact_up_to` they are not rounded."""

    exponent: int
    increment: Decimal | None = None
    mode: RoundingMode = RoundingMode.HALF_UP
    exact_up_to: Decimal = Decimal(0)

    @property
    def coin(self) -> int:
        """Return the smallest coin in minor units."""
        if self.increment is None:
            return 1
        return to_units("cash rounding increment", self.increment, self.exponent)

    def payable(self, left: Decimal, total: Decimal | None = None) -> Decimal:
        """Return what settles in cash the amount that is left of an order's total.

        Without a total nothing else has been paid. Where other payments leave an amount whose
        rounding takes off more than that of the whole total in cash, it is rounded up to the next
        coin: splitting a payment never makes an order cheaper. A negative amount is paid out, and
        rounded like the same amount in the other direction.
        """
        units = to_signed_units("amount left", left, self.exponent)
        payable = self.round_units(units)
        if total is not None and units > 0:
            whole = to_units("total", total, self.exponent)
            if payable - units < min(self.round_units(whole) - whole, 0):
                payable = -(-units // self.coin) * self.coin
        return to_decimal(payable, self.exponent)

    def rounding(self, left: Decimal, total: Decimal | None = None) -> Decimal:
        """Return the cash rounding of an amount: positive up, negative down, less than a coin."""
        return self.payable(left, total) - left

    def round_units(self, units: int, at_most: int | None = None) -> int:
        """Round minor units to coins; down from `at_most` if the result is above it."""
        if units < 0:
            return -self.round_units(-units)
        if units <= to_units("amount that is not rounded", self.exact_up_to, self.exponent):
            return units
        rounded = divide(units, self.coin, self.mode) * self.coin
        if at_most is not None and rounded > at_most:
            return at_most // self.coin * self.coin
        return rounded

    def is_in_coins(self, amount: Decimal) -> bool:
        """Return whether coins add up to the amount."""
        return to_units("amount", amount, self.exponent) % self.coin == 0

    def can_be_tendered(self, payable: Decimal, tendered: Decimal) -> bool:
        """Return whether the amount tendered can be paid, and its change given, in coins.

        For an amount that is not rounded, smaller coins are accepted.
        """
        return self.is_in_coins(tendered) or not self.is_in_coins(payable)


class CashOutcome(StrEnum):
    SETTLES = "settles"
    PART = "part"
    NOT_PAYABLE = "not_payable_in_cash"
    EXCEEDS_DUE = "exceeds_due"


@dataclass(frozen=True, slots=True)
class CashSettlement:
    """Effect of a cash payment: `amount` is booked, `rounding` is added to the order."""

    outcome: CashOutcome
    payable: Decimal
    amount: Decimal = Decimal(0)
    rounding: Decimal = Decimal(0)


def settle_cash(
    left: Decimal, amount: Decimal | None, rule: CashRoundingRule, total: Decimal | None = None
) -> CashSettlement:
    """Return what a cash amount settles when `left` is due; None pays the rest.

    A negative total is paid out, as a whole only.

    Only the amount in coins or the exact rest settles an order, so that rounding is no discount.
    """
    if left < 0 and total is not None and total >= 0:
        return CashSettlement(CashOutcome.EXCEEDS_DUE, to_decimal(0, rule.exponent))
    payable = rule.payable(left, total)
    if amount is None or amount in (payable, left):
        return CashSettlement(CashOutcome.SETTLES, payable, payable, payable - left)
    if left < 0 or amount > max(payable, left):
        return CashSettlement(CashOutcome.EXCEEDS_DUE, payable)
    if 0 < amount < payable and rule.is_in_coins(amount):
        return CashSettlement(CashOutcome.PART, payable, amount)
    return CashSettlement(CashOutcome.NOT_PAYABLE, payable)


def allocate_difference(
    difference: Decimal, totals: Sequence[Decimal], exponent: int
) -> tuple[Decimal, ...]:
    """Allocate a difference between computed and charged total over the lines.

    By largest remainder with their totals as weights; if none is above zero, the first line takes
    it. Lines with negative totals take nothing.
    """
    weights = [to_units("line total", max(total, Decimal(0)), exponent) for total in totals]
    if not any(weights):
        weights = [1] + [0] * (len(weights) - 1)
    units = apportion(to_units("difference", abs(difference), exponent), weights)
    shares = [to_decimal(each, exponent) for each in units]
    return tuple(-share if difference < 0 else share for share in shares)
