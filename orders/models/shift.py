"""Shifts of cash drawers and cash movements."""

from decimal import Decimal
from typing import Any, ClassVar, Self

from django.db import models
from django.db.models import Q
from django.utils import timezone

from accounts.models import User, build_store_filter
from orders.exceptions import ShiftNotInState
from orders.models.columns import money_column
from orders.models.receipt_profile import ReceiptProfile
from tenants.models import Register, Store, TenantManager, TenantOwned, TenantQuerySet


class ShiftQuerySet(TenantQuerySet["Shift"]):
    def visible_to(self, user: User) -> Self:
        """Filter by the stores in which the user works."""
        return self.filter(build_store_filter(user))

    def open(self) -> Self:
        return self.filter(status=Shift.Status.OPEN)


class Shift(TenantOwned):
    """A shift of the cash drawer of a register: open, ended (no more sales), closed (counted).

    `RegisterSeries.shift` names the open shift too. Every sale locks that row, so that no sale is
    added after the shift has ended.
    """

    class Status(models.TextChoices):
        OPEN = "open", "Open"
        ENDED = "ended", "Ended, not counted yet"
        CLOSED = "closed", "Closed"

    register = models.ForeignKey(
        Register, on_delete=models.PROTECT, related_name="+", db_index=False
    )
    store = models.ForeignKey(Store, on_delete=models.PROTECT, related_name="+", db_index=False)
    status = models.CharField(max_length=6, choices=Status, default=Status.OPEN)
    opening_float = money_column()
    opened_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+", db_index=False)
    ended_by = models.ForeignKey(
        User, on_delete=models.PROTECT, null=True, related_name="+", db_index=False
    )
    ended_at = models.DateTimeField(null=True, blank=True)
    closed_by = models.ForeignKey(
        User, on_delete=models.PROTECT, null=True, related_name="+", db_index=False
    )
    closed_at = models.DateTimeField(null=True, blank=True)
    # Set when it is closed: [{method, expected, counted, difference}], and coins and notes.
    counted = models.JSONField(default=list, blank=True)
    denominations = models.JSONField(default=list, blank=True)
    # Cash left in the drawer, suggested as the next opening float.
    counted_cash = money_column(null=True, blank=True)
    note = models.CharField(max_length=500, blank=True)
    z_number = models.PositiveBigIntegerField(null=True, blank=True)
    z_report = models.JSONField(null=True, blank=True)
    # The version of the store's receipt profile that the Z report was written with.
    profile = models.ForeignKey(
        ReceiptProfile, on_delete=models.PROTECT, null=True, related_name="+", db_index=False
    )
    # Digest of the request: the same id with other content is a conflict.
    fingerprint = models.CharField(max_length=64, editable=False, blank=True)

    objects = TenantManager.from_queryset(ShiftQuerySet)()  # type: ignore[assignment, misc]

    class Meta(TenantOwned.Meta):
        constraints: ClassVar[list[Any]] = [
            models.UniqueConstraint(
                fields=["tenant", "register"],
                condition=Q(status="open"),
                name="one_open_shift_at_a_register",
            ),
            models.UniqueConstraint(
                fields=["tenant", "register", "z_number"], name="z_number_is_unique"
            ),
            models.CheckConstraint(
                condition=Q(opening_float__gte=0), name="opening_float_is_not_negative"
            ),
            models.CheckConstraint(
                condition=Q(
                    status="closed",
                    closed_at__isnull=False,
                    z_number__isnull=False,
                    z_report__isnull=False,
                )
                | (~Q(status="closed") & Q(closed_at__isnull=True, z_number__isnull=True)),
                name="closed_shift_has_its_z",
            ),
        ]
        indexes: ClassVar[list[Any]] = [
            models.Index(fields=["tenant", "-created_at", "-id"], name="shift_by_time"),
            models.Index(fields=["tenant", "register", "-created_at"], name="shift_of_register"),
            models.Index(fields=["tenant", "updated_at", "id"], name="shift_updated"),
        ]

    def __str__(self) -> str:
        return f"Shift of {timezone.localtime(self.created_at):%Y-%m-%d %H:%M}"

    def ensure_status(self, status: "Shift.Status") -> None:
        if self.status != status:
            raise ShiftNotInState(shift_status=self.status)

    def ensure_not_status(self, status: "Shift.Status") -> None:
        if self.status == status:
            raise ShiftNotInState(shift_status=self.status)


class CashMovement(TenantOwned):
    """An immutable movement of cash into or out of the drawer, other than a sale."""

    class Type(models.TextChoices):
        PAID_IN = "paid_in", "Paid in"
        PAID_OUT = "paid_out", "Paid out"
        DROP = "drop", "Cash drop to the safe"
        NO_SALE = "no_sale", "Drawer opened without a sale"

    shift = models.ForeignKey(Shift, on_delete=models.PROTECT, related_name="cash_movements")
    type = models.CharField(max_length=8, choices=Type)
    amount = money_column(default=Decimal(0))
    reason = models.CharField(max_length=200)
    by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+", db_index=False)
    approved_by = models.ForeignKey(
        User, on_delete=models.PROTECT, null=True, related_name="+", db_index=False
    )
    fingerprint = models.CharField(max_length=64, editable=False, blank=True)

    class Meta(TenantOwned.Meta):
        constraints: ClassVar[list[Any]] = [
            models.CheckConstraint(
                condition=Q(type="no_sale", amount=0) | (~Q(type="no_sale") & Q(amount__gt=0)),
                name="cash_movement_moves_cash",
            ),
        ]
        indexes: ClassVar[list[Any]] = [
            models.Index(fields=["tenant", "-created_at", "-id"], name="cash_movement_by_time"),
        ]

    def __str__(self) -> str:
        return f"{self.type} {self.amount}"
