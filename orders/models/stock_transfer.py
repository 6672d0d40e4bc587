"""Transfers of stock between two stores, and the products in them."""

from decimal import Decimal
from typing import Any, ClassVar

from django.db import models
from django.db.models import F, Q

from accounts.models import User, build_store_filter
from orders.exceptions import StockTransferEmpty, StockTransferNotInState
from orders.models.catalog import Product
from orders.models.columns import quantity_column
from orders.models.stock import StockMovement
from tenants.models import Store, TenantManager, TenantOwned, TenantQuerySet


class StockTransferQuerySet(TenantQuerySet["StockTransfer"]):
    def visible_to(self, user: User) -> "StockTransferQuerySet":
        """Filter by transfers from or to the stores in which the user works."""
        return self.filter(
            build_store_filter(user, "from_store") | build_store_filter(user, "to_store")
        )

    def in_transit(self) -> "StockTransferQuerySet":
        """Filter by transfers that have left their store and have not arrived."""
        return self.filter(status=StockTransfer.Status.SENT)


class StockTransfer(TenantOwned):
    """Goods that one store of the shop sends to another.

    Sending takes them from the stock of the one, receiving adds them to that of the other; in
    between they are in transit.
    """

    class Status(models.TextChoices):
        DRAFT = "draft", "Draft"
        SENT = "sent", "In transit"
        RECEIVED = "received", "Received"
        CANCELED = "canceled", "Canceled"

    class Unchecked(models.TextChoices):
        AS_SENT = "as_sent", "They arrived as sent"
        MISSING = "missing", "They did not arrive"

    from_store = models.ForeignKey(
        Store, on_delete=models.PROTECT, related_name="+", db_index=False, verbose_name="from"
    )
    to_store = models.ForeignKey(
        Store, on_delete=models.PROTECT, related_name="+", db_index=False, verbose_name="to"
    )
    note = models.CharField(max_length=200, blank=True)
    status = models.CharField(max_length=8, choices=Status, default=Status.DRAFT)
    line_count = models.PositiveIntegerField("products", default=0, editable=False)
    created_by = models.ForeignKey(
        User, on_delete=models.PROTECT, related_name="+", db_index=False, editable=False
    )
    sent_by = models.ForeignKey(
        User, on_delete=models.PROTECT, null=True, related_name="+", db_index=False, editable=False
    )
    sent_at = models.DateTimeField(null=True, editable=False)
    # Received or canceled.
    ended_by = models.ForeignKey(
        User, on_delete=models.PROTECT, null=True, related_name="+", db_index=False, editable=False
    )
    ended_at = models.DateTimeField(null=True, editable=False)

    objects = TenantManager.from_queryset(StockTransferQuerySet)()  # type: ignore[assignment, misc]

    class Meta(TenantOwned.Meta):
        constraints: ClassVar[list[Any]] = [
            models.CheckConstraint(
                condition=~Q(from_store=F("to_store")), name="stock_transfer_has_two_stores"
            ),
            models.CheckConstraint(
                condition=Q(status__in=["draft", "sent"], ended_at__isnull=True)
                | Q(status__in=["received", "canceled"], ended_at__isnull=False),
                name="stock_transfer_has_an_end",
            ),
            models.CheckConstraint(
                condition=Q(status="draft", sent_at__isnull=True)
                | Q(status__in=["sent", "received"], sent_at__isnull=False)
                | Q(status="canceled"),
                name="stock_transfer_was_sent",
            ),
        ]
        indexes: ClassVar[list[Any]] = [
            models.Index(fields=["tenant", "-created_at", "-id"], name="stock_transfer_by_time"),
            models.Index(fields=["tenant", "updated_at", "id"], name="stock_transfer_updated"),
            models.Index(
                fields=["tenant", "id"],
                condition=Q(status="sent"),
                name="stock_transfer_in_transit",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.from_store} to {self.to_store}"

    @property
    def is_draft(self) -> bool:
        return self.status == self.Status.DRAFT

    @property
    def is_in_transit(self) -> bool:
        return self.status == self.Status.SENT

    def ensure_in(self, *states: Status) -> None:
        """Raise `StockTransferNotInState` unless the transfer has one of these states."""
        if self.status not in states:
            raise StockTransferNotInState(transfer_status=self.get_status_display().lower())

    def ensure_not_empty(self) -> None:
        """Raise `StockTransferEmpty` if there is nothing to send."""
        if not self.line_count:
            raise StockTransferEmpty


class StockTransferLineQuerySet(TenantQuerySet["StockTransferLine"]):
    def visible_to(self, user: User) -> "StockTransferLineQuerySet":
        """Filter by transfers from or to the stores in which the user works."""
        if user.works_in_all_stores:
            return self
        return self.filter(transfer__in=StockTransfer.objects.visible_to(user))

    def in_transit(self) -> "StockTransferLineQuerySet":
        return self.filter(transfer__in=StockTransfer.objects.in_transit())

    def different(self) -> "StockTransferLineQuerySet":
        """Filter by lines of which more or less has arrived than was sent."""
        return self.filter(received__isnull=False).exclude(received=F("sent"))


class StockTransferLine(TenantOwned):
    """A product of a transfer. Its `transfer` id is also that of both movements.

    `sent` is zero for a product that arrived without having been sent.
    """

    transfer = models.ForeignKey(
        StockTransfer, on_delete=models.PROTECT, related_name="lines", db_index=False
    )
    product = models.ForeignKey(Product, on_delete=models.PROTECT, related_name="+", db_index=False)
    sent = quantity_column()
    # Null until somebody has checked it, or until the transfer was received.
    received = quantity_column(null=True)
    # Why less has arrived.
    loss_reason = models.CharField(  # noqa: DJ001
        max_length=8, choices=StockMovement.WasteReason, null=True
    )
    checked_by = models.ForeignKey(
        User, on_delete=models.PROTECT, null=True, related_name="+", db_index=False
    )
    checked_at = models.DateTimeField(null=True)

    objects = TenantManager.from_queryset(StockTransferLineQuerySet)()  # type: ignore[assignment, misc]

    class Meta(TenantOwned.Meta):
        verbose_name = "transferred product"
        constraints: ClassVar[list[Any]] = [
            # Also the index of the lines of a transfer.
            models.UniqueConstraint(
                fields=["tenant", "transfer", "product"], name="stock_transfer_line_is_unique"
            ),
            models.CheckConstraint(
                condition=Q(sent__gte=0) & (Q(received__isnull=True) | Q(received__gte=0)),
                name="stock_transfer_line_is_not_negative",
            ),
        ]
        indexes: ClassVar[list[Any]] = [
            models.Index(fields=["tenant", "transfer", "id"], name="stock_transfer_line_by_id"),
        ]

    def __str__(self) -> str:
        return f"{self.sent} of {self.product_id}"

    @property
    def difference(self) -> Decimal | None:
        """Return what arrived less what was sent: negative for a loss."""
        return None if self.received is None else self.received - self.sent
