"""Receipts, number series of registers, and the hash chain."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Self

from django.db import connection, models
from django.db.models.functions import Coalesce

from orders.models.order import Order
from orders.models.prints import Printed
from orders.models.receipt_profile import ReceiptProfile
from orders.models.shift import Shift
from tenants.database.bulk_insert import Statement
from tenants.ids import to_db_id
from tenants.models import Register, TenantManager, TenantOwned, TenantQuerySet

# A device number further above the received ones than this is not trusted.
MAX_SEQUENCE_JUMP = 10_000
INCREMENT_SQL = """
UPDATE orders_registerseries
SET last_order = last_order + %s, last_receipt = last_receipt + %s, last_z = last_z + %s
WHERE tenant_id = %s AND register_id = %s
RETURNING last_order, last_receipt, last_z, last_entry, last_hash, shift_id,
    COALESCE(held_device_sequence, last_device_sequence)
"""
# A device number is stored unless it jumps too far.
SET_DEVICE_SQL = """,
    held_device_sequence = CASE
        WHEN %s BETWEEN COALESCE(held_device_sequence, last_device_sequence)
            AND COALESCE(held_device_sequence, last_device_sequence) + %s
        THEN %s ELSE COALESCE(held_device_sequence, last_device_sequence) END,
    last_device_sequence = CASE
        WHEN %s BETWEEN last_device_sequence
            AND COALESCE(held_device_sequence, last_device_sequence) + %s
        THEN %s ELSE last_device_sequence END
"""
# The same with a device number.
INCREMENT_WITH_DEVICE_SQL = INCREMENT_SQL.replace("\nWHERE", f"{SET_DEVICE_SQL}WHERE")
LOCK_SQL = """
SELECT last_order, last_receipt, last_z, last_entry, last_hash, shift_id,
    COALESCE(held_device_sequence, last_device_sequence)
