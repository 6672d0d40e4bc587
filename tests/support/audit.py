"""Audit events for tests."""

from accounts.models import User
from tenants.models import AuditEvent
from tenants.scope import across_tenants


def list_audit_events(*names: str) -> list[AuditEvent]:
    """Return events of all shops and without a shop, in order."""
    with across_tenants():
        found = AuditEvent.objects.order_by("id")
        return list(found.filter(event__in=names) if names else found)


def get_audit_event(name: str) -> AuditEvent:
    """Return the only event with this name."""
    (found,) = list_audit_events(name)
    return found


def list_audit_names() -> list[str]:
    return [each.event for each in list_audit_events()]


def assert_actor(found: AuditEvent, person: User) -> bool:
    """Return whether the event belongs to the user's shop and names the user."""
    return (found.tenant_id, found.actor, found.actor_name) == (
        person.tenant_id,
        person.pk,
        str(person),
    )


def assert_target(found: AuditEvent, row: object) -> bool:
    return (found.target_type, found.target, found.target_name) == (
        type(row).__name__.lower(),
        row.pk,
        str(row),
    )
