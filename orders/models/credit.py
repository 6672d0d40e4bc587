"""Store credits, such as gift cards and refunds, and their entries."""

import uuid
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, ClassVar, Self

from django.db import models
from django.db.models import Q

from accounts.models import User
from orders.exceptions import InsufficientStoreCredit, StoreCreditBlocked
from orders.models.catalog import normalize_code
from orders.models.columns import money_column
from tenants.database.bulk_insert import Statement
from tenants.exceptions import Invalid
from tenants.models import TenantManager, TenantOwned, TenantQuerySet
from tenants.scope import current_tenant

# Shown where the full code is not needed.
VISIBLE_CODE_CHARACTERS = 4
# How long after a refund or sale its original print shows the codes of credits that it has issued.
CODE_PRINT_PERIOD = timedelta(minutes=15)
MAX_CODE_LENGTH = 64


def ensure_storable_code(code: str, field: str) -> None:
    """Raise `Invalid` for a code of a new credit that is too long once it is normalized."""
    if len(normalize_code(code)) > MAX_CODE_LENGTH:
        detail = f"At most {MAX_CODE_LENGTH} characters."
        raise Invalid.field(field, detail, code="max_length")


def mask_code(code: str) -> str:
    """Return `****` and the last four characters of a code, or half of a shorter one."""
    shown = min(VISIBLE_CODE_CHARACTERS, len(code) // 2)
    return f"****{code[len(code) - shown :]}"


def may_print_codes(
    person: User, by: uuid.UUID, completed_at: datetime | None, now: datetime
) -> bool:
    """Return whether a print shows a user the full codes of the credits that `by` has issued.

    A code is enough to spend a credit, so only the user who made the refund or sale sees it, for
    CODE_PRINT_PERIOD.
    """
    is_recent = completed_at is not None and now < completed_at + CODE_PRINT_PERIOD
    return person.pk == by and is_recent


BALANCE_SQL = """
UPDATE orders_storecredit SET balance = %s, version = %s, updated_at = %s
WHERE tenant_id = %s AND id = %s
"""


class StoreCreditQuerySet(TenantQuerySet["StoreCredit"]):
    def with_code(self, code: str) -> Self:
        """Filter by the exact code: at most one row, none for an empty code."""
        return self.filter(code=normalize_code(code))

    def locked(self) -> Self:
        return self.select_for_update(no_key=True)


class StoreCredit(TenantOwned):
    """A balance that can be spent with a code; always the sum of its entries.

    A database constraint keeps the balance from going negative, even if two registers spend it
    at once. Anyone who knows the code can spend it, so the full code is shown only when it is
    issued. An inactive credit is blocked: it keeps its balance but cannot be used.
    """

    code = models.CharField(max_length=MAX_CODE_LENGTH)
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

    def spend(self, amount: Decimal) -> None:
        """Deduct an amount; saves nothing. The row must be locked."""
        if not self.is_active:
            raise StoreCreditBlocked(reference=self.masked_code)
        if self.balance < amount:
            balance = str(current_tenant().quantize_amount(self.balance))
            raise InsufficientStoreCredit(reference=self.masked_code, balance=balance)
        self.balance -= amount
        self.version += 1

    def build_balance_statement(self, at: datetime) -> Statement:
        """Return the statement that saves what `spend` has deducted."""
        return BALANCE_SQL, [self.balance, self.version, at, self.tenant_id, self.pk]

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
