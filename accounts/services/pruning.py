"""Deletion of expired counters, sessions, idempotency keys and events."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.contrib.sessions.models import Session
from django.db.models import Q, QuerySet
from django.utils import timezone

from accounts.models import AuthSession, Throttle
from tenants.database.cluster import find_first_tenants, is_cluster
from tenants.events.change_feed import mark_pruned
from tenants.models import IdempotencyKey, OutboxEvent, Tenant
from tenants.scope import across_tenants, tenant_context

# At least as long as known addresses are looked up in sessions.
KEEP_SESSIONS = timedelta(days=30)
CHUNK = 1000


@dataclass(frozen=True, slots=True)
class PruneCounts:
    """Number of deleted rows by kind."""

    throttles: int
    sessions: int
    browsers: int
    keys: int
    events: int


def prune() -> PruneCounts:
    """Delete expired counters and keys, old sessions and events, and expired browser sessions."""
    now = timezone.now()
    before, told_before = now - KEEP_SESSIONS, now - settings.CHANGES_KEPT
    mark_pruned(told_before)
    ended = Q(revoked_at__lt=before) | Q(expires_at__lt=before) | Q(idle_expires_at__lt=before)
    return PruneCounts(
        throttles=_delete(Throttle.objects.expired()),
        sessions=_delete_of_tenants(lambda: AuthSession.objects.filter(ended)),
        browsers=_delete(Session.objects.filter(expire_date__lt=now)),
        keys=_delete_of_tenants(IdempotencyKey.objects.expired),
        events=_delete_of_tenants(lambda: OutboxEvent.objects.expired(told_before)),
    )


def _delete_of_tenants(build: Callable[[], QuerySet[Any]]) -> int:
    """Delete rows of all tenants; on a cluster tenant by tenant.

    Ends when a round deletes nothing, and can be run again after a crash.
    """
    if not is_cluster():
        with across_tenants():
            return _delete(build())
    deleted, in_round = 0, 1
    while in_round:
        in_round = sum(_delete_of_tenant(tenant, build) for tenant in _find_next_tenants(build))
        deleted += in_round
    return deleted


def _delete_of_tenant(tenant: Tenant, build: Callable[[], QuerySet[Any]]) -> int:
    with tenant_context(tenant):
        return _delete(build())


def _find_next_tenants(build: Callable[[], QuerySet[Any]]) -> list[Tenant]:
    with across_tenants():
        return find_first_tenants(build().order_by(), CHUNK)


def _delete(rows: QuerySet[Any]) -> int:
    """Delete in chunks, each in its own transaction, to keep locks short."""
    deleted = 0
    while pks := list(rows.order_by("pk").values_list("pk", flat=True)[:CHUNK]):
        # Filtered again, as a counter may be in use again.
        deleted += rows.filter(pk__in=pks).delete()[1].get(rows.model._meta.label, 0)
    return deleted
