"""What the customer takes home, numbered without gaps."""

from typing import Any, ClassVar

from django.db import models

from orders.models.order import Order
from tenants.models import Register, TenantOwned


class RegisterSeries(TenantOwned):
    """The running numbers of one register; counted up inside the sale's transaction."""

    register = models.OneToOneField(Register, on_delete=models.PROTECT, related_name="series")
    last_order = models.PositiveBigIntegerField(default=0)
    last_receipt = models.PositiveBigIntegerField(default=0)

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

    class Meta(TenantOwned.Meta):
        constraints: ClassVar[list[Any]] = [
            models.UniqueConstraint(
                fields=["tenant", "register", "number"], name="receipt_numbers_are_unique"
            ),
        ]

    def __str__(self) -> str:
        return str(self.number)
