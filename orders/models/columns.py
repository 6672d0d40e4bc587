"""The column types of money and quantities."""

from decimal import Decimal
from typing import Any

from django.db import models
from django.db.models import Sum
from django.db.models.expressions import Combinable
from django.db.models.functions import Round

from tenants.columns import MoneyColumn

# Twelve digits before the point are what the columns hold; sums stay well below.
MAX_AMOUNT = Decimal(10) ** 11
THOUSANDTH = Decimal("0.001")


def money_column(**kwargs: Any) -> Any:
    """An amount: 12 digits before the point and 3 after, enough for every currency.

    15 digits are also what SQLite keeps exactly.
    """
    return MoneyColumn(**kwargs)


def quantity_column(*, max_digits: int = 12, **kwargs: Any) -> Any:
    """Pieces or kilograms, to the thousandth."""
    return models.DecimalField(max_digits=max_digits, decimal_places=3, **kwargs)


def round_sum(sum_in_database: Combinable) -> Round:
    """A sum made by the database, to the thousandth: SQLite adds decimals as floats."""
    return Round(sum_in_database, precision=3)


def to_thousandths(number: object) -> Decimal:
    """A quantity as the database returns one outside of a model: SQLite's are floats."""
    return Decimal(str(number)).quantize(THOUSANDTH)


class ExactDecimalField(models.Field):  # type: ignore[type-arg]  # a type for the checker alone
    """What `ExactSum` gives: on SQLite whole thousandths, elsewhere a decimal as it is."""

    def from_db_value(self, value: Any, expression: Any, connection: Any) -> Decimal | None:
        return Decimal(value).scaleb(-3) if isinstance(value, int) else value


class ExactSum(Sum):
    """A sum of amounts or quantities to the thousandth, however many there are of them.

    SQLite adds decimals as floats, so there whole thousandths are added.
    """

    def __init__(self, expression: Any, **extra: Any) -> None:
        super().__init__(expression, **{"output_field": ExactDecimalField()} | extra)

    def as_sqlite(self, compiler: Any, connection: Any, **extra: Any) -> Any:
        template = "SUM(CAST(ROUND((%(expressions)s) * 1000) AS INTEGER))"
        return self.as_sql(compiler, connection, template=template, **extra)
