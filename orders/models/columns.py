"""Database columns and sums of money and quantities, and columns of local times."""

from datetime import datetime
from decimal import Decimal
from typing import Any

from django.db import models
from django.db.models import Sum
from django.db.models.expressions import Combinable
from django.db.models.functions import Round

from tenants.columns import MoneyColumn

# One digit less than the columns hold, so that sums of amounts fit.
MAX_AMOUNT = Decimal(10) ** 11
THOUSANDTH = Decimal("0.001")
QUANTITY_DECIMALS = 3


def money_column(**kwargs: Any) -> Any:
    """Return a column for an amount: 12 digits before the point and 3 after.

    That suits every currency (ISO 4217), and SQLite stores 15 digits exactly.
    """
    return MoneyColumn(**kwargs)


def quantity_column(*, max_digits: int = 12, **kwargs: Any) -> Any:
    """Return a column for units or kilograms, with three decimals."""
    return models.DecimalField(max_digits=max_digits, decimal_places=QUANTITY_DECIMALS, **kwargs)


class LocalDateTimeField(models.Field):  # type: ignore[type-arg]  # the type parameters exist for mypy alone
    """A date and time by the clock of a store: without a time zone, in whole seconds.

    Stored as `2026-12-01 00:00:00`, so that SQLite compares it as text.
    """

    def db_type(self, connection: Any) -> str:
        return "timestamp without time zone" if connection.vendor == "postgresql" else "datetime"

    def to_python(self, value: Any) -> Any:
        return datetime.fromisoformat(value) if isinstance(value, str) else value

    def from_db_value(self, value: Any, expression: Any, connection: Any) -> Any:
        return self.to_python(value)

    def get_prep_value(self, value: Any) -> Any:
        """Return the time as text. Anything else is a place in a compiled query."""
        return format_local_time(value) if isinstance(value, datetime) else value


def format_local_time(at: datetime) -> str:
    """Return a local time as it is stored."""
    return at.isoformat(sep=" ", timespec="seconds")


def round_sum(sum_in_database: Combinable) -> Round:
    """Round a sum in the database to thousandths: SQLite adds decimals as floats."""
    return Round(sum_in_database, precision=3)


def to_thousandths(number: object) -> Decimal:
    """Convert a quantity from a raw query to a decimal: SQLite returns floats."""
    return Decimal(str(number)).quantize(THOUSANDTH)


class ExactDecimalField(models.Field):  # type: ignore[type-arg]  # the type parameters exist for mypy alone
    """Result of `ExactSum`: whole thousandths on SQLite, a decimal elsewhere."""

    def from_db_value(self, value: Any, expression: Any, connection: Any) -> Decimal | None:
        return Decimal(value).scaleb(-3) if isinstance(value, int) else value


class ExactSum(Sum):
    """An exact sum of amounts or quantities.

    SQLite adds decimals as floats, so it adds whole thousandths instead.
    """

    def __init__(self, expression: Any, **extra: Any) -> None:
        super().__init__(expression, **{"output_field": ExactDecimalField()} | extra)

    def as_sqlite(self, compiler: Any, connection: Any, **extra: Any) -> Any:
        template = "SUM(CAST(ROUND((%(expressions)s) * 1000) AS INTEGER))"
        return self.as_sql(compiler, connection, template=template, **extra)
