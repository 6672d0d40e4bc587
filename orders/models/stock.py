"""Stock levels and stock movements."""

import uuid
from collections.abc import Iterable, Mapping
from datetime import datetime
from decimal import Decimal
from functools import partial
from typing import Any, ClassVar

from django.db import connection, models
from django.db.models import F, Q, Subquery, Sum
from django.utils import timezone

from accounts.models import User, build_store_filter
from orders.models.catalog import Product
from orders.models.columns import quantity_column, to_thousandths
from tenants.database.bulk_insert import Statement
from tenants.models import Store, TenantManager, TenantOwned, TenantQuerySet

# Locks the rows in the order of their ids before it changes them, so that two sales cannot
# deadlock; the values in `locked` cannot change any more.
LOCK_SQL = """
WITH wanted (product_id, quantity) AS ({values}),
locked AS (
    SELECT level.id, level.quantity AS held, level.reserved AS kept,
           CAST(wanted.quantity AS NUMERIC) AS each
    FROM orders_stocklevel AS level JOIN wanted ON wanted.product_id = level.product_id
    WHERE level.tenant_id = %s AND level.store_id = %s
    ORDER BY level.id {for_update}
)"""
CHANGE_SQL = """
UPDATE orders_stocklevel
SET quantity = ROUND(locked.held + %s * locked.each, 3),
    reserved = ROUND(locked.kept + %s * locked.each, 3),
    version = version + 1, updated_at = %s
FROM locked
WHERE orders_stocklevel.tenant_id = %s AND orders_stocklevel.id = locked.id {condition}
RETURNING orders_stocklevel.id, version, product_id, quantity, reorder_point
"""
MOVE_SQL = LOCK_SQL + CHANGE_SQL
# In the order of the columns of the model.
RETURNED_COLUMNS = ("id", "version", "product_id", "quantity", "reorder_point")
IF_AVAILABLE_SQL = "AND ROUND(locked.held - locked.kept, 3) >= locked.each"
# For PostgreSQL, as the last statement of a sale in one message: one row, or division by zero
# where more has to be done than to change these levels: one is missing or too low, or has fallen to
# its reorder point (`fell_to_reorder_point`).
MOVE_ALL_OR_FAIL_SQL = (
    LOCK_SQL
    + ", changed AS ("
    + CHANGE_SQL
    + """, locked.each)
SELECT 1 / CASE WHEN count(*) = %s AND NOT coalesce(bool_or(
    quantity <= reorder_point AND reorder_point < quantity + changed.each
), false) THEN 1 ELSE 0 END FROM changed
"""
)
SELL_SQL, SELL_IF_AVAILABLE_SQL = (
    MOVE_ALL_OR_FAIL_SQL.format(
        values="SELECT * FROM unnest(%s::uuid[], %s::numeric[])",
        for_update="FOR UPDATE OF level",
        condition=condition,
    )
    for condition in ("", IF_AVAILABLE_SQL)
)


# The reason of the first count of a product in a store.
OPENING_STOCK = "Opening stock"


class StockLevelQuerySet(TenantQuerySet["StockLevel"]):
    def visible_to(self, user: User) -> "StockLevelQuerySet":
        """Filter by the stores of a service key. People see the levels of all stores."""
        return self.filter(build_store_filter(user)) if user.is_service else self

    def low(self) -> "StockLevelQuerySet":
        """Filter by levels at or below their reorder point."""
        return self.filter(reorder_point__isnull=False, quantity__lte=F("reorder_point"))

    def negative(self) -> "StockLevelQuerySet":
        """Filter by levels below zero."""
        return self.filter(quantity__lt=0)

    def not_low(self) -> "StockLevelQuerySet":
        return self.filter(Q(reorder_point__isnull=True) | Q(quantity__gt=F("reorder_point")))

    def level_after(self, movement: "StockMovement") -> Decimal:
        """Return the level after a movement: the current level less all newer movements."""
        newer = (
            StockMovement.objects.listed_after(movement).values("product").annotate(Sum("quantity"))
        )
        level = self.filter(store=movement.store_id, product=movement.product_id)
        now, moved = level.values_list("quantity", Subquery(newer.values("quantity__sum"))).get()
        return to_thousandths(now - (moved or 0))

    def lock_for_product(
        self, product: Product, stores: Iterable[Store]
    ) -> "dict[uuid.UUID, StockLevel]":
        """Lock the levels of a product by id, like sales do; return them by store id."""
        levels = self.filter(product=product, store__in=list(stores)).order_by("pk")
        return {level.store_id: level for level in levels.select_for_update()}

    def move(
        self,
        store: Store,
        each: Mapping[uuid.UUID, Decimal],
        *,
        quantity: int = 0,
        reserved: int = 0,
        only_if_enough: bool = False,
    ) -> "dict[uuid.UUID, StockLevel]":
        """Change levels by `quantity` and `reserved` times the number of `each` product.

        One statement. Return the changed levels by product id. Products without a level, or
        without enough stock if `only_if_enough`, are left out.
        """
        key = partial(self.model._meta.pk.get_db_prep_value, connection=connection)
        for_update = "FOR UPDATE OF level" if connection.features.has_select_for_update else ""
        statement = MOVE_SQL.format(
            values=f"VALUES {', '.join(['(%s, %s)'] * len(each))}",
            for_update=for_update,
            condition=IF_AVAILABLE_SQL if only_if_enough else "",
        )
        params = [value for product, wanted in each.items() for value in (key(product), wanted)]
        now = connection.ops.adapt_datetimefield_value(timezone.now())
        tenant = key(store.tenant_id)
        params += [tenant, key(store.pk), quantity, reserved, now, tenant]
        with connection.cursor() as cursor:
            cursor.execute(statement, params)
            moved = map(self.build_returned_level, cursor.fetchall())
            return {level.product_id: level for level in moved}

    def build_returned_level(self, row: tuple[Any, ...]) -> "StockLevel":
        """Build a level from a raw row: SQLite returns ids as text and decimals as floats."""
        pk, version, product, held, point = row
        values = (
            to_uuid(pk),
            version,
            to_uuid(product),
            to_thousandths(held),
            None if point is None else to_thousandths(point),
        )
        return self.model.from_db(connection.alias, RETURNED_COLUMNS, values)


