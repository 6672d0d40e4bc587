"""Approvals: request, decide and consume."""

import uuid
from collections.abc import Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from django.db import transaction
from django.db.models import F
from django.utils import timezone

from accounts.exceptions import ApprovalNotPending, ApprovalNotValid, PasswordChangeRequired
from accounts.models import Approval, ApprovalUse, AuthSession, User, build_object_key
from accounts.services.approvers import Credentials, identify_approver
from tenants import audit, idempotency
from tenants.database.compiled_queries import CompiledQuery
from tenants.scope import atomic_with_retry

# Time to decide on a request, and time to use an approval.
PENDING_LIFETIME = timedelta(minutes=15)
APPROVED_LIFETIME = timedelta(seconds=120)

ObjectIds = Mapping[str, uuid.UUID]
DECISION_EVENTS = {
    Approval.Status.APPROVED: "approval_given",
    Approval.Status.DENIED: "approval_denied",
}


@atomic_with_retry
def request_approval(
    *,
    action: Approval.Action,
    object: ObjectIds,
    amount: Decimal | None = None,
    method: str = "",
    reason: str = "",
    session: AuthSession,
) -> Approval:
    """Create a request for one action, valid at the session's terminal only."""
    approval = Approval(
        action=action,
        object={name: str(pk) for name, pk in object.items()},
        object_key=build_object_key(object),
        amount=amount,
        method=method,
        reason=reason,
        requested_by=session.user,
        terminal_id=session.terminal_id,
        expires_at=timezone.now() + PENDING_LIFETIME,
    )
    approval.save(force_insert=True)
    audit.record("approval_requested", actor=session.user, target=approval, **approval.facts)
    return Approval.objects.with_details().get(pk=approval.pk)


def decide(
    approval: Approval,
    decision: Approval.Status,
    *,
    credentials: Credentials = None,
    session: AuthSession,
    ip: str | None,
) -> Approval:
    """Approve or deny, from the approver's own session or by credentials at the requester's device.

    Not one transaction, so that failed attempts are counted and recorded.
    """
    if idempotency.is_resumed():
        return approval
    approval.ensure_pending(timezone.now())
    return _decide(approval, decision, by=identify_approver(approval, credentials, session, ip))


@atomic_with_retry
def _decide(approval: Approval, decision: Approval.Status, *, by: User) -> Approval:
    """Store the decision. Of concurrent decisions the first one wins."""
    idempotency.save_key()
    # Reloaded, as checking a password takes time.
    by = User.objects.select_related("tenant").get(pk=by.pk)
    if by.must_change_password:
        raise PasswordChangeRequired
    approval.ensure_may_be_decided_by(by, decision)
    now = timezone.now()
    pending = Approval.objects.in_status(Approval.Status.PENDING, now).filter(pk=approval.pk)
    decided = pending.update(
        status=decision,
        decided_by=by,
        decided_at=now,
        expires_at=now + APPROVED_LIFETIME
        if decision == Approval.Status.APPROVED
        else F("expires_at"),
        **_version_update(now),
    )
    approval = Approval.objects.with_details().get(pk=approval.pk)
    if not decided:
        raise ApprovalNotPending(approval_status=approval.status_at(now))
    audit.record(
        DECISION_EVENTS[decision],
        actor=by,
        target=approval,
        requested_by=str(approval.requested_by_id),
        **approval.facts,
    )
    return approval


@transaction.atomic
def consume_approval(
    approval_id: uuid.UUID,
    *,
    action: Approval.Action,
    object: ObjectIds,
    amount: Decimal | None = None,
    method: str = "",
    by: User,
    terminal_id: uuid.UUID | None,
) -> Approval:
    """Consume an approval in the transaction of its action and return it.

    The caller checks the approver's limits. Raises ApprovalNotValid for every mismatch.
    """
    use = ApprovalUse(action, object, by.pk, terminal_id, amount, method)
    approval = Approval.objects.locked_with_approver().filter(pk=approval_id).first()
    if approval is None:
        raise ApprovalNotValid
    approval.use(use, timezone.now())
    approval.save_changes("status", "used_at")
    audit.record("approval_used", actor=by, target=approval, **collect_facts_of_use(approval))
    return approval


def collect_facts_of_use(approval: Approval) -> dict[str, Any]:
    """Return the details of the audit event `approval_used`."""
    return approval.facts | {"approver": str(approval.decided_by_id)}


LOCKED_APPROVAL = CompiledQuery(
    lambda tenant, pk: Approval.objects.locked_with_approver().filter(tenant=tenant, pk=pk)
)


def _version_update(now: datetime) -> dict[str, Any]:
    return {"version": F("version") + 1, "updated_at": now}
