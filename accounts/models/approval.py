"""Manager approval for one action above the user's limits."""

import json
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, ClassVar

from django.db import models
from django.utils import timezone

from accounts.exceptions import AboveOwnLimit, ApprovalNotPending, ApprovalNotValid, OwnRequest
from accounts.models.terminal import Terminal
from accounts.models.user import User
from tenants.database.bulk_insert import Statement
from tenants.exceptions import NotPermitted
from tenants.models import TenantManager, TenantOwned, TenantQuerySet
from tenants.scope import current_tenant

# Not stored: a pending or approved request whose `expires_at` has passed.
EXPIRED = "expired"


def build_object_key(about: Mapping[str, uuid.UUID]) -> str:
    """Return the canonical JSON text of the object that an approval is for."""
    return json.dumps({name: str(pk) for name, pk in sorted(about.items())}, separators=(",", ":"))


@dataclass(frozen=True, slots=True)
class ApprovalUse:
    """What an approval is used for: it must be for exactly this, up to at least this amount."""

    action: str
    object: Mapping[str, uuid.UUID]
    by: uuid.UUID
    terminal: uuid.UUID | None
    amount: Decimal | None = None
    method: str = ""


class RefundMethod(models.TextChoices):
    """How a refund is paid out: as the order was paid, or by one payment method."""

    ORIGINAL = "original", "Original payment method"
    CASH = "cash", "Cash"
    CARD = "card", "Card"
    VOUCHER = "voucher", "Voucher"
    STORE_CREDIT = "store_credit", "Store credit"
    OTHER = "other", "Other"


USED_SQL = """
UPDATE accounts_approval SET status = %s, used_at = %s, updated_at = %s, version = version + 1
WHERE tenant_id = %s AND id = %s
"""


class ApprovalQuerySet(TenantQuerySet["Approval"]):
    def visible_to(self, user: User) -> "ApprovalQuerySet":
        """Filter for cashiers by their own requests; managers and admins see all."""
        return self if user.may_approve() else self.filter(requested_by=user)

    def with_details(self) -> "ApprovalQuerySet":
        """Load requester, approver and register in the same query."""
        return self.select_related("requested_by", "decided_by", "terminal__register")

    def locked_with_approver(self) -> "ApprovalQuerySet":
        """Lock the rows, and load their approvers with the tenant."""
        locked = self.select_for_update(no_key=True, of=("self",))
        return locked.select_related("decided_by__tenant")

    def in_status(self, status: str, at: datetime) -> "ApprovalQuerySet":
        """Filter by the status at a time, including `expired`."""
        running = (Approval.Status.PENDING, Approval.Status.APPROVED)
        if status == EXPIRED:
            return self.filter(status__in=running, expires_at__lte=at)
        found = self.filter(status=status)
        return found.filter(expires_at__gt=at) if status in running else found


