"""Taxes of each line and their bases, rounded per line or per order."""

import math
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache

from orders.money.bill import LineInput, PricingPolicy, RoundingLevel, TaxRate
from orders.money.rounding import RoundingMode, divide_signed, largest_remainder


@dataclass(frozen=True, slots=True)
class TaxParts:
    """Exact taxes and bases as fractions of the net: numerators by rate, one divisor."""

    taxes: tuple[int, ...]
    bases: tuple[int, ...]
    divisor: int


@dataclass(frozen=True, slots=True)
class LineTaxes:
    """Taxes and bases of a line in minor units, by rate."""

    amounts: list[int]
    bases: list[int]


def compute_taxes(
    lines: Sequence[LineInput], nets: Sequence[int], policy: PricingPolicy
) -> list[LineTaxes]:
    """Return the taxes and bases of every line, rounded at the level of the policy."""
    if policy.level == RoundingLevel.ORDER:
        return _round_by_order(lines, nets, policy.mode)
    return [
        _round_by_line(line.taxes, net, policy.mode) for line, net in zip(lines, nets, strict=True)
    ]


# A shop has a handful of tax classes and works out the same few factors all day.
@lru_cache(maxsize=1024)
def compute_tax_parts(rates: tuple[TaxRate, ...]) -> TaxParts:
    """Return taxes as fractions of the net; a compound rate includes earlier taxes in its base."""
    factors: list[Fraction] = []
    bases: list[Fraction] = []
    for rate in rates:
        bases.append(1 + sum(factors, Fraction(0)) if rate.compound else Fraction(1))
        factors.append(Fraction(rate.percent) / 100 * bases[-1])
    included = (factor for rate, factor in zip(rates, factors, strict=True) if rate.included)
    net = sum(included, Fraction(1))
    divisor = math.lcm(*((part / net).denominator for part in (*factors, *bases)))
    return TaxParts(_numerators(factors, net, divisor), _numerators(bases, net, divisor), divisor)


def _numerators(parts: Iterable[Fraction], net: Fraction, divisor: int) -> tuple[int, ...]:
    return tuple((part / net * divisor).numerator for part in parts)


def _round_by_line(rates: tuple[TaxRate, ...], net: int, mode: RoundingMode) -> LineTaxes:
    parts = compute_tax_parts(rates)
    return LineTaxes(
        [divide_signed(net * numerator, parts.divisor, mode) for numerator in parts.taxes],
        [divide_signed(net * numerator, parts.divisor, mode) for numerator in parts.bases],
    )


def _round_by_order(
    lines: Sequence[LineInput], nets: Sequence[int], mode: RoundingMode
) -> list[LineTaxes]:
    amounts = _sum_and_allocate(lines, nets, mode, lambda parts: parts.taxes)
    bases = _sum_and_allocate(lines, nets, mode, lambda parts: parts.bases)
    return [LineTaxes(*each) for each in zip(amounts, bases, strict=True)]


def _sum_and_allocate(
    lines: Sequence[LineInput],
    nets: Sequence[int],
    mode: RoundingMode,
    numerators_in: Callable[[TaxParts], tuple[int, ...]],
) -> list[list[int]]:
    """Sum each rate over the lines, round it once, and allocate it to the lines."""
    taxes = [[0] * len(line.taxes) for line in lines]
    exact: dict[TaxRate, list[tuple[int, int, int, int]]] = defaultdict(list)
    for row, (line, net) in enumerate(zip(lines, nets, strict=True)):
        of_line = compute_tax_parts(line.taxes)
        for column, (rate, part) in enumerate(zip(line.taxes, numerators_in(of_line), strict=True)):
            exact[rate].append((row, column, net * part, of_line.divisor))
    for parts in exact.values():
        common = math.lcm(*(divisor for _, _, _, divisor in parts))
        scaled = [numerator * (common // divisor) for _, _, numerator, divisor in parts]
        shares = largest_remainder(divide_signed(sum(scaled), common, mode), scaled, common)
        for (row, column, _, _), share in zip(parts, shares, strict=True):
            taxes[row][column] = share
    return taxes
