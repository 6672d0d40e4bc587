"""Input of an upload: offline sales as the till recorded them."""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from orders.codes import UNTRACED, Traceability
from orders.models import Order, OrderLine, Product
from orders.money import TaxRate
from orders.services.payments.tender import NewPayment
from orders.services.pricing.basket import DiscountRequest
from orders.services.pricing.modifiers import NO_CHOICE, Choice, ModifierRequest
from tenants.exceptions import FieldError

ZERO = Decimal(0)


@dataclass(frozen=True, slots=True)
class ChargedLine:
    """A sold line at the charged price. Its product may be deleted or not created yet; `name` is
    the till's name of it."""

    quantity: Decimal
    unit_price: Decimal
    product: uuid.UUID | None = None
    sku: str | None = None
    barcode: str | None = None
    name: str = ""
    # None means the taxes of the product.
    taxes: tuple[TaxRate, ...] | None = None
    note: str = ""
    discounts: tuple[DiscountRequest, ...] = ()
    id: uuid.UUID | None = None
    # The line of the sale whose deposit this is.
    deposit_for: uuid.UUID | None = None
    # What the scanned code says.
    fixed_gross: Decimal | None = None
    traceability: Traceability = UNTRACED
    modifiers: tuple[ModifierRequest, ...] = ()
    # What is stored of the modifiers, set when the sale is priced.
    choice: Choice = NO_CHOICE

    def find_sold_by(self, product: Product | None) -> str:
        """Return how it was sold; a fraction by weight, even if the catalog has changed since."""
        if self.quantity % 1 or product is None:
            return Product.SoldBy.WEIGHT if self.quantity % 1 else Product.SoldBy.UNIT
        return product.sold_by

    @property
    def modifiers_price(self) -> Decimal:
        """Return what the modifiers add to the price of one unit."""
        return sum((each.quantity * (each.price or ZERO) for each in self.modifiers), ZERO)


@dataclass(frozen=True, slots=True)
class ChargedPayment(NewPayment):
    """A payment of an offline sale; the amount is required, also for cash."""

    amount: Decimal


@dataclass(frozen=True, slots=True)
class OfflineSale:
    """One offline sale. The till chooses `id`, which makes repeated uploads harmless."""

    id: uuid.UUID
    # Hash of the item: the same id with other content is a conflict.
    fingerprint: str
    device_sequence: int
    sold_at: datetime
    lines: tuple[ChargedLine, ...]
    payments: tuple[ChargedPayment, ...] = ()
    discounts: tuple[DiscountRequest, ...] = ()
    # None means the user who uploads the sale.
    cashier: uuid.UUID | None = None
    customer_name: str = ""
    customer_email: str = ""
    customer: uuid.UUID | None = None
    note: str = ""
    external_id: str | None = None
    metadata: Mapping[str, Any] | None = None
    # The total that the till computed, if it sends one.
    total: Decimal | None = None

    @property
    def paid(self) -> Decimal:
        return sum((payment.amount for payment in self.payments), Decimal(0))

    def is_same_sale_as(self, order: Order, lines: Sequence[OrderLine]) -> bool:
        """Return whether the order is this sale, made online although the till got no response.

        The order may have no number of the till yet.
        """
        # In any order: a till may list deposits elsewhere.
        ours, theirs = (
            sorted((line.quantity, line.unit_price, line.modifiers_price) for line in each)
            for each in (lines, self.lines)
        )
        is_sold = not order.is_offline and order.receipt_number is not None
        is_numbered_so = order.device_sequence in (None, self.device_sequence)
        return is_sold and is_numbered_so and ours == theirs and order.paid_total == self.paid


@dataclass(frozen=True, slots=True)
class Malformed:
    """An invalid item of a batch, and its errors."""

    id: uuid.UUID | None
    errors: tuple[FieldError, ...]
