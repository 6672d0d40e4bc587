"""Writing down what happened, in the transaction of the deed."""

import json
import uuid
from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Protocol

import structlog
from django.db import transaction
from django.utils.crypto import salted_hmac

from tenants.api.formats import format_amount
from tenants.columns import MoneyColumn
from tenants.models import AuditEvent, Tenant
from tenants.scope import across_tenants, current_tenant

# What a shop's books call all who run the installation; no person of the shop lacks an id.
PLATFORM = "Platform"
# What the kept name of somebody unknown begins with.
HASH_PREFIX = "hash:"
log = structlog.get_logger("till.audit")


class NamedRow(Protocol):
    """A row that can be pointed at: anything with an id and a name."""

    pk: Any


def record(
    event: str, *, actor: NamedRow | None = None, target: NamedRow | None = None, **facts: Any
) -> None:
    """Write an event of the shop in scope. Facts are what JSON can say, and never a secret.

    Part of the deed's transaction: what was rolled back did not happen. What must be remembered
    of a refusal is recorded outside of it, before the refusal is raised.
    """
    shop = current_tenant()
    if getattr(actor, "is_platform", False):
        # The shop learns what was done to it, and the platform alone by whom and from where.
        record_for_platform(event, actor=actor, target=target, **facts, shop=shop.slug)
        _write(_event(shop, event, None, target, facts, actor_name=PLATFORM))
    else:
        _write(_event(shop, event, actor, target, facts, **_request_context()))


def build(
    event: str, *, actor: NamedRow, target: NamedRow | None = None, **facts: Any
) -> AuditEvent:
    """Return an event of the shop in scope, to be inserted with other rows of the transaction."""
    built = _event(current_tenant(), event, actor, target, facts, **_request_context())
    transaction.on_commit(lambda: _log(built))
    return built


def record_for_platform(
    event: str, *, actor: NamedRow | None = None, target: NamedRow | None = None, **facts: Any
) -> None:
    """Write an event of the people who run the installation, which is no shop's business."""
    _write(_event(None, event, actor, target, facts, **_request_context()))


def record_anonymous(event: str, *, tenant: Tenant | None, name: str, **facts: Any) -> None:
    """Write what somebody did whom nobody knows, by whatever name they gave.

    People type passwords where names belong: the name is kept as a keyed hash.
    """
    _write(
        _event(tenant, event, None, None, facts, actor_name=hash_name(name), **_request_context())
    )


def hash_name(name: str) -> str:
    """Tells two names apart and the same one again, to nobody without the installation's key."""
    return HASH_PREFIX + salted_hmac("till.audit", name, algorithm="sha256").hexdigest()[:24]


def changes(row: Any, values: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """What these values would change of the row: `{name: {from, to}}`, as facts can say it."""
    return {
        name: {"from": _written(row, name, getattr(row, name)), "to": _written(row, name, value)}
        for name, value in values.items()
        if getattr(row, name) != value
    }


def _written(row: Any, name: str, value: Any) -> Any:
    """An amount with the decimals of the currency, whatever its column has; the rest plain."""
    columns = {field.name: field for field in row._meta.fields}
    if isinstance(columns.get(name), MoneyColumn) and isinstance(value, Decimal):
        return format_amount(value, current_tenant().currency_exponent)
    return plain(value)


def plain(value: Any) -> Any:
    """As JSON says it; amounts, ids, times and rows as text."""
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
    return AuditEvent(
        tenant=tenant,
        event=event,
        actor=actor.pk if actor else None,
        target_type=target.__class__.__name__.lower() if target else "",
        target=target.pk if target else None,
        target_name=str(target or "")[:200],
        facts=plain(facts),
        request_id=structlog.contextvars.get_contextvars().get("request_id", ""),
        **named,
    )


def _request_context() -> dict[str, Any]:
    """From where the request came, and of which log-in it is."""
    around = structlog.contextvars.get_contextvars()
    session = around.get("session")
    return {"ip": around.get("ip"), "session": uuid.UUID(session) if session else None}


def _write(event: AuditEvent) -> None:
    with across_tenants():
        event.save(force_insert=True)
    transaction.on_commit(lambda: _log(event))


def _log(event: AuditEvent) -> None:
    """The same for whoever reads the log; request, address and session are in every line."""
    log.info(
        event.event,
        shop=str(event.tenant_id or ""),
        actor=str(event.actor or event.actor_name),
        target=str(event.target or ""),
        **{f"fact_{name}": value for name, value in event.facts.items()},
    )
