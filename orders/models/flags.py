"""What was sold without us, and what about it differs from what we would have done."""

from collections.abc import Callable
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.db import models

from orders.models.columns import money_column
from orders.models.shift import Shift
from tenants.models import TenantOwned


class Flag(models.TextChoices):
    """Why somebody should look at a sale; none of them refuses it.

    The two about the number of the till are for all sales, the others for those made offline.
    """

    LATE = "late", "Sold in another shift than it is booked in"
    CLOSED_SHIFT = "closed_shift", "Sold in a shift whose Z was written before it came"
    OVERSOLD = "oversold", "More than lay there"
    PRICE_DIFFERS = "price_differs", "Another price than the catalog's when it came"
    TAX_DIFFERS = "tax_differs", "Other taxes than the catalog's when it came"
    TOTAL_DIFFERS = "total_differs", "Another total than the prices come to"
    UNKNOWN_PRODUCT = "unknown_product", "Something that the catalog does not have"
    NOT_ON_SALE = "not_on_sale", "Something that is not on sale any more"
    OVER_LIMIT = "over_limit", "Discounts or prices beyond what the cashier may give"
    CASHIER_DIFFERS = "cashier_differs", "Uploaded by somebody else than the cashier it names"
    CARD_UNVERIFIED = "card_unverified", "A card that the payment gateway never saw"
    CREDIT_SHORT = "credit_short", "Store credit that was not there when it came"
    NOT_PAYABLE_IN_CASH = "not_payable_in_cash", "Cash that no coins add up to"
    SEQUENCE_TAKEN = "sequence_taken", "Another sale has its number of the till"
    SEQUENCE_JUMP = "sequence_jump", "Its number of the till is far beyond the ones before"
    SOLD_IN_FUTURE = "sold_in_future", "The till's clock is ahead of ours"
    CLOCK_SKEW = "clock_skew", "So long ago that the till's clock must be wrong"


# With one of these nobody knows when it was.
WRONG_CLOCK_FLAGS = (Flag.SOLD_IN_FUTURE, Flag.CLOCK_SKEW)


class SoldOffline(TenantOwned):
    """The part of an order that only the till has something to say about.

    It was sold offline exactly where `sold_at` is set.
    """

    # The till's own number of the sale, offline or not: one series for each till.
    device_sequence = models.PositiveBigIntegerField(null=True, blank=True)
    # Another sale came before it under the same number: both were real.
    sequence_taken = models.BooleanField(default=False)
    # As the till says it; `completed_at` is when it came, and was booked.
    sold_at = models.DateTimeField(null=True, blank=True)
    # The shift in which it was sold, where it is booked in another.
    original_shift = models.ForeignKey(
        Shift, on_delete=models.PROTECT, null=True, related_name="+", db_index=False
    )
    # What the customer paid beyond what the prices come to, or less: part of the total.
    adjustment = money_column(default=Decimal(0))
    # Each between blanks, so that a database finds one.
    flags = models.CharField(max_length=400, blank=True, editable=False)

    class Meta(TenantOwned.Meta):
        abstract = True

    @property
    def flag_codes(self) -> list[str]:
        return self.flags.split()

    def flag(self, *flags: Flag) -> None:
        words = sorted({*self.flag_codes, *(flag.value for flag in flags)})
        self.flags = f" {' '.join(words)} " if words else ""

    @property
    def is_offline(self) -> bool:
        return self.sold_at is not None

    def stock_left_at(self, booked_at: datetime) -> datetime:
        """When the goods left the shelves, as far as the till's clock can be trusted."""
        if self.sold_at is None or any(flag.value in self.flag_codes for flag in WRONG_CLOCK_FLAGS):
            return booked_at
        return min(self.sold_at, booked_at)

    def offline_facts(self, write: Callable[[Decimal], object] | None = None) -> dict[str, Any]:
        """What the till alone knows of it, as it is sealed; `write` is how amounts are written."""
        if self.sold_at is None:
            return {}
        return {
            "device_sequence": self.device_sequence,
            "sold_at": self.sold_at.isoformat(),
            "adjustment": (
                str(write(self.adjustment)) if write else f"{self.adjustment.normalize():f}"
            ),
            "flags": self.flag_codes,
        }
