"""The column type of amounts, by which they are told from other numbers."""

from typing import Any

from django.db import models


class MoneyColumn(models.DecimalField):  # type: ignore[type-arg]
    """An amount of the shop's currency, with room for the decimals of every currency.

    To migrations it is the plain column that it is in the database.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **{"max_digits": 15, "decimal_places": 3} | kwargs)

    def deconstruct(self) -> Any:
        name, _, args, kwargs = super().deconstruct()
        return name, "django.db.models.DecimalField", args, kwargs
