"""Leave that a second person gives for one deed."""

from datetime import datetime
from typing import Any, ClassVar

from django.db import models

from accounts.models.terminal import Terminal
from accounts.models.user import User
from tenants.models import TenantManager, TenantOwned, TenantQuerySet


class ApprovalQuerySet(TenantQuerySet["Approval"]):
    def visible_to(self, user: User) -> "ApprovalQuerySet":
        """Cashiers see what they asked for themselves."""
        return self if user.may_approve() else self.filter(requested_by=user)


class Approval(TenantOwned):
    """Asked for by one person, given by another, used once, for this deed and no other.

    A row and not a token: there is nothing to steal. After OWASP's Transaction Authorization
    Cheat Sheet: made per operation, short-lived, checked again when it is used.
    """

    class Action(models.TextChoices):
        DISCOUNT = "discount", "Discount above the limit"
        PRICE_OVERRIDE = "price_override", "Price above the limit"
        REFUND = "refund", "Refund"
        VOID = "void", "Void"
        PAID_OUT = "paid_out", "Cash taken out of the drawer"

    class Status(models.TextChoices):
        PENDING = "pending", "Asked for"
        APPROVED = "approved", "Given"
        DENIED = "denied", "Denied"
        USED = "used", "Used"

    action = models.CharField(max_length=14, choices=Action)
    # What it is about, as ids: {"order": "..."}; `object_key` is its canonical text.
    object = models.JSONField()
    object_key = models.CharField(max_length=200, editable=False)
    # At most so much, in the shop's currency; null where the deed has no amount.
    amount = models.DecimalField(max_digits=15, decimal_places=3, null=True, blank=True)
    reason = models.CharField(max_length=200, blank=True)
    status = models.CharField(max_length=8, choices=Status, default=Status.PENDING)
    requested_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    # Where it was asked for, and where alone it counts; null away from any paired register.
    terminal = models.ForeignKey(
        Terminal, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    decided_by = models.ForeignKey(
        User, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    decided_at = models.DateTimeField(null=True, blank=True)
    expires_at = models.DateTimeField()
    used_at = models.DateTimeField(null=True, blank=True)

    objects = TenantManager.from_queryset(ApprovalQuerySet)()  # type: ignore[assignment, misc]

    class Meta(TenantOwned.Meta):
        constraints: ClassVar[list[Any]] = [
            models.CheckConstraint(
                condition=models.Q(decided_by__isnull=True)
                | ~models.Q(decided_by=models.F("requested_by")),
                name="nobody_approves_his_own_request",
            ),
            models.CheckConstraint(
                condition=models.Q(status="pending", decided_by__isnull=True)
                | models.Q(decided_by__isnull=False, decided_at__isnull=False),
                name="approval_is_decided_by_somebody",
            ),
            models.CheckConstraint(
                condition=models.Q(status="used", used_at__isnull=False)
                | (~models.Q(status="used") & models.Q(used_at__isnull=True)),
                name="approval_is_used_once",
            ),
        ]
        indexes: ClassVar[list[Any]] = [
            models.Index(fields=["tenant", "created_at", "id"], name="approval_by_time"),
            models.Index(fields=["tenant", "updated_at", "id"], name="approval_updated"),
            models.Index(fields=["tenant", "requested_by", "created_at"], name="approval_asked"),
        ]

    def __str__(self) -> str:
        return f"{self.action} for {self.requested_by_id}: {self.status}"

    def is_expired(self, at: datetime) -> bool:
        return at >= self.expires_at
