"""How much of everything lies in each store, and how it came there."""

import uuid
from collections.abc import Mapping
from decimal import Decimal
from functools import partial
from typing import Any, ClassVar

from django.db import connection, models
from django.db.models import Q
from django.utils import timezone

from orders.models.catalog import Product
from orders.models.columns import quantity_column
from tenants.models import Store, TenantManager, TenantOwned, TenantQuerySet

# The rows are locked in the order of their ids before any is changed, so that two sales never
# wait for each other in a circle; what `locked` says of them is then true to the end.
MOVE = """
WITH wanted (product_id, quantity) AS (VALUES {values}),
locked AS (
    SELECT level.id, level.quantity AS held, level.reserved AS kept,
           CAST(wanted.quantity AS NUMERIC) AS each
    FROM orders_stocklevel AS level JOIN wanted ON wanted.product_id = level.product_id
    WHERE level.tenant_id = %s AND level.store_id = %s
    ORDER BY level.id {for_update}
)
UPDATE orders_stocklevel
SET quantity = ROUND(locked.held + %s * locked.each, 3),
    reserved = ROUND(locked.kept + %s * locked.each, 3),
    version = version + 1, updated_at = %s
FROM locked
WHERE orders_stocklevel.id = locked.id {condition}
RETURNING product_id
"""
ENOUGH = "AND ROUND(locked.held - locked.kept, 3) >= locked.each"


class StockLevelQuerySet(TenantQuerySet["StockLevel"]):
    def of(self, store: Store) -> "StockLevelQuerySet":
        return self.filter(store=store)

    def move(
        self,
        store: Store,
        each: Mapping[uuid.UUID, Decimal],
        *,
        quantity: int = 0,
        reserved: int = 0,
        only_if_enough: bool = False,
    ) -> set[uuid.UUID]:
        """Change several levels by `quantity` and `reserved` times what each product says.

        One statement. Returns the products whose level changed: without a level, or without
        enough where that is asked for, there is nothing to change.
        """
        key = partial(self.model._meta.pk.get_db_prep_value, connection=connection)
        for_update = "FOR UPDATE OF level" if connection.features.has_select_for_update else ""
        statement = MOVE.format(
            values=", ".join(["(%s, %s)"] * len(each)),
            for_update=for_update,
            condition=ENOUGH if only_if_enough else "",
        )
        params = [value for product, wanted in each.items() for value in (key(product), wanted)]
        now = connection.ops.adapt_datetimefield_value(timezone.now())
        params += [key(store.tenant_id), key(store.pk), quantity, reserved, now]
        with connection.cursor() as cursor:
            cursor.execute(statement, params)
            return {uuid.UUID(str(product)) for (product,) in cursor.fetchall()}


class StockLevel(TenantOwned):
    """What lies in a store of one product: always the sum of its movements.

    `reserved` is the part for which somebody is paying at this moment.
    """

    store = models.ForeignKey(
        Store, on_delete=models.PROTECT, related_name="stock_levels", db_index=False
    )
    product = models.ForeignKey(Product, on_delete=models.PROTECT, related_name="stock_levels")
    # Sums of many movements, each of which may be as large as a quantity can be.
    quantity = quantity_column(default=Decimal(0), max_digits=15)
    reserved = quantity_column(default=Decimal(0), max_digits=15)
    # Falling to this or below is an event; null for those that nobody watches.
    reorder_point = quantity_column(null=True, blank=True)

    objects = TenantManager.from_queryset(StockLevelQuerySet)()  # type: ignore[assignment, misc]

    class Meta(TenantOwned.Meta):
        constraints: ClassVar[list[Any]] = [
            models.UniqueConstraint(
                fields=["tenant", "store", "product"], name="stock_level_is_unique"
            ),
            models.CheckConstraint(condition=Q(reserved__gte=0), name="reserved_is_not_negative"),
        ]
        # None on updated_at: every sale changes it, and a change of no indexed column stays in
        # its page.
        indexes: ClassVar[list[Any]] = [
            models.Index(fields=["tenant", "id"], name="stock_level_by_id"),
        ]

    def __str__(self) -> str:
        return f"{self.quantity} of {self.product_id}"

    @property
    def available(self) -> Decimal:
        free: Decimal = self.quantity - self.reserved
        return free


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
    refund = models.ForeignKey(
        "orders.Refund", on_delete=models.PROTECT, null=True, related_name="+", db_index=False
    )
    # The same for both sides of a transfer.
    transfer = models.UUIDField(null=True, blank=True)
    # What somebody counted, of which the quantity is the difference.
    counted = quantity_column(null=True, blank=True, max_digits=15)
    fingerprint = models.CharField(max_length=64, editable=False, blank=True)
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
