"""Input and output of the pricing of an order."""

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from functools import lru_cache

from orders.money.rounding import RoundingMode, ensure_in_range, format_plain

_HUNDRED = Decimal(100)


class RoundingLevel(StrEnum):
    LINE = "line"
    ORDER = "order"


class DiscountType(StrEnum):
    PERCENT = "percent"
    AMOUNT = "amount"


@dataclass(frozen=True, slots=True)
class Discount:
    """A discount: percent, or an amount."""

    type: DiscountType
    value: Decimal

    def __post_init__(self) -> None:
        is_percent = DiscountType(self.type) is DiscountType.PERCENT
        ensure_in_range("discount", self.value, _HUNDRED if is_percent else None)


@dataclass(frozen=True, slots=True)
class TaxRate:
    """One rate of a tax class, as it stood when the line was added."""

    name: str
    percent: Decimal
    included: bool
    compound: bool

    def __post_init__(self) -> None:
        ensure_in_range("tax percent", self.percent, _HUNDRED)

    @property
    def key(self) -> str:
        """Return the key of equal rates, which are summed up: 8 and 8.0000 percent are the same."""
        included = "included" if self.included else "added"
        compound = "compound" if self.compound else "simple"
        return f"{self.name}:{format_plain(self.percent)}:{included}:{compound}"


@lru_cache(maxsize=1024)
def build_tax_rate(name: str, percent: str, included: bool, compound: bool) -> TaxRate:
    """Return the rate for its stored values. Kept, because most lines have the same few rates."""
    return TaxRate(name, Decimal(percent), included, compound)


@dataclass(frozen=True, slots=True)
class ModifierInput:
    """A chosen modifier: its price is added to the unit price of its line, `quantity` times."""

    price: Decimal
    quantity: int = 1

    def __post_init__(self) -> None:
        ensure_in_range("modifier price", self.price)
        ensure_in_range("modifier quantity", Decimal(self.quantity))


@dataclass(frozen=True, slots=True)
class LineInput:
    """A quantity of one product at one price, or at the price of its label: `fixed_gross`.

    A negative quantity is what the customer returns, such as empties: without discounts and
    modifiers. Neither such lines nor deposits have a share in order discounts.
    """

    quantity: Decimal
    unit_price: Decimal
    taxes: tuple[TaxRate, ...]
    discounts: tuple[Discount, ...] = ()
    fixed_gross: Decimal | None = None
    is_deposit: bool = False
    modifiers: tuple[ModifierInput, ...] = ()

    def __post_init__(self) -> None:
        ensure_in_range("quantity", self.quantity.copy_abs())
        ensure_in_range("unit price", self.unit_price)
        if self.quantity < 0 and (self.discounts or self.fixed_gross is not None or self.modifiers):
            raise ValueError("a line with a negative quantity has only quantity, price and taxes")

    @property
    def modified_price(self) -> Decimal:
        """Return the price of one unit with its modifiers."""
        if not self.modifiers:
            return self.unit_price
        return self.unit_price + sum(each.price * each.quantity for each in self.modifiers)

    @property
    def has_order_discounts(self) -> bool:
        """Return whether order discounts are apportioned to it too."""
        return self.quantity > 0 and not self.is_deposit


@dataclass(frozen=True, slots=True)
class PricingPolicy:
    """Decimals of the currency, and where and how taxes are rounded."""

    exponent: int
    level: RoundingLevel
    mode: RoundingMode

    def __post_init__(self) -> None:
        RoundingLevel(self.level)
        RoundingMode(self.mode)
        if self.exponent < 0:
            raise ValueError(f"a currency cannot have {self.exponent} decimals")


@dataclass(frozen=True, slots=True)
class PricedTax:
    """One tax of a line; `taxable` is what its rate was applied to."""

    rate: TaxRate
    taxable: Decimal
    amount: Decimal


@dataclass(frozen=True, slots=True)
class PricedLine:
    """A priced line; `line_discounts` is what each of its discounts took."""

    gross: Decimal
    line_discounts: tuple[Decimal, ...]
    order_discount: Decimal
    discount_total: Decimal
    net: Decimal
    taxes: tuple[PricedTax, ...]
    tax_total: Decimal
    total: Decimal


@dataclass(frozen=True, slots=True)
class TaxTotal:
    """The total of one rate over the order, and what it was applied to."""

    rate: TaxRate
    taxable: Decimal
    amount: Decimal


@dataclass(frozen=True, slots=True)
class PricedOrder:
    """A priced order; `discounts` is what each order discount took."""

    lines: tuple[PricedLine, ...]
    discounts: tuple[Decimal, ...]
    subtotal: Decimal
    discount_total: Decimal
    tax_total: Decimal
    total: Decimal
    taxes: tuple[TaxTotal, ...]
