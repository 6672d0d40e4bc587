"""Audit log: events that are written in the transaction of the action."""

import json
import uuid
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any, Protocol

import structlog
from django.db import transaction
from django.utils.crypto import salted_hmac

from tenants.api.formats import format_amount
from tenants.columns import MoneyColumn
from tenants.database.bulk_insert import build_row
from tenants.models import AuditEvent, Tenant
from tenants.scope import across_tenants, current_tenant

# The actor name under which a tenant sees platform staff; the actor id is null then.
PLATFORM = "Platform"
# The prefix of hashed names of unknown actors.
HASH_PREFIX = "hash:"
log = structlog.get_logger("till.audit")


class NamedRow(Protocol):
    """A row with an id and a name, which an audit event can reference."""

    pk: Any


def record(
    event: str, *, actor: NamedRow | None = None, target: NamedRow | None = None, **facts: Any
) -> None:
    """Write an audit event of the current tenant. Facts must be JSON and contain no secrets.

    It is rolled back with the transaction. An event about a denied action is therefore written
    outside of the transaction, before the error is raised.
    """
    shop = current_tenant()
    if getattr(actor, "is_platform", False):
        # The tenant sees the action; only the platform sees the person and the address.
        record_for_platform(event, actor=actor, target=target, **facts, shop=shop.slug)
        _write(_event(shop, event, None, target, facts, actor_name=PLATFORM))
    else:
        _write(_event(shop, event, actor, target, facts, **_request_context()))


def build(
    event: str, *, actor: NamedRow, target: NamedRow | None = None, **facts: Any
) -> AuditEvent:
    """Return an unsaved event of the current tenant, for a bulk insert in the transaction.

    After the insert the caller calls `log_after_commit`, or `log_saved` if it has committed.
    """
    return _event(current_tenant(), event, actor, target, facts, **_request_context())


def log_after_commit(events: Sequence[AuditEvent]) -> None:
    """Write the events of `build` to the log once the transaction is committed."""
    if events:
        transaction.on_commit(lambda: log_saved(events))


def log_saved(events: Sequence[AuditEvent]) -> None:
    for event in events:
        _log(event)


def record_for_platform(
    event: str, *, actor: NamedRow | None = None, target: NamedRow | None = None, **facts: Any
) -> None:
    """Write an event of the platform, which no tenant can see."""
    _write(_event(None, event, actor, target, facts, **_request_context()))


def record_anonymous(event: str, *, tenant: Tenant | None, name: str, **facts: Any) -> None:
    """Write an event of an unknown person, with a keyed hash of the name that was entered.

    The name is hashed because people type passwords into the name field.
    """
    _write(
        _event(tenant, event, None, None, facts, actor_name=hash_name(name), **_request_context())
    )


def hash_name(name: str) -> str:
    """Return a keyed hash, which is equal for equal names and reveals nothing else."""
    return HASH_PREFIX + salted_hmac("till.audit", name, algorithm="sha256").hexdigest()[:24]


def changes(row: Any, values: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Return how the values differ from the row: `{name: {from, to}}`."""
    return {
        name: {"from": _to_fact(row, name, getattr(row, name)), "to": _to_fact(row, name, value)}
        for name, value in values.items()
        if getattr(row, name) != value
    }


def _to_fact(row: Any, name: str, value: Any) -> Any:
    """Return an amount with the decimal places of the currency, other values as JSON."""
    columns = {field.name: field for field in row._meta.fields}
    if isinstance(columns.get(name), MoneyColumn) and isinstance(value, Decimal):
        return format_amount(value, current_tenant().currency_exponent)
    return to_json(value)


def to_json(value: Any) -> Any:
    """Return the value as JSON data; amounts, ids, times and rows become strings."""
    return json.loads(json.dumps(value, default=str))


def _event(
    tenant: Tenant | None,
    event: str,
    actor: NamedRow | None,
    target: NamedRow | None,
    facts: dict[str, Any],
    **more: Any,
) -> AuditEvent:
    named = {"actor_name": str(actor or "")[:100]} | more
    return build_row(
        AuditEvent,
        tenant=tenant,
        event=event,
        actor=actor.pk if actor else None,
        target_type=target.__class__.__name__.lower() if target else "",
        target=target.pk if target else None,
        target_name=_name_target(target)[:200],
        facts=to_json(facts),
        request_id=structlog.contextvars.get_contextvars().get("request_id", ""),
        **named,
    )


def _name_target(target: NamedRow | None) -> str:
    """Return the name of the target; a row with personal data has an `audit_name` without any."""
    if target is None:
        return ""
    return str(getattr(target, "audit_name", target))


def _request_context() -> dict[str, Any]:
    """Return the IP address and the session of the current request."""
    around = structlog.contextvars.get_contextvars()
    session = around.get("session")
    return {"ip": around.get("ip"), "session": uuid.UUID(session) if session else None}


def _write(event: AuditEvent) -> None:
    with across_tenants():
        event.save(force_insert=True)
    transaction.on_commit(lambda: _log(event))


def _log(event: AuditEvent) -> None:
    """Log the event; request id, address and session are part of every log line."""
    log.info(
        event.event,
        shop=str(event.tenant_id or ""),
        actor=str(event.actor or event.actor_name),
        target=str(event.target or ""),
        **{f"fact_{name}": value for name, value in event.facts.items()},
    )
