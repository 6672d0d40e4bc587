"""What cash settles for want of small coins, and where a difference goes."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from orders.money.rounding import apportion, divide, to_decimal, to_units


@dataclass(frozen=True, slots=True)
class CashSettlement:
    """Whether a cash payment settles an order, and the cash rounding that it brings."""

    settles: bool
    rounding: Decimal


def cash_rounding(left: Decimal, increment: Decimal | None, exponent: int) -> Decimal:
    """What paying in cash adds to an amount, or lets off."""
    owed = to_units("amount left", left, exponent)
    return to_decimal(_in_coins(owed, increment, exponent) - owed, exponent)


def settle_cash(
    left: Decimal, amount: Decimal, increment: Decimal | None, exponent: int
) -> CashSettlement:
    """What a cash payment does to an order: it is settled once no coin is owed any more."""
    owed, paid = to_units("amount left", left, exponent), to_units("amount", amount, exponent)
    payable = _in_coins(owed, increment, exponent)
    if paid > payable:
        raise ValueError(f"{amount} is more than the {to_decimal(payable, exponent)} to pay")
    settles = _in_coins(max(owed - paid, 0), increment, exponent) == 0
    return CashSettlement(settles, to_decimal(paid - owed if settles else 0, exponent))


def share_out_difference(
    difference: Decimal, totals: Sequence[Decimal], exponent: int
) -> tuple[Decimal, ...]:
    """What each line takes of the difference between a bill and what was asked for it.

    By largest remainder with their totals as weights, so that no line falls below nothing; where
    all of them are free, the first takes all.
    """
    weights = [to_units("line total", total, exponent) for total in totals]
    if not any(weights):
        weights = [1] + [0] * (len(weights) - 1)
    units = apportion(to_units("difference", abs(difference), exponent), weights)
    shares = [to_decimal(each, exponent) for each in units]
    return tuple(-share if difference < 0 else share for share in shares)


def _in_coins(units: int, increment: Decimal | None, exponent: int) -> int:
    """An amount rounded to what the smallest coin can pay."""
    coin = to_units("cash rounding increment", increment, exponent) if increment else 1
    return divide(units, coin) * coin
