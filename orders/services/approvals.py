"""Manager approval for an action above the user's limits: what is needed, and consuming it."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, Protocol

from accounts.exceptions import ApprovalNotValid, ApprovalRequired
from accounts.models import Approval, ApprovalUse, User
from accounts.services.approvals import consume_approval
from tenants.scope import current_tenant


class ApprovableRequest(Protocol):
    """A request that may carry an approval, with its user and paired terminal."""

    @property
    def by(self) -> User: ...
    @property
    def approval(self) -> uuid.UUID | None: ...
    @property
    def terminal(self) -> uuid.UUID | None: ...


@dataclass(frozen=True, slots=True)
class RequestContext:
    """The user, terminal, approval and expected version of a request."""

    by: User
    approval: uuid.UUID | None
    terminal: uuid.UUID | None
    # Of the order or refund.
    expected_version: int | None = None


@dataclass(frozen=True, slots=True)
class RequiredApproval:
    """The approval that an action on an object needs, up to an amount."""

    action: str
    subject: uuid.UUID
    amount: Decimal | None = None
    kind: str = "order"
    # Of a refund: `original`, or the method of payment by which the money is to go back.
    method: str = ""

    def build_error(self) -> ApprovalRequired:
        """Return the error, which contains the exact request for an approval."""
        facts: dict[str, Any] = {"object": {self.kind: str(self.subject)}}
        if self.amount is not None:
            facts["amount"] = str(current_tenant().quantize_amount(self.amount))
        if self.method:
            facts["method"] = self.method
        return ApprovalRequired(action=self.action, **facts)

    def use(self, found: Sequence[Approval], request: ApprovableRequest, at: datetime) -> Approval:
        """Mark an approval as used, without saving it.

        `found` is the locked approval of the request, or empty. Raises as `consume` does.
        """
        if request.approval is None:
            raise self.build_error()
        if not found:
            raise ApprovalNotValid
        (approval,) = found
        about = {self.kind: self.subject}
        approval.use(
            ApprovalUse(
                self.action, about, request.by.pk, request.terminal, self.amount, self.method
            ),
            at,
        )
        return approval

    def consume(self, request: ApprovableRequest) -> Approval:
        """Lock, check and use up the request's approval, in the transaction of what it allows.

        Raises `ApprovalRequired` without one. The limits of its `decided_by` have to be checked.
        """
        if request.approval is None:
            raise self.build_error()
        return consume_approval(
            request.approval,
            action=Approval.Action(self.action),
            object={self.kind: self.subject},
            amount=self.amount,
            method=self.method,
            by=request.by,
            terminal_id=request.terminal,
        )