def build_sell_statement(
    store: Store, each: Mapping[uuid.UUID, Decimal], at: datetime, *, only_if_enough: bool
) -> Statement:
    """Return the statement for PostgreSQL that takes all of these products, or fails."""
    lists = [f"{{{','.join(map(str, listed))}}}" for listed in (each, each.values())]
    tenant = store.tenant_id
    statement = SELL_IF_AVAILABLE_SQL if only_if_enough else SELL_SQL
    return statement, [*lists, tenant, store.pk, -1, 0, at, tenant, len(each)]


def to_uuid(value: object) -> uuid.UUID:
    return uuid.UUID(str(value))


class StockLevel(TenantOwned):
    """Stock of a product in a store: always the sum of its movements.

    `reserved` is the quantity in orders with a pending payment.
    """

    store = models.ForeignKey(
        Store, on_delete=models.PROTECT, related_name="stock_levels", db_index=False
    )
    product = models.ForeignKey(Product, on_delete=models.PROTECT, related_name="stock_levels")
    # More digits than a quantity, because they are sums of many movements.
    quantity = quantity_column(default=Decimal(0), max_digits=15)
    reserved = quantity_column(default=Decimal(0), max_digits=15)
    # `stock.low` is sent when the level falls to this or below; null to disable.
    reorder_point = quantity_column(null=True, blank=True)

    objects = TenantManager.from_queryset(StockLevelQuerySet)()  # type: ignore[assignment, misc]

    class Meta(TenantOwned.Meta):
        constraints: ClassVar[list[Any]] = [
            models.UniqueConstraint(
                fields=["tenant", "store", "product"], name="stock_level_is_unique"
            ),
            models.CheckConstraint(condition=Q(reserved__gte=0), name="reserved_is_not_negative"),
        ]
        # No index on updated_at: every sale changes it, and without an index PostgreSQL can
        # update the row in its page (HOT).
        indexes: ClassVar[list[Any]] = [
            models.Index(fields=["tenant", "id"], name="stock_level_by_id"),
            models.Index(
                fields=["tenant", "id"],
                condition=Q(reorder_point__isnull=False),
                name="stock_level_watched",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.quantity} of {self.product_id}"

    @property
    def available(self) -> Decimal:
        free: Decimal = self.quantity - self.reserved
        return free

    @property
    def is_low(self) -> bool:
        return self.reorder_point is not None and self.quantity <= self.reorder_point

    def fell_to_reorder_point(self, change: Decimal) -> bool:
        """Return whether this change took the level to its reorder point or below."""
        point = self.reorder_point
        return point is not None and self.quantity <= point < self.quantity - change


class StockMovementQuerySet(TenantQuerySet["StockMovement"]):
    def visible_to(self, user: User) -> "StockMovementQuerySet":
        """Filter by the stores in which the user works."""
        return self.filter(build_store_filter(user))

    def for_level(self, row: "StockLevel | StockMovement") -> "StockMovementQuerySet":
        return self.filter(product=row.product_id, store=row.store_id)

    # Movements are never recorded before they occur, so `created_at`, which is indexed, narrows.

    def since(self, moment: datetime) -> "StockMovementQuerySet":
        return self.filter(created_at__gte=moment, occurred_at__gte=moment)

    def after(self, moment: datetime) -> "StockMovementQuerySet":
        return self.filter(created_at__gt=moment, occurred_at__gt=moment)

    def listed_after(self, movement: "StockMovement") -> "StockMovementQuerySet":
        """Filter by movements of the same level that lists show above this one."""
        at = movement.created_at
        later = Q(created_at__gt=at) | Q(id__gt=movement.pk)
        return self.for_level(movement).filter(later, created_at__gte=at)

    def total(self) -> Decimal:
        return to_thousandths(self.aggregate(total=Sum("quantity"))["total"] or 0)

    def find_next_count(self, movement: "StockMovement") -> "StockMovement | None":
        """Return the first count after this movement; its result already includes it."""
        rows, at = self.for_level(movement), movement.occurred_at
        # At the same moment a count comes last; of two counts, the one recorded later.
        is_count = movement.type == StockMovement.Type.COUNT
        later = rows.after(at) if is_count else rows.since(at)
        counts = later.filter(type=StockMovement.Type.COUNT)
        return counts.order_by("occurred_at", "-created_at", "-id").first()


class StockMovement(TenantOwned):
    """An immutable change of a stock level."""

    class Type(models.TextChoices):
        RECEIVE = "receive", "Received"
        ADJUST = "adjust", "Adjusted"
        COUNT = "count", "Counted"
        TRANSFER_OUT = "transfer_out", "Sent to another store"
        TRANSFER_IN = "transfer_in", "Received from another store"
        WASTE = "waste", "Wasted"
        SALE = "sale", "Sold"
        RETURN = "return", "Returned"

    class WasteReason(models.TextChoices):
        EXPIRED = "expired", "Expired"
        DAMAGED = "damaged", "Damaged"
        MISSING = "missing", "Missing or stolen"
        OWN_USE = "own_use", "Used in the shop"
        SAMPLE = "sample", "Given as a sample"
        # Of refunds without restock.
        RETURNED = "returned", "Returned and not restocked"
        OTHER = "other", "Other"

    store = models.ForeignKey(Store, on_delete=models.PROTECT, related_name="+", db_index=False)
    product = models.ForeignKey(Product, on_delete=models.PROTECT, related_name="+", db_index=False)
    type = models.CharField(max_length=12, choices=Type)
    quantity = quantity_column(
        max_digits=15, help_text="What the level changed by: negative when goods left."
    )
    reason = models.CharField(max_length=200, blank=True)
    # Of waste; null if it was recorded without one.
    waste_reason = models.CharField(  # noqa: DJ001
        max_length=8, choices=WasteReason, null=True, blank=True
    )
    occurred_at = models.DateTimeField(default=timezone.now)
    order = models.ForeignKey(
        "orders.Order", on_delete=models.PROTECT, null=True, related_name="movements"
    )
    refund = models.ForeignKey(
        "orders.Refund", on_delete=models.PROTECT, null=True, related_name="+", db_index=False
    )
    # Shared by both sides of a transfer: the id of the transfer_out, or of the line of a
    # `StockTransfer`.
    transfer = models.UUIDField(null=True, blank=True)
    # The stock transfer that made the movement.
    stock_transfer = models.UUIDField(null=True, blank=True)
    # The id of the stock count that made the movement when it was closed.
    stock_count = models.UUIDField(null=True, blank=True)
    # For a count: the quantity found; `quantity` is the difference to the expected level.
    counted = quantity_column(null=True, blank=True, max_digits=15)
    fingerprint = models.CharField(max_length=64, editable=False, blank=True)
    by = models.ForeignKey(
        "accounts.User", on_delete=models.PROTECT, null=True, related_name="+", db_index=False
    )

    objects = TenantManager.from_queryset(StockMovementQuerySet)()  # type: ignore[assignment, misc]

    class Meta(TenantOwned.Meta):
        constraints: ClassVar[list[Any]] = [
            # A count without a difference has a quantity of zero.
            models.CheckConstraint(
                condition=~Q(quantity=0) | Q(type="count"), name="movement_moves_something"
            ),
            models.CheckConstraint(
                condition=Q(type="count", counted__isnull=False)
                | (~Q(type="count") & Q(counted__isnull=True)),
                name="count_says_what_was_counted",
            ),
            models.CheckConstraint(
                condition=Q(type__in=["transfer_out", "transfer_in"], transfer__isnull=False)
                | (~Q(type__in=["transfer_out", "transfer_in"]) & Q(transfer__isnull=True)),
                name="transfer_has_two_sides",
            ),
        ]
        indexes: ClassVar[list[Any]] = [
            models.Index(
                fields=["tenant", "product", "-created_at", "-id"], name="movement_of_product"
            ),
            models.Index(fields=["tenant", "-created_at", "-id"], name="movement_by_time"),
            models.Index(
                fields=["tenant", "occurred_at"],
                condition=Q(type="waste"),
                name="movement_of_waste",
            ),
            models.Index(
                fields=["tenant", "transfer"],
                condition=Q(transfer__isnull=False),
                name="movement_of_transfer",
            ),
        ]

    # Level after the movement; set in lists of one product in one store.
    level_after: Decimal | None = None

    def __str__(self) -> str:
        return f"{self.type} {self.quantity}"
