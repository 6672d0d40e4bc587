"""Unit prices on labels: what a kilogram, liter, meter, square meter or piece costs.

Source: Directive 98/6/EC of the European Union on the indication of prices, articles 2 and 3.
"""

from decimal import Decimal
from enum import StrEnum
from fractions import Fraction
from typing import NamedTuple

from orders.money.rounding import round_to


class ContentUnit(StrEnum):
    """The units in which the content of a product is given."""

    GRAM = "g"
    KILOGRAM = "kg"
    MILLILITER = "ml"
    LITER = "l"
    METER = "m"
    SQUARE_METER = "m2"
    PIECE = "piece"


# The unit of the price, and how many of the smaller units it has.
LARGER_UNITS = {
    ContentUnit.GRAM: (ContentUnit.KILOGRAM, 1000),
    ContentUnit.MILLILITER: (ContentUnit.LITER, 1000),
}


class UnitPrice(NamedTuple):
    """A price for one unit."""

    amount: Decimal
    unit: ContentUnit


def compute_unit_price(price: Decimal, content: Decimal, unit: str, exponent: int) -> UnitPrice:
    """Return the price of a kilogram, liter, meter, square meter or piece of the content.

    Rounded to the decimals of the currency, half up. Raises `ValueError` unless the content is
    greater than zero, and for an unknown unit.
    """
    if content <= 0:
        raise ValueError(f"content {content} is not greater than zero")
    priced, factor = LARGER_UNITS.get(ContentUnit(unit), (ContentUnit(unit), 1))
    return UnitPrice(round_to(Fraction(price) * factor / Fraction(content), exponent), priced)
