"""Deletion of expired counters, sessions, idempotency keys and events."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.contrib.sessions.models import Session
from django.db.models import Q, QuerySet
from django.utils import timezone

from accounts.models import AuthSession, Throttle
from tenants.events.change_feed import mark_pruned
from tenants.models import IdempotencyKey, OutboxEvent
from tenants.scope import across_tenants

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
    with across_tenants():
        return PruneCounts(
            throttles=_delete(Throttle.objects.expired()),
            sessions=_delete(AuthSession.objects.filter(ended)),
            browsers=_delete(Session.objects.filter(expire_date__lt=now)),
            keys=_delete(IdempotencyKey.objects.expired()),
            events=_delete(OutboxEvent.objects.expired(told_before)),
        )


def _delete(rows: QuerySet[Any]) -> int:
    """Delete in chunks, each in its own transaction, to keep locks short."""
    deleted = 0
    while pks := list(rows.order_by("pk").values_list("pk", flat=True)[:CHUNK]):
        # Filtered again, as a counter may be in use again.
        deleted += rows.filter(pk__in=pks).delete()[1].get(rows.model._meta.label, 0)
    return deleted
