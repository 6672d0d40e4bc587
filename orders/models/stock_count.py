"""Stock counts of a store, and the products that were counted."""

from decimal import Decimal
from typing import Any, ClassVar

from django.db import models
from django.db.models import F, Q

from accounts.models import User, build_store_filter
from orders.exceptions import StockCountNotOpen
from orders.models.catalog import Category, Product
from orders.models.columns import quantity_column
from tenants.models import Store, TenantManager, TenantOwned, TenantQuerySet


class StockCountQuerySet(TenantQuerySet["StockCount"]):
    def visible_to(self, user: User) -> "StockCountQuerySet":
        """Filter by the stores in which the user works."""
        return self.filter(build_store_filter(user))


class StockCount(TenantOwned):
    """A count of the products of a shelf, a category or a whole store.

    Sales go on meanwhile: each line is compared with the stock at the moment of its count.
    """

    class Status(models.TextChoices):
        OPEN = "open", "Open"
        CLOSED = "closed", "Closed"
        CANCELED = "canceled", "Canceled"

    class Uncounted(models.TextChoices):
        KEEP = "keep", "Keep their stock"
        ZERO = "zero", "Set their stock to zero"

    name = models.CharField(max_length=100, help_text="Such as Shelf 3 or Drinks.")
    store = models.ForeignKey(Store, on_delete=models.PROTECT, related_name="+", db_index=False)
    category = models.ForeignKey(
        Category,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        db_index=False,
        help_text="Only products of this category. Empty: all products of the store.",
    )
    note = models.CharField(max_length=200, blank=True)
    status = models.CharField(max_length=8, choices=Status, default=Status.OPEN)
    started_by = models.ForeignKey(
        User, on_delete=models.PROTECT, related_name="+", db_index=False, editable=False
    )
    line_count = models.PositiveIntegerField("counted products", default=0, editable=False)
    # Null until it is closed.
    uncounted = models.CharField(  # noqa: DJ001
        "products not counted", max_length=4, choices=Uncounted, null=True, editable=False
    )
    ended_by = models.ForeignKey(
        User, on_delete=models.PROTECT, null=True, related_name="+", db_index=False, editable=False
    )
    ended_at = models.DateTimeField(null=True, editable=False)

    objects = TenantManager.from_queryset(StockCountQuerySet)()  # type: ignore[assignment, misc]

    class Meta(TenantOwned.Meta):
        constraints: ClassVar[list[Any]] = [
            models.CheckConstraint(
                condition=Q(status="open", ended_at__isnull=True)
                | (~Q(status="open") & Q(ended_at__isnull=False)),
                name="stock_count_has_an_end",
            ),
        ]
        indexes: ClassVar[list[Any]] = [
            models.Index(fields=["tenant", "-created_at", "-id"], name="stock_count_by_time"),
            models.Index(fields=["tenant", "updated_at", "id"], name="stock_count_updated"),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def is_open(self) -> bool:
        return self.status == self.Status.OPEN

    def ensure_open(self) -> None:
        """Raise `StockCountNotOpen` after the count was closed or canceled."""
        if not self.is_open:
            raise StockCountNotOpen(name=self.name, count_status=self.get_status_display().lower())


class StockCountLineQuerySet(TenantQuerySet["StockCountLine"]):
    def visible_to(self, user: User) -> "StockCountLineQuerySet":
        """Filter by the stores in which the user works."""
        if user.works_in_all_stores:
            return self
        return self.filter(stock_count__in=StockCount.objects.visible_to(user))

    def different(self) -> "StockCountLineQuerySet":
        return self.exclude(counted=F("expected"))


class StockCountLine(TenantOwned):
    """The counted quantity of a product."""

    stock_count = models.ForeignKey(
        StockCount, on_delete=models.PROTECT, related_name="lines", db_index=False
    )
    product = models.ForeignKey(Product, on_delete=models.PROTECT, related_name="+", db_index=False)
    # The stock at the moment of the count. At closing, what was recorded later of the time before
    # the count is added, such as sales of a till without network.
    expected = quantity_column(max_digits=15)
    counted = quantity_column()
    counted_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+", db_index=False)
    counted_at = models.DateTimeField()

    objects = TenantManager.from_queryset(StockCountLineQuerySet)()  # type: ignore[assignment, misc]

    class Meta(TenantOwned.Meta):
        verbose_name = "counted product"
        constraints: ClassVar[list[Any]] = [
            # Also the index of the lines of a count.
            models.UniqueConstraint(
                fields=["tenant", "stock_count", "product"], name="stock_count_line_is_unique"
            ),
            models.CheckConstraint(
                condition=Q(counted__gte=0), name="stock_count_line_is_not_negative"
            ),
        ]
        indexes: ClassVar[list[Any]] = [
            models.Index(fields=["tenant", "stock_count", "id"], name="stock_count_line_by_id"),
        ]

    def __str__(self) -> str:
        return f"{self.counted} of {self.product_id}"

    @property
    def difference(self) -> Decimal:
        found: Decimal = self.counted - self.expected
        return found
