"""Changes of many prices at once: set, by percent, or by an amount, with a price ending."""

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from fractions import Fraction

from orders.money.rounding import round_to


class PriceChangeMode(StrEnum):
    SET = "set"
    PERCENT = "percent"
    AMOUNT = "amount"


@dataclass(frozen=True, slots=True)
class PriceChange:
    """A change of prices. `ends_in_nine` makes the last digit a nine, such as 2.49."""

    mode: PriceChangeMode
    value: Decimal
    ends_in_nine: bool = False

    def apply(self, price: Decimal, exponent: int) -> Decimal:
        """Return the new price with the decimals of the currency; it may be negative."""
        exact = Fraction(self.value)
        if self.mode is PriceChangeMode.PERCENT:
            exact = Fraction(price) * (100 + Fraction(self.value)) / 100
        elif self.mode is PriceChangeMode.AMOUNT:
            exact = Fraction(price) + Fraction(self.value)
        new = round_to(exact, exponent)
        return end_in_nine(new, exponent) if self.ends_in_nine and new > 0 else new


def end_in_nine(price: Decimal, exponent: int) -> Decimal:
    """Return the nearest price whose last digit is nine; the higher one of two."""
    minor = int(price.scaleb(exponent))
    return Decimal(max(9, (minor + 6) // 10 * 10 - 1)).scaleb(-exponent)
