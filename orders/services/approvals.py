"""Leave for a deed above somebody's limits: what to ask for, and spending what was given."""

import uuid
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Protocol

from accounts.exceptions import ApprovalRequired
from accounts.models import Approval, User
from accounts.services.approvals import consume_approval
from tenants.scope import current_tenant


class HasApproval(Protocol):
    """Who does it, where, and with which approval, if any."""

    @property
    def by(self) -> User: ...
    @property
    def approval(self) -> uuid.UUID | None: ...
    @property
    def terminal(self) -> uuid.UUID | None: ...


@dataclass(frozen=True, slots=True)
class RequestContext:
    """A deed for which nothing else is known than this."""

    by: User
    approval: uuid.UUID | None
    terminal: uuid.UUID | None
    # Of the order.
    expected_version: int | None = None


@dataclass(frozen=True, slots=True)
class RequiredApproval:
    """For this action on this thing, up to this amount."""

    action: str
    subject: uuid.UUID
    amount: Decimal | None = None
    kind: str = "order"
    # Of a refund: `original`, or the method of payment by which the money is to go back.
    method: str = ""

    def build_error(self) -> ApprovalRequired:
        """Says to the letter what to ask for."""
        facts: dict[str, Any] = {"object": {self.kind: str(self.subject)}}
        if self.amount is not None:
            facts["amount"] = str(current_tenant().quantize_amount(self.amount))
        if self.method:
            facts["method"] = self.method
        return ApprovalRequired(action=self.action, **facts)

    def consume(self, request: HasApproval) -> Approval:
        """Use the request's approval, in the transaction of what it allows.

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
