"""Discounts: percents first, then amounts, each of what the earlier ones left."""

from collections.abc import Sequence

from orders.money.bill import Discount, DiscountType
from orders.money.rounding import apportion, divide, to_units


def get_application_order(discounts: Sequence[Discount]) -> list[int]:
    """Return the positions of the discounts: percentages are applied first, then amounts."""
    return sorted(range(len(discounts)), key=lambda at: discounts[at].type == DiscountType.AMOUNT)


def compute_discounts(discounts: Sequence[Discount], left: int, exponent: int) -> list[int]:
    """Return what each discount takes, in the order given."""
    if not discounts:
        return []
    taken = [0] * len(discounts)
    for at in get_application_order(discounts):
        taken[at] = _compute_discount(discounts[at], left, exponent)
        left -= taken[at]
    return taken


def allocate_discounts(
    discounts: Sequence[Discount], taken: Sequence[int], left: Sequence[int]
) -> list[int]:
    """Return what each line has left after its share of the order discounts.

    No line falls below zero: discounts take at most the sum of the lines, so an exact share is at
    most its line, and only a share with a fraction is rounded up.
    """
    remaining = list(left)
    if not discounts:
        return remaining
    for at in get_application_order(discounts):
        shares = apportion(taken[at], remaining)
        remaining = [units - share for units, share in zip(remaining, shares, strict=True)]
    return remaining


def _compute_discount(discount: Discount, left: int, exponent: int) -> int:
    if discount.type == DiscountType.AMOUNT:
        return min(to_units("discount", discount.value, exponent), left)
    percent, parts = discount.value.as_integer_ratio()
    return divide(left * percent, parts * 100)
