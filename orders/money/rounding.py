"""Conversion to and from minor units, rounding, and splitting without loss."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from decimal import Context, Decimal, Inexact, InvalidOperation
from enum import StrEnum
from fractions import Fraction

# Refuses to lose a digit: the usual context would silently round away the 29th.
_EXACT = Context(prec=200, traps=[Inexact, InvalidOperation])


class RoundingMode(StrEnum):
    HALF_UP = "half_up"
    HALF_EVEN = "half_even"
    HALF_DOWN = "half_down"
    UP = "up"
    DOWN = "down"


# By the quotient, and by how far twice the rest goes beyond the divisor: does the rest count?
_ROUNDS_UP: Mapping[RoundingMode, Callable[[int, int], bool]] = {
    RoundingMode.HALF_UP: lambda quotient, beyond_half: beyond_half >= 0,
    RoundingMode.HALF_EVEN: lambda quotient, beyond_half: beyond_half + quotient % 2 > 0,
    RoundingMode.HALF_DOWN: lambda quotient, beyond_half: beyond_half > 0,
    RoundingMode.UP: lambda quotient, beyond_half: True,
    RoundingMode.DOWN: lambda quotient, beyond_half: False,
}


def round_to(
    value: Decimal | Fraction, exponent: int, mode: RoundingMode = RoundingMode.HALF_UP
) -> Decimal:
    """Return a value rounded to `exponent` decimals; up is away from zero."""
    numerator, denominator = value.as_integer_ratio()
    return to_decimal(divide_signed(numerator * 10**exponent, denominator, mode), exponent)


def apportion(amount: int, weights: Sequence[int]) -> list[int]:
    """Split minor units by weight (largest remainder). Raises `ValueError` for negative input."""
    whole = sum(weights)
    if min(amount, *weights, 0) < 0 or (amount and not whole):
        raise ValueError(f"cannot split {amount} by the weights {list(weights)}")
    return largest_remainder(amount, [amount * weight for weight in weights], whole or 1)


def largest_remainder(whole: int, numerators: Sequence[int], divisor: int) -> list[int]:
    """Round shares down to whole units and give the missing units to the largest fractions.

    Negative shares are rounded down too, to the larger amount. No share changes its sign.

    `whole` is the rounded sum of the exact shares, so no share gets two of the missing units, and a
    share without a fraction gets none.
    """
    shares = [numerator // divisor for numerator in numerators]
    missing = whole - sum(shares)
    if missing:
        by_fraction = sorted(range(len(shares)), key=lambda at: -(numerators[at] % divisor))
        for at in by_fraction[:missing]:
            shares[at] += 1
    return shares


def divide(numerator: int, divisor: int, mode: RoundingMode = RoundingMode.HALF_UP) -> int:
    """Return the rounded quotient of two non-negative integers."""
    quotient, rest = divmod(numerator, divisor)
    return quotient + (rest > 0 and _ROUNDS_UP[mode](quotient, 2 * rest - divisor))


def divide_signed(numerator: int, divisor: int, mode: RoundingMode = RoundingMode.HALF_UP) -> int:
    """Return the rounded quotient, of a negative numerator too; up is away from zero."""
    if numerator < 0:
        return -divide(-numerator, divisor, mode)
    return divide(numerator, divisor, mode)


def to_signed_units(noun: str, value: Decimal, exponent: int) -> int:
    """Return an amount in minor units, which may be negative."""
    units = to_units(noun, value.copy_abs(), exponent)
    return -units if value < 0 else units


def to_units(noun: str, value: Decimal, exponent: int) -> int:
    """Return an amount in minor units. Raises `ValueError` if it has more decimals."""
    ensure_in_range(noun, value)
    numerator, denominator = value.as_integer_ratio()
    scaled: int = numerator * 10**exponent
    units, rest = divmod(scaled, denominator)
    if rest:
        raise ValueError(f"{noun} has more than {exponent} decimals: {value}")
    return units


def to_decimal(units: int, exponent: int) -> Decimal:
    return _EXACT.scaleb(units, -exponent)


def to_decimals(amounts: Iterable[int], exponent: int) -> tuple[Decimal, ...]:
    scale = _EXACT.scaleb
    return tuple([scale(units, -exponent) for units in amounts])


def format_plain(value: Decimal) -> str:
    """Return a number without trailing zeros or exponent."""
    return f"{_EXACT.normalize(value):f}"


def ensure_in_range(noun: str, value: Decimal, maximum: Decimal | None = None) -> None:
    if not value.is_finite() or value < 0 or (maximum is not None and value > maximum):
        raise ValueError(f"{noun} is out of range: {value}")
