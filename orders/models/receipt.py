"""What the customer takes home, numbered without gaps."""

from functools import partial
from typing import Any, ClassVar

from django.db import connection, models

from orders.models.order import Order
from orders.models.shift import Shift
from tenants.models import Register, TenantManager, TenantOwned, TenantQuerySet

COUNT_UP = """
UPDATE orders_registerseries
SET last_order = last_order + %s, last_receipt = last_receipt + %s
WHERE tenant_id = %s AND register_id = %s
RETURNING last_order, last_receipt
"""


class RegisterSeriesQuerySet(TenantQuerySet["RegisterSeries"]):
    def count_up(self, register: Register, *, orders: int, receipts: int) -> tuple[int, int]:
        """The register's numbers after this; its row is ours until the transaction ends."""
        key = partial(self.model._meta.pk.get_db_prep_value, connection=connection)
        params = [orders, receipts, key(register.tenant_id), key(register.pk)]
        with connection.cursor() as cursor:
            cursor.execute(COUNT_UP, params)
            numbers = cursor.fetchone()
        if numbers is None:  # the first sale of this register
            self.bulk_create([RegisterSeries(register=register)], ignore_conflicts=True)
            return self.count_up(register, orders=orders, receipts=receipts)
        last_order, last_receipt = numbers
        return last_order, last_receipt


class RegisterSeries(TenantOwned):
    """The running numbers of one register; counted up inside the sale's transaction."""

    register = models.OneToOneField(Register, on_delete=models.PROTECT, related_name="series")
    last_order = models.PositiveBigIntegerField(default=0)
    last_receipt = models.PositiveBigIntegerField(default=0)
    last_z = models.PositiveBigIntegerField(default=0)
    # The end of the register's chain, and the shift in whose drawer it sells now.
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


class Receipt(TenantOwned):
    """The proof of a completed sale: its register's next number, for ever."""

    order = models.OneToOneField(Order, on_delete=models.PROTECT, related_name="receipt")
    register = models.ForeignKey(
        Register, on_delete=models.PROTECT, related_name="+", db_index=False
    )
    number = models.PositiveBigIntegerField()
    issued_at = models.DateTimeField()
    # How often it was printed; every print after the first says that it is a copy.
    prints = models.PositiveIntegerField(default=0)

    class Meta(TenantOwned.Meta):
        constraints: ClassVar[list[Any]] = [
            models.UniqueConstraint(
                fields=["tenant", "register", "number"], name="receipt_numbers_are_unique"
            ),
        ]

    def __str__(self) -> str:
        return str(self.number)


class ChainEntry(TenantOwned):
    """A receipt, a refund or a Z, sealed: its hash covers it and the entry before it.

    The database refuses to change or to delete it; `verify_chain` finds whoever did it anyway.
    """

    class Kind(models.TextChoices):
        RECEIPT = "receipt", "Receipt"
        REFUND = "refund", "Refund"
        Z_REPORT = "z_report", "Z report"

    register = models.ForeignKey(
        Register, on_delete=models.PROTECT, related_name="+", db_index=False
    )
    sequence = models.PositiveBigIntegerField()
    kind = models.CharField(max_length=8, choices=Kind)
    # The receipt's, the refund's or the shift's id.
    subject = models.UUIDField()
    # Canonical JSON, as it was hashed.
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
