"""What the taxes of each line come to, rounded on the line or once for the whole order."""

import math
from collections import defaultdict
from collections.abc import Sequence
from fractions import Fraction
from functools import lru_cache

from orders.money.bill import LineInput, Policy, RoundingLevel, TaxRate
from orders.money.rounding import RoundingMode, divide, largest_remainder


def taxes_on(lines: Sequence[LineInput], nets: Sequence[int], policy: Policy) -> list[list[int]]:
    """The taxes of every line in minor units, in the order of its rates."""
    if policy.level == RoundingLevel.ORDER:
        return _rounded_by_order(lines, nets, policy.mode)
    return [
        _rounded_by_line(line.taxes, net, policy.mode)
        for line, net in zip(lines, nets, strict=True)
    ]


# A shop has a handful of tax classes and works out the same few factors all day.
@lru_cache(maxsize=1024)
def parts_of_net(rates: tuple[TaxRate, ...]) -> tuple[tuple[int, ...], int]:
    """The exact taxes as parts of the net: a numerator for each rate, over one divisor."""
    factors: list[Fraction] = []
    for rate in rates:
        factor = Fraction(rate.percent) / 100
        factors.append(factor * (1 + sum(factors)) if rate.compound else factor)
    included = (factor for rate, factor in zip(rates, factors, strict=True) if rate.included)
    net = 1 + sum(included)
    parts = [factor / net for factor in factors]
    divisor = math.lcm(*(part.denominator for part in parts))
    return tuple(part.numerator * (divisor // part.denominator) for part in parts), divisor


def _rounded_by_line(rates: tuple[TaxRate, ...], net: int, mode: RoundingMode) -> list[int]:
    numerators, divisor = parts_of_net(rates)
    return [divide(net * numerator, divisor, mode) for numerator in numerators]


def _rounded_by_order(
    lines: Sequence[LineInput], nets: Sequence[int], mode: RoundingMode
) -> list[list[int]]:
    """Sum each rate over the lines, round it once, and hand it back to the lines."""
    taxes = [[0] * len(line.taxes) for line in lines]
    exact: dict[TaxRate, list[tuple[int, int, int, int]]] = defaultdict(list)
    for row, (line, net) in enumerate(zip(lines, nets, strict=True)):
        numerators, divisor = parts_of_net(line.taxes)
        for column, rate in enumerate(line.taxes):
            exact[rate].append((row, column, net * numerators[column], divisor))
    for parts in exact.values():
        common = math.lcm(*(divisor for _, _, _, divisor in parts))
        scaled = [numerator * (common // divisor) for _, _, numerator, divisor in parts]
        shares = largest_remainder(divide(sum(scaled), common, mode), scaled, common)
        for (row, column, _, _), share in zip(parts, shares, strict=True):
            taxes[row][column] = share
    return taxes
