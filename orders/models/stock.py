"""How much of everything lies in each store, and how it came there."""

from decimal import Decimal
from typing import Any, ClassVar

from django.db import models
from django.db.models import Q
from django.utils import timezone

from orders.models.catalog import Product
from orders.models.columns import quantity_column
from tenants.models import Store, TenantManager, TenantOwned, TenantQuerySet


class StockLevelQuerySet(TenantQuerySet["StockLevel"]):
    def of(self, store: Store) -> "StockLevelQuerySet":
        return self.filter(store=store)


class StockLevel(TenantOwned):
    """What lies in a store of one product: always the sum of its movements.

    `reserved` is the part for which somebody is paying at this moment.
    """

    store = models.ForeignKey(
        Store, on_delete=models.PROTECT, related_name="stock_levels", db_index=False
    )
    product = models.ForeignKey(Product, on_delete=models.PROTECT, related_name="stock_levels")
    quantity = quantity_column(default=Decimal(0))
    reserved = quantity_column(default=Decimal(0))

    objects: ClassVar[TenantManager["StockLevel"]] = TenantManager.from_queryset(
        StockLevelQuerySet
    )()

    class Meta(TenantOwned.Meta):
        constraints: ClassVar[list[Any]] = [
            models.UniqueConstraint(
                fields=["tenant", "store", "product"], name="stock_level_is_unique"
            ),
            models.CheckConstraint(condition=Q(reserved__gte=0), name="reserved_is_not_negative"),
        ]
        indexes: ClassVar[list[Any]] = [
            models.Index(fields=["tenant", "updated_at", "id"], name="stock_level_updated"),
        ]

    def __str__(self) -> str:
        return f"{self.quantity} of {self.product_id}"

    @property
    def available(self) -> Decimal:
        return self.quantity - self.reserved


class StockMovement(TenantOwned):
    """One change of a stock level. Written once, never changed."""

    class Type(models.TextChoices):
        RECEIVE = "receive", "Received"
        ADJUST = "adjust", "Adjusted"
        COUNT = "count", "Counted"
        TRANSFER_OUT = "transfer_out", "Sent to another store"
        TRANSFER_IN = "transfer_in", "Come from another store"
        WASTE = "waste", "Wasted"
        SALE = "sale", "Sold"
        RETURN = "return", "Returned"

    store = models.ForeignKey(Store, on_delete=models.PROTECT, related_name="+", db_index=False)
    product = models.ForeignKey(Product, on_delete=models.PROTECT, related_name="+", db_index=False)
    type = models.CharField(max_length=12, choices=Type)
    quantity = quantity_column(help_text="What the level changed by: negative when goods left.")
    reason = models.CharField(max_length=200, blank=True)
    occurred_at = models.DateTimeField(default=timezone.now)
    order = models.ForeignKey(
        "orders.Order", on_delete=models.PROTECT, null=True, related_name="movements"
    )
    by = models.ForeignKey(
        "accounts.User", on_delete=models.PROTECT, null=True, related_name="+", db_index=False
    )

    class Meta(TenantOwned.Meta):
        constraints: ClassVar[list[Any]] = [
            models.CheckConstraint(condition=~Q(quantity=0), name="movement_moves_something"),
        ]
        indexes: ClassVar[list[Any]] = [
            models.Index(fields=["tenant", "product", "-created_at"], name="movement_of_product"),
            models.Index(fields=["tenant", "-created_at", "-id"], name="movement_by_time"),
        ]

    def __str__(self) -> str:
        return f"{self.type} {self.quantity}"
