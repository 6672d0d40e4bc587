"""Store credits, such as gift cards and refunds, and their entries."""

from decimal import Decimal
from typing import Any, ClassVar, Self

from django.db import models
from django.db.models import Q

from accounts.models import User
from orders.models.catalog import normalize_code
from orders.models.columns import money_column
from tenants.models import TenantManager, TenantOwned, TenantQuerySet

# Shown wherever the full code is not needed.
VISIBLE_CODE_CHARACTERS = 4


def mask_code(code: str) -> str:
    """Return `****` and the last four characters of a code, or half of a shorter one."""
    shown = min(VISIBLE_CODE_CHARACTERS, len(code) // 2)
    return f"****{code[len(code) - shown :]}"


class StoreCreditQuerySet(TenantQuerySet["StoreCredit"]):
    def with_code(self, code: str) -> Self:
        """Filter by the exact code: at most one row, none for an empty code."""
        return self.filter(code=normalize_code(code))


class StoreCredit(TenantOwned):
    """A balance that can be spent with a code; always the sum of its entries.

    A database constraint keeps the balance from going negative, even if two registers spend it
    at once. Whoever knows the code can spend it, so the full code is shown only when it is
    issued. An inactive credit is blocked: it keeps its balance but cannot be used.
    """

    code = models.CharField(max_length=64)
    balance = money_column(default=Decimal(0))
    customer_name = models.CharField(max_length=100, blank=True)
    is_active = models.BooleanField(default=True)

    # Set in the one response that shows the full code.
    full_code: str | None = None

    objects = TenantManager.from_queryset(StoreCreditQuerySet)()  # type: ignore[assignment, misc]

    class Meta(TenantOwned.Meta):
        constraints: ClassVar[list[Any]] = [
            models.UniqueConstraint(fields=["tenant", "code"], name="store_credit_code_is_unique"),
            models.CheckConstraint(
                condition=Q(balance__gte=0), name="store_credit_is_not_below_nothing"
            ),
        ]
        indexes: ClassVar[list[Any]] = [
            models.Index(fields=["tenant", "-created_at", "-id"], name="store_credit_by_time"),
            models.Index(fields=["tenant", "updated_at", "id"], name="store_credit_updated"),
        ]

    def __str__(self) -> str:
        return self.masked_code

    @property
    def masked_code(self) -> str:
        return mask_code(self.code)


class StoreCreditEntry(TenantOwned):
    """An immutable change of a balance: positive when the balance grows."""

    class Type(models.TextChoices):
        ISSUE = "issue", "Issued"
        SPEND = "spend", "Spent"
        REFUND = "refund", "Refunded to the credit"
        CANCEL = "cancel", "Payment canceled"

    credit = models.ForeignKey(StoreCredit, on_delete=models.PROTECT, related_name="entries")
    type = models.CharField(max_length=6, choices=Type)
    amount = money_column()
    reason = models.CharField(max_length=200, blank=True)
    # Id of the payment or refund that caused it.
    payment = models.UUIDField(null=True, blank=True)
    refund = models.UUIDField(null=True, blank=True)
    by = models.ForeignKey(
        User, on_delete=models.PROTECT, null=True, related_name="+", db_index=False
    )

    class Meta(TenantOwned.Meta):
        verbose_name_plural = "store credit entries"
        constraints: ClassVar[list[Any]] = [
            models.CheckConstraint(condition=~Q(amount=0), name="store_credit_entry_is_something"),
        ]
        indexes: ClassVar[list[Any]] = [
            # Recent issues count against the limit of the user.
            models.Index(
                fields=["tenant", "by", "created_at"],
                condition=Q(type="issue"),
                name="store_credit_issued",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.type} {self.amount}"