class Approval(TenantOwned):
    """Request of one user, decided by another, consumed once by one specific action.

    A row and not a token, so that there is nothing to steal. Source: OWASP Transaction
    Authorization Cheat Sheet (per operation, short-lived, checked again when it is used).
    """

    class Action(models.TextChoices):
        DISCOUNT = "discount", "Discount above the limit"
        PRICE_OVERRIDE = "price_override", "Price override above the limit"
        REFUND = "refund", "Refund"
        VOID = "void", "Void"
        PAID_OUT = "paid_out", "Paid out"
        DROP = "drop", "Cash drop"
        DEPOSIT_RETURN = "deposit_return", "Deposit return above the limit"
        SELL_EXPIRED = "sell_expired", "Sale of an expired product"

        @property
        def about(self) -> frozenset[str]:
            """Return the object types, of which exactly one is named by its id."""
            drawer_actions = {self.PAID_OUT, self.DROP}
            return frozenset({"shift", "register"} if self in drawer_actions else {"order"})

        @property
        def may_have_amount(self) -> bool:
            return self != self.VOID

        @property
        def requires_amount(self) -> bool:
            """Return whether the amount is required; that of an expired product is its discount."""
            return self not in {self.VOID, self.SELL_EXPIRED}

        @property
        def moves_money(self) -> bool:
            """Return whether money leaves the drawer."""
            return self.limit_name is not None

        @property
        def limit_name(self) -> str | None:
            """Return the name of the money limit for this action, or None."""
            limits = {
                self.REFUND: "refund_amount",
                self.PAID_OUT: "paid_out_amount",
                self.DROP: "drop_amount",
                self.DEPOSIT_RETURN: "deposit_return_amount",
            }
            return limits.get(self)

    class Status(models.TextChoices):
        PENDING = "pending", "Pending"
        APPROVED = "approved", "Approved"
        DENIED = "denied", "Denied"
        USED = "used", "Used"

    action = models.CharField(max_length=14, choices=Action)
    # Type and id, such as {"order": "..."}; `object_key` is its canonical text.
    object = models.JSONField()
    object_key = models.CharField(max_length=200, editable=False)
    # Maximum in the tenant's currency; null where the action has no amount.
    amount = models.DecimalField(max_digits=15, decimal_places=3, null=True, blank=True)
    # Refunds only, otherwise empty.
    method = models.CharField(max_length=12, choices=RefundMethod, blank=True)
    reason = models.CharField(max_length=200, blank=True)
    status = models.CharField(max_length=8, choices=Status, default=Status.PENDING)
    requested_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    # Terminal of the request, the only one where it is valid; null without a paired terminal.
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
                condition=models.Q(action="refund", method__in=RefundMethod.values)
                | (~models.Q(action="refund") & models.Q(method="")),
                name="approval_of_a_refund_has_a_method",
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
            models.Index(fields=["tenant", "object_key"], name="approval_by_object"),
        ]

    def __str__(self) -> str:
        return f"{self.action} for {self.requested_by_id}: {self.status}"

    def is_expired(self, at: datetime) -> bool:
        running = {self.Status.PENDING, self.Status.APPROVED}
        return self.status in running and at >= self.expires_at

    def status_at(self, at: datetime) -> str:
        return EXPIRED if self.is_expired(at) else self.status

    @property
    def current_status(self) -> str:
        return self.status_at(timezone.now())

    @property
    def facts(self) -> dict[str, Any]:
        """Return the details for the audit log."""
        amount = None if self.amount is None else str(current_tenant().quantize_amount(self.amount))
        facts = {"action": self.action, "object": self.object, "amount": amount}
        return facts | ({"method": self.method} if self.method else {})

    def ensure_pending(self, at: datetime) -> None:
        if (status := self.status_at(at)) != self.Status.PENDING:
            raise ApprovalNotPending(approval_status=status)

    def use(self, use: ApprovalUse, at: datetime) -> None:
        """Set the status `used`; saves nothing. Raises ApprovalNotValid for every mismatch."""
        approver = self.decided_by
        if not self._fits(use, at) or approver is None or not approver.may_approve():
            raise ApprovalNotValid
        self.status, self.used_at = self.Status.USED, at

    def _fits(self, use: ApprovalUse, at: datetime) -> bool:
        given = (self.requested_by_id, self.terminal_id, self.action, self.method, self.object_key)
        wanted = (use.by, use.terminal, use.action, use.method, build_object_key(use.object))
        is_approved = self.status_at(at) == self.Status.APPROVED
        return is_approved and given == wanted and self._covers(use.amount)

    def _covers(self, amount: Decimal | None) -> bool:
        if self.amount is None or amount is None:
            return self.amount is amount
        return bool(self.amount >= amount)

    def build_use_statement(self) -> Statement:
        """Return the statement that saves what `use` has set."""
        return USED_SQL, [self.status, self.used_at, self.used_at, self.tenant_id, self.pk]

    def ensure_may_be_decided_by(self, user: User, decision: "Approval.Status") -> None:
        """Raise unless the user may decide; to approve, the amount must be within their limit."""
        if not user.may_approve():
            raise NotPermitted
        if user.pk == self.requested_by_id:
            raise OwnRequest
        if decision == self.Status.APPROVED and not self._is_within_money_limit(user):
            raise AboveOwnLimit

    def _is_within_money_limit(self, user: User) -> bool:
        """Check money limits only; the action itself checks percent limits."""
        limit = self.Action(self.action).limit_name
        return self.amount is None or limit is None or user.may_move_money(limit, self.amount)
