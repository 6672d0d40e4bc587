"""Writing down what happened, in the transaction of the deed."""

import uuid
from typing import Any, Protocol

import structlog
from django.db import transaction
from django.utils.crypto import salted_hmac

from tenants.models import AuditEvent, Tenant
from tenants.scope import across_tenants, current_tenant

log = structlog.get_logger("till.audit")


class Named(Protocol):
    """A row that can be pointed at: anything with an id and a name."""

    pk: Any


def record(
    event: str, *, actor: Named | None = None, target: Named | None = None, **facts: Any
) -> None:
    """Write an event of the shop in scope. Facts are what JSON can say, and never a secret.

    Part of the deed's transaction: what was rolled back did not happen. What must be remembered
    of a refusal is recorded outside of it, before the refusal is raised.
    """
    _write(
        AuditEvent(
            tenant=current_tenant(),
            event=event,
            actor=actor.pk if actor else None,
            actor_name=str(actor or "")[:100],
            target_type=target.__class__.__name__.lower() if target else "",
            target=target.pk if target else None,
            target_name=str(target or "")[:200],
            facts=facts,
        )
    )


def record_stranger(event: str, *, tenant: Tenant | None, name: str, **facts: Any) -> None:
    """Write what somebody did whom nobody knows, by whatever name they gave.

    People type passwords where names belong: the name is kept as a keyed hash.
    """
    _write(AuditEvent(tenant=tenant, event=event, actor_name=hashed(name), facts=facts))


def hashed(name: str) -> str:
    """Tells two names apart and the same one again, to nobody without the installation's key."""
    return "hash:" + salted_hmac("till.audit", name, algorithm="sha256").hexdigest()[:24]


def _write(event: AuditEvent) -> None:
    around = structlog.contextvars.get_contextvars()
    event.request_id = around.get("request_id", "")
    event.ip = around.get("ip")
    event.session = _id(around.get("session"))
    with across_tenants():
        event.save(force_insert=True)
    transaction.on_commit(lambda: _log(event))


def _id(text: str | None) -> uuid.UUID | None:
    return uuid.UUID(text) if text else None


def _log(event: AuditEvent) -> None:
    """The same for whoever reads the log; request, address and session are in every line."""
    log.info(
        event.event,
        shop=str(event.tenant_id or ""),
        actor=str(event.actor or event.actor_name),
        target=str(event.target or ""),
        **{f"fact_{name}": value for name, value in event.facts.items()},
    )
