"""What a till says that it sold."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from orders.models import Order, OrderLine
from orders.money import TaxRate
from orders.services.payments.tender import NewPayment
from orders.services.pricing.basket import DiscountRequest
from tenants.exceptions import FieldError


@dataclass(frozen=True, slots=True)
class ChargedLine:
    """What was sold, at the price that was asked for it. What names the product may be of no
    use any more, or of none yet; `name` is what the till calls it."""

    quantity: Decimal
    unit_price: Decimal
    product: uuid.UUID | None = None
    sku: str | None = None
    barcode: str | None = None
    name: str = ""
    # None for those of the product's tax class.
    taxes: tuple[TaxRate, ...] | None = None
    note: str = ""
    discounts: tuple[DiscountRequest, ...] = ()
    id: uuid.UUID | None = None


@dataclass(frozen=True, slots=True)
class ChargedPayment(NewPayment):
    """What was paid: here the amount is a fact, also of cash."""

    amount: Decimal


@dataclass(frozen=True, slots=True)
class OfflineSale:
    """One sale, as its till wrote it down. `id` is the till's, and recognized for ever."""

    id: uuid.UUID
    # Of the item as it came: the same id with other content is another sale.
    fingerprint: str
    device_sequence: int
    sold_at: datetime
    lines: tuple[ChargedLine, ...]
    payments: tuple[ChargedPayment, ...] = ()
    discounts: tuple[DiscountRequest, ...] = ()
    # Without one it was whoever uploads it.
    cashier: uuid.UUID | None = None
    customer_name: str = ""
    customer_email: str = ""
    note: str = ""
    # What the till came to, where it says so.
    total: Decimal | None = None

    @property
    def paid(self) -> Decimal:
        return sum((payment.amount for payment in self.payments), Decimal(0))

    def is_same_sale_as(self, order: Order, lines: Sequence[OrderLine]) -> bool:
        """Whether it was sold with a connection already, whose answer the till never heard.

        It may have had no number of the till then.
        """
        ours = [(line.quantity, line.unit_price) for line in lines]
        theirs = [(line.quantity, line.unit_price) for line in self.lines]
        is_sold = not order.is_offline and order.receipt_number is not None
        is_numbered_so = order.device_sequence in (None, self.device_sequence)
        return is_sold and is_numbered_so and ours == theirs and order.paid_total == self.paid


@dataclass(frozen=True, slots=True)
class Malformed:
    """An item of a batch that is no sale at all, and what is wrong with it."""

    id: uuid.UUID | None
    errors: tuple[FieldError, ...]
