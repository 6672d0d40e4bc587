"""Price lists and their prices."""

from datetime import datetime
from decimal import Decimal
from typing import Any, ClassVar, Self
from uuid import UUID

from django.core.validators import MinValueValidator
from django.db import models
from django.db.models import F, Q

from orders.exceptions import PricesOverlap
from orders.models.catalog import Product
from orders.models.columns import LocalDateTimeField, money_column, quantity_column
from orders.models.customer import CustomerGroup
from orders.money import ListPrice
from tenants.exceptions import Invalid
from tenants.models import TenantManager, TenantOwned, TenantQuerySet

END_BEFORE_START = "Must be later than `valid_from`."


class PriceList(TenantOwned):
    """A list of prices that replace those of the catalog, in some stores or in all."""

    name = models.CharField(max_length=100)
    # Ids of stores. JSON, because each sale reads them with the prices, and stores are not deleted.
    stores = models.JSONField(default=list, blank=True)
    customer_group = models.ForeignKey(
        CustomerGroup,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        db_index=False,
        help_text="Only for customers of this group. Empty: for all customers, and without one.",
    )
    priority = models.PositiveSmallIntegerField(
        help_text="If several lists have a price, the one with the highest priority wins."
    )
    is_active = models.BooleanField(default=True)

    class Meta(TenantOwned.Meta):
        constraints: ClassVar[list[Any]] = [
            models.UniqueConstraint(fields=["tenant", "name"], name="price_list_name_is_unique"),
            models.UniqueConstraint(
                fields=["tenant", "priority"], name="price_list_priority_is_unique"
            ),
        ]
        indexes: ClassVar[list[Any]] = [
            models.Index(fields=["tenant", "updated_at", "id"], name="price_list_updated"),
        ]

    def __str__(self) -> str:
        return self.name


class PriceQuerySet(TenantQuerySet["Price"]):
    def valid_between(self, start: datetime | None, end: datetime | None) -> Self:
        """Return the active prices whose period overlaps this one; None is open."""
        prices = self.filter(is_active=True)
        if start is not None:
            prices = prices.filter(Q(valid_to__isnull=True) | Q(valid_to__gt=start))
        if end is not None:
            prices = prices.filter(Q(valid_from__isnull=True) | Q(valid_from__lt=end))
        return prices


class Price(TenantOwned):
    """The price of a product in a price list, from a quantity on and for a period.

    The period is in local time of each store. Prices of the same quantity do not overlap, which
    the database ensures: see `orders.price_overlaps`.
    """

    price_list = models.ForeignKey(
        PriceList, on_delete=models.PROTECT, related_name="prices", db_index=False
    )
    product = models.ForeignKey(
        Product, on_delete=models.PROTECT, related_name="list_prices", db_index=False
    )
    amount = money_column(validators=[MinValueValidator(Decimal(0))])
    min_quantity = quantity_column(
        default=Decimal(0),
        validators=[MinValueValidator(Decimal(0))],
        help_text="The price is for a line of at least this quantity.",
    )
    valid_from = LocalDateTimeField(null=True, blank=True)
    valid_to = LocalDateTimeField(null=True, blank=True)
    is_active = models.BooleanField(default=True)

    objects = TenantManager.from_queryset(PriceQuerySet)()  # type: ignore[assignment, misc]

    class Meta(TenantOwned.Meta):
        constraints: ClassVar[list[Any]] = [
            models.CheckConstraint(condition=Q(amount__gte=0), name="price_is_not_negative"),
            models.CheckConstraint(
                condition=Q(min_quantity__gte=0), name="price_min_quantity_is_not_negative"
            ),
            models.CheckConstraint(
                condition=Q(valid_from__isnull=True)
                | Q(valid_to__isnull=True)
                | Q(valid_to__gt=F("valid_from")),
                name="price_ends_after_its_start",
            ),
        ]
        indexes: ClassVar[list[Any]] = [
            models.Index(fields=["tenant", "product", "price_list"], name="price_of_product"),
            models.Index(fields=["tenant", "price_list", "id"], name="price_in_list"),
            models.Index(fields=["tenant", "updated_at", "id"], name="price_updated"),
            models.Index(
                fields=["tenant", "valid_from"],
                condition=Q(valid_from__isnull=False),
                name="price_begins",
            ),
            models.Index(
                fields=["tenant", "valid_to"],
                condition=Q(valid_to__isnull=False),
                name="price_ends",
            ),
        ]

    def __str__(self) -> str:
        # Without product and list, which may not be loaded.
        return f"{self.amount.normalize():f}"

    def full_clean(self, *args: Any, **kwargs: Any) -> None:
        """Raise `Invalid` for a period that ends before it starts, and `PricesOverlap`."""
        if self.valid_from and self.valid_to and self.valid_to <= self.valid_from:
            raise Invalid.field("valid_to", END_BEFORE_START, code="end_before_start")
        super().full_clean(*args, **kwargs)
        if self.is_active:
            self._ensure_no_overlap()

    def _ensure_no_overlap(self) -> None:
        others = Price.objects.valid_between(self.valid_from, self.valid_to).exclude(pk=self.pk)
        other = others.filter(
            price_list=self.price_list_id, product=self.product_id, min_quantity=self.min_quantity
        ).first()
        if other is not None:
            raise PricesOverlap(price=other.pk)

    def overlaps(self, other: "Price") -> bool:
        """Return whether both periods have a moment in common; None is open."""
        return (
            self.valid_to is None or other.valid_from is None or other.valid_from < self.valid_to
        ) and (
            other.valid_to is None or self.valid_from is None or self.valid_from < other.valid_to
        )

    def build_list_price(self) -> ListPrice:
        """Return what the pricing engine needs of it."""
        return ListPrice(
            amount=self.amount,
            priority=self.price_list.priority,
            min_quantity=self.min_quantity,
            valid_from=self.valid_from,
            valid_to=self.valid_to,
            stores=frozenset(self.price_list.stores),
            customer_group=_to_text(self.price_list.customer_group_id),
        )


def _to_text(id: UUID | None) -> str | None:
    return str(id) if id else None
