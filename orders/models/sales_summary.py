"""Sales and refunds of each hour of a store, for reports of long periods."""

from datetime import UTC, datetime
from typing import Any, ClassVar

from django.db import models

from tenants.models import Store, TenantOwned

BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)


class SalesSummary(TenantOwned):
    """How far the sales of a tenant are summarized.

    A trigger moves `until` back when a sale or refund of an earlier hour is stored or changed.
    """

    # All hours before it are summarized.
    until = models.DateTimeField(default=BEGINNING)

    class Meta(TenantOwned.Meta):
        constraints: ClassVar[list[Any]] = [
            models.UniqueConstraint(fields=["tenant"], name="one_sales_summary_for_each_shop"),
        ]

    def __str__(self) -> str:
        return self.until.isoformat()


def sum_column() -> Any:
    """Return a column for the sum of very many amounts."""
    return models.DecimalField(max_digits=24, decimal_places=3, default=0)


class SalesHour(TenantOwned):
    """The figures of one hour of UTC in which a store had sales or refunds."""

    store = models.ForeignKey(Store, on_delete=models.PROTECT, related_name="+", db_index=False)
    hour = models.DateTimeField()
    orders = models.PositiveBigIntegerField(default=0)
    gross = sum_column()
    discount_total = sum_column()
    tax_total = sum_column()
    # That of sales less that of refunds.
    cash_rounding = sum_column()
    total = sum_column()
    refunds = models.PositiveBigIntegerField(default=0)
    refunded_tax_total = sum_column()
    refunded_total = sum_column()

    class Meta(TenantOwned.Meta):
        constraints: ClassVar[list[Any]] = [
            models.UniqueConstraint(
                fields=["tenant", "store", "hour"], name="sales_hour_is_unique"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.hour:%Y-%m-%d %H}"
