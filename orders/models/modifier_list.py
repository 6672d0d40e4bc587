"""Modifier lists of products: sizes, extras and other choices at the sale."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any, ClassVar, Self

from django.core.validators import MinValueValidator
from django.db import models
from django.db.models import F, Prefetch, Q

from orders.models.catalog import Product
from orders.models.columns import money_column
from tenants.exceptions import FieldError
from tenants.models import TenantManager, TenantOwned, TenantQuerySet


class ModifierListQuerySet(TenantQuerySet["ModifierList"]):
    def with_modifiers(self) -> Self:
        return self.prefetch_related(Prefetch("modifiers", to_attr="loaded_modifiers"))


class ModifierList(TenantOwned):
    """A choice at the sale of a product: at least `min` and at most `max` of its modifiers."""

    name = models.CharField(max_length=100)
    min = models.PositiveSmallIntegerField(
        default=0, help_text="How many modifiers must be chosen. 0: the list is optional."
    )
    max = models.PositiveSmallIntegerField(
        null=True, blank=True, help_text="How many modifiers can be chosen. Empty: any number."
    )
    allow_quantity = models.BooleanField(
        default=False, help_text="The same modifier can be chosen several times."
    )
    is_active = models.BooleanField(default=True)

    objects = TenantManager.from_queryset(ModifierListQuerySet)()  # type: ignore[assignment, misc]

    class Meta(TenantOwned.Meta):
        verbose_name = "modifier list"
        verbose_name_plural = "modifier lists"
        constraints: ClassVar[list[Any]] = [
            models.UniqueConstraint(fields=["tenant", "name"], name="modifier_list_name_is_unique"),
            models.CheckConstraint(
                condition=Q(max__isnull=True) | (Q(max__gte=1) & Q(max__gte=F("min"))),
                name="modifier_list_max_is_possible",
            ),
        ]
        indexes: ClassVar[list[Any]] = [
            models.Index(fields=["tenant", "updated_at", "id"], name="modifier_list_updated"),
        ]

    # Set by `with_modifiers`, in their order.
    loaded_modifiers: list["Modifier"]

    def __str__(self) -> str:
        return self.name

    def find_limits_error(self, modifiers: Sequence["Modifier"]) -> FieldError | None:
        """Return the error for limits that no choice of these modifiers can keep."""
        if self.max is not None and self.max < self.min:
            return FieldError("max", "less_than_min", f"Must be at least {self.min}, the `min`.")
        active = sum(modifier.is_active for modifier in modifiers)
        if self.is_active and not active:
            return FieldError("modifiers", "none_active", "At least one modifier must be active.")
        if self.is_active and not self.allow_quantity and active < self.min:
            detail = f"The list has only {active} active modifiers. Require at most {active}."
            return FieldError("min", "too_few_modifiers", detail)
        return None


class Modifier(TenantOwned):
    """One choice of a modifier list, with what it adds to the price of one unit."""

    modifier_list = models.ForeignKey(
        ModifierList, on_delete=models.CASCADE, related_name="modifiers", db_index=False
    )
    position = models.PositiveSmallIntegerField()
    name = models.CharField(max_length=100)
    price = money_column(default=Decimal(0), validators=[MinValueValidator(Decimal(0))])
    # What it takes from stock.
    product = models.ForeignKey(
        Product, on_delete=models.PROTECT, null=True, blank=True, related_name="+", db_index=False
    )
    is_active = models.BooleanField(default=True)

    class Meta(TenantOwned.Meta):
        ordering: ClassVar[list[str]] = ["position"]
        constraints: ClassVar[list[Any]] = [
            models.CheckConstraint(
                condition=Q(price__gte=0), name="modifier_price_is_not_negative"
            ),
        ]
        indexes: ClassVar[list[Any]] = [
            models.Index(fields=["tenant", "modifier_list", "position"], name="modifier_by_list"),
        ]

    def __str__(self) -> str:
        return self.name

    def find_unit_error(self, sold_by: str, field: str) -> FieldError | None:
        """Return the error for taking a part of a unit from stock with goods by weight."""
        product = self.product
        is_whole = product and product.has_own_stock and product.sold_by == Product.SoldBy.UNIT
        if sold_by != Product.SoldBy.WEIGHT or not is_whole:
            return None
        detail = (
            f"{self.name} takes units of {product} from stock, which cannot be divided by weight. "
            "Sell it as a line of its own."
        )
        return FieldError(field, "sold_by_unit", detail)
