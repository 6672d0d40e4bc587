"""Fields and flags of offline sales."""

from collections.abc import Callable
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.db import models

from orders.models.columns import money_column
from orders.models.shift import Shift
from tenants.api.formats import format_number
from tenants.models import TenantOwned


class Flag(models.TextChoices):
    """Reasons to check a sale. They do not refuse it.

    The two sequence flags apply to all sales, the others to offline sales.
    """

    LATE = "late", "Sold in an earlier shift"
    CLOSED_SHIFT = "closed_shift", "Sold in a shift that was already closed"
    OVERSOLD = "oversold", "More sold than in stock"
    PRICE_DIFFERS = "price_differs", "Price differs from the catalog"
    TAX_DIFFERS = "tax_differs", "Taxes differ from the catalog"
    TOTAL_DIFFERS = "total_differs", "Total differs from the sum of the prices"
    UNKNOWN_PRODUCT = "unknown_product", "Product is not in the catalog"
    UNKNOWN_CUSTOMER = "unknown_customer", "Customer is unknown or erased"
    NOT_ON_SALE = "not_on_sale", "Product is no longer on sale"
    DEPOSIT_DIFFERS = "deposit_differs", "Deposit differs from the catalog"
    MODIFIERS_DIFFER = "modifiers_differ", "Modifiers differ from the catalog"
    MODIFIERS_MISSING = "modifiers_missing", "Required modifiers were not chosen"
    EXPIRED = "expired", "Expired product by its scanned code"
    OVER_LIMIT = (
        "over_limit",
        "Discounts, prices or returned goods exceed the limits",
    )
    CASHIER_DIFFERS = "cashier_differs", "Uploaded by another user than its cashier"
    CARD_UNVERIFIED = "card_unverified", "Card payment is not confirmed by the gateway"
    CREDIT_SHORT = "credit_short", "Store credit was too low"
    NOT_PAYABLE_IN_CASH = "not_payable_in_cash", "Cash amount is not payable in coins"
    EXTERNAL_ID_TAKEN = "external_id_taken", "Another order has its external ID"
    SEQUENCE_TAKEN = "sequence_taken", "Device number is used by another sale"
    SEQUENCE_JUMP = "sequence_jump", "Device number is far above the previous ones"
    SOLD_IN_FUTURE = "sold_in_future", "Time of sale is in the future"
    CLOCK_SKEW = "clock_skew", "Time of sale is too long ago"


# With one of these flags, the time of sale is unknown.
WRONG_CLOCK_FLAGS = (Flag.SOLD_IN_FUTURE, Flag.CLOCK_SKEW)


class SoldOffline(TenantOwned):
    """Fields of an order that the device reports.

    The sale was made offline if and only if `sold_at` is set.
    """

    # Number in the device's own sequence, which counts online and offline sales.
    device_sequence = models.PositiveBigIntegerField(null=True, blank=True)
    # An earlier sale has the same number; both took place.
    sequence_taken = models.BooleanField(default=False)
    # By the clock of the device; `completed_at` is the time of the upload.
    sold_at = models.DateTimeField(null=True, blank=True)
    # Set if it was sold in another shift than the one in which it is booked.
    original_shift = models.ForeignKey(
        Shift, on_delete=models.PROTECT, null=True, related_name="+", db_index=False
    )
    # Part of the total: what was charged beyond the sum of the prices, or less.
    adjustment = money_column(default=Decimal(0))
    # Codes between blanks, so that the database can search for one.
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
        """Return when the goods left the stock: `sold_at`, unless the clock was wrong."""
        if self.sold_at is None or any(flag.value in self.flag_codes for flag in WRONG_CLOCK_FLAGS):
            return booked_at
        return min(self.sold_at, booked_at)

    def offline_facts(self, write: Callable[[Decimal], object] = format_number) -> dict[str, Any]:
        """Return the device fields for the hash chain; `write` formats amounts."""
        if self.sold_at is None:
            return {}
        return {
            "device_sequence": self.device_sequence,
            "sold_at": self.sold_at.isoformat(),
            "adjustment": str(write(self.adjustment)),
            "flags": self.flag_codes,
        }
