"""Request and decide approvals, and read the result."""

import uuid
from typing import Any

import pytest

from accounts.models import Approval, Terminal, User
from tenants.models import AuditEvent, Register, Tenant
from tenants.scope import across_tenants, tenant_scope
from tests.factories.accounts import AuthSessionFactory, TerminalFactory
from tests.support.api import Person

Body = dict[str, Any]
APPROVALS = "approvals/"
WITHOUT_AMOUNT = {"void", "sell_expired"}
both = pytest.mark.parametrize("how", ["approve", "deny"])


def new_id() -> str:
    return str(uuid.uuid4())


def build_request(action: str = "discount", **changes: Any) -> Body:
    """Build a valid request; None omits a field."""
    noun = "register" if action in {"paid_out", "drop"} else "order"
    body = {"action": action, "object": {noun: new_id()}, "amount": "5.00"}
    if action in WITHOUT_AMOUNT:
        del body["amount"]
    return {name: value for name, value in (body | changes).items() if value is not None}


def request_approval(person: Person, action: str = "discount", **changes: Any) -> Body:
    """Create a request and assert that it succeeds."""
    response = person.post(APPROVALS, build_request(action, **changes))
    assert response.status_code == 201, response.content
    answer: Body = response.json()
    return answer


def decide(person: Person, approval: Body, how: str = "approve", body: Any = None, **more: str):
    return person.post(f"{APPROVALS}{approval['id']}/{how}/", body, **more)


def grant_approval(person: Person, approval: Body) -> Body:
    """Approve a request and assert that it succeeds."""
    response = decide(person, approval)
    assert response.status_code == 200, response.content
    answer: Body = response.json()
    return answer


def log_in_at_register(user: User, register: Register, terminal: Terminal | None = None) -> Person:
    """Return a client logged in with a password at a paired register."""
    with tenant_scope(register.tenant):
        terminal = (
            terminal
            or Terminal.objects.paired().filter(register=register).first()
            or TerminalFactory(register=register)
        )
    session = AuthSessionFactory(
        user=user,
        terminal=terminal,
        register=register,
        store=register.store,
    )
    return Person(user, session)


def renew_session(person: Person) -> Person:
    """Return a client of the same session with a new token."""
    return Person(person.user, person.session)


def reload_approval(approval: Body) -> Approval:
    with across_tenants():
        return Approval.objects.get(pk=approval["id"])


def snapshot_approval(approval: Body) -> dict[str, Any]:
    """Return all columns of the approval, to check that nothing changed."""
    with across_tenants():
        (row,) = Approval.objects.filter(pk=approval["id"]).values()
    return row


def list_approval_events(shop: Tenant, prefix: str = "approval_") -> list[AuditEvent]:
    """Return the audit events of approvals in order."""
    with tenant_scope(shop):
        found = AuditEvent.objects.filter(event__startswith=prefix)
        return list(found.order_by("created_at", "id"))


def list_approval_event_names(shop: Tenant) -> list[str]:
    return [each.event for each in list_approval_events(shop)]
