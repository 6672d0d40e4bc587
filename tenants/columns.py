"""The model field of amounts of money."""

from typing import Any

from django.db import models


class MoneyColumn(models.DecimalField):  # type: ignore[type-arg]
    """An amount in the tenant's currency, with room for the decimal places of every currency.

    Migrations see a plain DecimalField.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **{"max_digits": 15, "decimal_places": 3} | kwargs)

    def deconstruct(self) -> Any:
        name, _, args, kwargs = super().deconstruct()
        return name, "django.db.models.DecimalField", args, kwargs