FROM orders_registerseries WHERE tenant_id = %s AND register_id = %s
"""
LOCK_ROW_SQL = LOCK_SQL + "FOR NO KEY UPDATE"
ADVANCE_SQL = """
UPDATE orders_registerseries
SET last_order = %s, last_receipt = %s, last_entry = %s, last_hash = %s
WHERE tenant_id = %s AND register_id = %s
"""
ADVANCE_WITH_DEVICE_SQL = ADVANCE_SQL.replace("\nWHERE", f"{SET_DEVICE_SQL}WHERE")
EXTEND_CHAIN_SQL = """
UPDATE orders_registerseries SET last_entry = %s, last_hash = %s
WHERE tenant_id = %s AND register_id = %s
"""


@dataclass(frozen=True, slots=True)
class RegisterNumbers:
    """Current numbers of a register, locked until the end of the transaction."""

    order: int
    receipt: int
    z: int
    entry: int
    hash: str
    # The open shift, if any.
    shift: uuid.UUID | None
    # Highest device number received, from which a jump is measured.
    device: int = 0

    def take(self, *, orders: int, receipts: int) -> Self:
        """Return the numbers after the next orders and receipts."""
        return replace(self, order=self.order + orders, receipt=self.receipt + receipts)

    @classmethod
    def parse(cls, row: Sequence[Any]) -> Self:
        """Return the numbers in a row of the database."""
        order, receipt, z, entry, last_hash, shift, held = row
        shift = uuid.UUID(str(shift)) if shift else None
        return cls(order, receipt, z, entry, last_hash, shift, held)

    def is_jump(self, device_sequence: int) -> bool:
        """Return whether a device number is too far above the received ones."""
        return device_sequence > self.device + MAX_SEQUENCE_JUMP


class RegisterSeriesQuerySet(TenantQuerySet["RegisterSeries"]):
    def increment(
        self,
        register: Register,
        *,
        orders: int = 0,
        receipts: int = 0,
        zs: int = 0,
        device: int | None = None,
    ) -> RegisterNumbers:
        """Lock the series of a register, increment it and return the new numbers.

        Without increments it only locks and reads. `device` is the device number of the sale.
        """
        numbered = build_device_sequence_parameters(device)
        keys = [to_db_id(register.tenant_id), to_db_id(register.pk)]
        with connection.cursor() as cursor:
            cursor.execute(
                INCREMENT_WITH_DEVICE_SQL if numbered else INCREMENT_SQL,
                [orders, receipts, zs, *numbered, *keys],
            )
            numbers = cursor.fetchone()
        if numbers is None:  # first use of the register
            self.bulk_create([RegisterSeries(register=register)], ignore_conflicts=True)
            return self.increment(register, orders=orders, receipts=receipts, zs=zs, device=device)
        return RegisterNumbers.parse(numbers)

    def lock(self, register: Register) -> RegisterNumbers:
        """Lock and return the numbers of a register; `build_advance_statement` writes them."""
        with connection.cursor() as cursor:
            cursor.execute(*build_lock_statement(register.tenant_id, register.pk))
            numbers = cursor.fetchone()
        if numbers is None:
            self.bulk_create([RegisterSeries(register=register)], ignore_conflicts=True)
            return self.lock(register)
        return RegisterNumbers.parse(numbers)

    def find_shift(self, register: Register) -> uuid.UUID | None:
        """Return the open shift of a register, or None."""
        return self.filter(register=register).values_list("shift", flat=True).first()

    def held_device_sequence(self, register: Register) -> int:
        """Return the highest device number received; 0 if there is none."""
        held = Coalesce("held_device_sequence", "last_device_sequence")
        return self.filter(register=register).values_list(held, flat=True).first() or 0


def build_device_sequence_parameters(device: int | None) -> list[int]:
    """Return the parameters of SET_DEVICE_SQL, or none without a device number."""
    return [] if device is None else [device, MAX_SEQUENCE_JUMP, device] * 2


def build_lock_statement(tenant_id: uuid.UUID | None, register_id: uuid.UUID) -> Statement:
    """Return the query of `RegisterSeriesQuerySet.lock`."""
    sql = LOCK_ROW_SQL if connection.features.has_select_for_update else LOCK_SQL
    return sql, [to_db_id(tenant_id), to_db_id(register_id)]


def build_advance_statement(
    register: Register, numbers: RegisterNumbers, entry: "ChainEntry | None", device: int | None
) -> Statement:
    """Return the statement that writes the numbers of a locked series, and its last chain entry."""
    return ADVANCE_SQL if device is None else ADVANCE_WITH_DEVICE_SQL, [
        numbers.order,
        numbers.receipt,
        entry.sequence if entry else numbers.entry,
        entry.hash if entry else numbers.hash,
        *build_device_sequence_parameters(device),
        to_db_id(register.tenant_id),
        to_db_id(register.pk),
    ]


class RegisterSeries(TenantOwned):
    """Last used numbers of a register, incremented in the transaction of the sale."""

    register = models.OneToOneField(Register, on_delete=models.PROTECT, related_name="series")
    last_order = models.PositiveBigIntegerField(default=0)
    last_receipt = models.PositiveBigIntegerField(default=0)
    last_z = models.PositiveBigIntegerField(default=0)
    # Last number that the device has reported; not all sales need to have arrived.
    last_device_sequence = models.PositiveBigIntegerField(default=0)
    # Highest device number among the received sales, or the one that a manager has set.
    # Null in rows older than this column, which use `last_device_sequence`.
    held_device_sequence = models.PositiveBigIntegerField(null=True, default=0)
    # Last entry of the hash chain, and the open shift.
    last_entry = models.PositiveBigIntegerField(default=0)
    last_hash = models.CharField(max_length=64, blank=True)
    shift = models.ForeignKey(
        Shift, on_delete=models.PROTECT, null=True, related_name="+", db_index=False
    )

    objects = TenantManager.from_queryset(RegisterSeriesQuerySet)()  # type: ignore[assignment, misc]

    class Meta(TenantOwned.Meta):
        verbose_name_plural = "register series"

    def __str__(self) -> str:
        return f"{self.last_receipt} receipts"


class Receipt(Printed, TenantOwned):
    """The receipt of a completed order, numbered per register without gaps."""

    order = models.OneToOneField(Order, on_delete=models.PROTECT, related_name="receipt")
    register = models.ForeignKey(
        Register, on_delete=models.PROTECT, related_name="+", db_index=False
    )
    number = models.PositiveBigIntegerField()
    issued_at = models.DateTimeField()
    # The version of the store's receipt profile that it was issued with.
    profile = models.ForeignKey(
        ReceiptProfile, on_delete=models.PROTECT, null=True, related_name="+", db_index=False
    )

    class Meta(TenantOwned.Meta):
        constraints: ClassVar[list[Any]] = [
            models.UniqueConstraint(
                fields=["tenant", "register", "number"], name="receipt_numbers_are_unique"
            ),
        ]

    def __str__(self) -> str:
        return str(self.number)


class ChainEntry(TenantOwned):
    """An entry of the hash chain, with the hash of the previous entry.

    Database triggers refuse changes and deletions; `verify_chain` detects them anyway.
    """

    class Kind(models.TextChoices):
        RECEIPT = "receipt", "Receipt"
        REFUND = "refund", "Refund"
        Z_REPORT = "z_report", "Z report"
        REVERSAL = "reversal", "Reversal of a refund"
        FISCAL = "fiscal", "Fiscal text"

    register = models.ForeignKey(
        Register, on_delete=models.PROTECT, related_name="+", db_index=False
    )
    sequence = models.PositiveBigIntegerField()
    kind = models.CharField(max_length=8, choices=Kind)
    # Id of the receipt, refund or shift; that of the refund also for its reversal, and that of the
    # receipt or refund for its fiscal texts.
    subject = models.UUIDField()
    # The canonical JSON that was hashed.
    content = models.TextField()
    previous_hash = models.CharField(max_length=64, blank=True)
    hash = models.CharField(max_length=64)

    class Meta(TenantOwned.Meta):
        verbose_name_plural = "chain entries"
        constraints: ClassVar[list[Any]] = [
            models.UniqueConstraint(
                fields=["tenant", "register", "sequence"], name="chain_sequence_is_unique"
            ),
            models.UniqueConstraint(fields=["tenant", "kind", "subject"], name="sealed_once"),
        ]

    def __str__(self) -> str:
        return f"{self.sequence} {self.kind}"

    def build_chain_statement(self) -> Statement:
        """Return the statement that makes this entry the last one of the chain."""
        return EXTEND_CHAIN_SQL, [
            self.sequence,
            self.hash,
            to_db_id(self.tenant_id),
            to_db_id(self.register_id),
        ]
