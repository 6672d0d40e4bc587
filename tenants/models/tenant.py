"""Tenants: businesses with their own users, stores and settings."""

import uuid
from decimal import Decimal
from functools import cache
from typing import Any, ClassVar
from zoneinfo import available_timezones

from django.core.exceptions import ValidationError
from django.core.validators import MinValueValidator, RegexValidator
from django.db import models

from tenants.columns import MoneyColumn
from tenants.currencies import CURRENCIES, get_currency_exponent
from tenants.models.owned import Versioned

COUNTRY = RegexValidator(r"^[A-Z]{2}\Z", "Two letters A-Z.")
SLUG = r"^[a-z0-9](?:[a-z0-9-]{1,61}[a-z0-9])\Z"
# Names that could be mistaken for the platform itself.
RESERVED_SLUGS = frozenset(
    "admin administrator api app auth docs health help mail metrics platform public root schema "
    "security static status support system till www".split()
)

# In minor units: 1000 dong, 10 euros.
MAX_CASH_ROUNDING = Decimal(1000)


def validate_slug(value: str) -> None:
    RegexValidator(
        SLUG, "Enter 3 to 63 characters: a-z, 0-9 and hyphens, but no hyphen at either end."
    )(value)
    if value in RESERVED_SLUGS or value.startswith("xn--"):
        raise ValidationError("This name is reserved. Choose another one.", code="reserved")
    if is_id(value):
        # A log-in accepts the id or the slug of a tenant.
        raise ValidationError("A name must not be a UUID.", code="reserved")


def is_id(value: str) -> bool:
    try:
        uuid.UUID(value)
    except ValueError:
        return False
    return True


def validate_currency(value: str) -> None:
    if value not in CURRENCIES:
        raise ValidationError("Must be a currency code of ISO 4217.", code="unknown_currency")


@cache
def load_timezones() -> frozenset[str]:
    """Return the names of all time zones, which are read from hundreds of files."""
    return frozenset(available_timezones())


def validate_timezone(value: str) -> None:
    # Names without a slash, such as "localtime", are not places.
    if value != "UTC" and ("/" not in value or value not in load_timezones()):
        raise ValidationError(
            "Must be a time zone of the IANA database, such as Europe/Berlin.",
            code="unknown_timezone",
        )


Limits = dict[str, dict[str, str | None]]


def default_limits() -> Limits:
    """Return what each role may do without an approval; None means unlimited.

    Amounts are limits of the sum per order, and per person and shift.
    """
    return {
        "cashier": {
            "line_discount_percent": "10",
            "order_discount_percent": "10",
            "refund_amount": "0",
            "price_override_percent": "0",
            "paid_out_amount": "0",
            "drop_amount": "500",
            "deposit_return_amount": "30",
            "drawer_difference_amount": "5",
        },
        "manager": {
            "line_discount_percent": "100",
            "order_discount_percent": "100",
            "refund_amount": "1000",
            "price_override_percent": "100",
            "paid_out_amount": "500",
            "drop_amount": None,
            "deposit_return_amount": None,
            "drawer_difference_amount": "1000",
        },
    }


class Tenant(Versioned):
    """A business with one currency, its settings and its users."""

    class TaxRoundingLevel(models.TextChoices):
        LINE = "line", "Per line"
        ORDER = "order", "Per order"

    class TaxRoundingMode(models.TextChoices):
        HALF_UP = "half_up", "Half up"
        HALF_EVEN = "half_even", "Half to even"
        HALF_DOWN = "half_down", "Half down"
        UP = "up", "Up"
        DOWN = "down", "Down"

    class CashRoundingMode(models.TextChoices):
        HALF_UP = "half_up", "Half up"
        HALF_DOWN = "half_down", "Half down"
        DOWN = "down", "Down"

    class StockPolicy(models.TextChoices):
        BLOCK = "block", "Do not sell more than in stock"
        ALLOW = "allow", "Allow negative stock"

    slug = models.CharField(max_length=63, unique=True, validators=[validate_slug])
    name = models.CharField(max_length=100)
    country = models.CharField(max_length=2, blank=True, validators=[COUNTRY])
    currency = models.CharField(max_length=3, validators=[validate_currency])
    timezone = models.CharField(max_length=64, default="UTC", validators=[validate_timezone])
    is_active = models.BooleanField(default=True)
    # Set by the first order, which fixes the currency.
    has_orders = models.BooleanField(default=False, editable=False)
    # Set by the first price list. Here because each request reads its tenant: shops without price
    # lists need no query to know that they have none.
    has_price_lists = models.BooleanField(default=False, db_default=False, editable=False)

    prices_include_tax = models.BooleanField(default=True)
    tax_rounding_level = models.CharField(
        max_length=5, choices=TaxRoundingLevel, default=TaxRoundingLevel.LINE
    )
    tax_rounding_mode = models.CharField(
        max_length=9, choices=TaxRoundingMode, default=TaxRoundingMode.HALF_UP
    )
    cash_rounding_increment = MoneyColumn(
        null=True, blank=True, validators=[MinValueValidator(Decimal("0.001"))]
    )
    cash_rounding_mode = models.CharField(
        max_length=9, choices=CashRoundingMode, default=CashRoundingMode.HALF_UP
    )
    stock_policy = models.CharField(max_length=5, choices=StockPolicy, default=StockPolicy.BLOCK)
    shifts_required = models.BooleanField(default=True)
    limits = models.JSONField(default=default_limits)

    objects: ClassVar[models.Manager["Tenant"]] = models.Manager()

    class Meta:
        constraints: ClassVar[list[Any]] = [
            models.CheckConstraint(
                condition=models.Q(cash_rounding_increment__isnull=True)
                | models.Q(cash_rounding_increment__gt=0),
                name="tenant_cash_rounding_is_positive",
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def currency_exponent(self) -> int:
        return get_currency_exponent(self.currency)

    def quantize_amount(self, amount: Decimal) -> Decimal:
        """Return the amount with the decimal places of the currency."""
        return amount.quantize(Decimal(1).scaleb(-self.currency_exponent))

    def clean(self) -> None:
        """Validate the cash rounding increment against the currency."""
        step = self.cash_rounding_increment
        if step is not None and step != self.quantize_amount(step):
            raise ValidationError(
                {"cash_rounding_increment": "Must not have more decimal places than the currency."}
            )
        if step is not None and step > MAX_CASH_ROUNDING.scaleb(-self.currency_exponent):
            raise ValidationError(
                {"cash_rounding_increment": "Must not exceed 1000 minor units of the currency."}
            )

    @property
    def all_limits(self) -> Limits:
        """Return the limits, with the default of each that the shop has no value for.

        Such a shop was saved by a release that did not know the limit: it is not unlimited.
        """
        return {
            role: default | self.limits.get(role, {}) for role, default in default_limits().items()
        }

    def merge_limits(self, named: Limits) -> Limits:
        """Return the limits after a partial change."""
        return {role: limits | named.get(role, {}) for role, limits in self.all_limits.items()}

    def quantize_limits(
        self, limits: dict[str, dict[str, str | None]]
    ) -> dict[str, dict[str, str | None]]:
        """Return the limits with the decimal places of the currency in amounts."""
        return {
            role: {
                name: str(self.quantize_amount(Decimal(value)))
                if value is not None and name.endswith("_amount")
                else value
                for name, value in named.items()
            }
            for role, named in limits.items()
        }

    def limit(self, role: str, name: str) -> Decimal | None:
        """Return the limit of a role; None means unlimited."""
        value = self.all_limits.get(role, {}).get(name)
        return None if value is None else Decimal(value)
