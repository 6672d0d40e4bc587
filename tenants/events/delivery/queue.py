"""Delivery queue: claim, release and complete deliveries, safe for concurrent relays."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db.models import F
from django.utils import timezone

from tenants.database.cluster import find_first_tenants, is_cluster
from tenants.events.delivery.backoff import LEASE, MAX_ATTEMPTS, MAX_PAUSE, retry_delay
from tenants.events.delivery.subscribers import DeliveryFailed, Facts, PermanentFailure, Subscriber
from tenants.models import OutboxDelivery, OutboxEvent
from tenants.models.outbox import OutboxDeliveryQuerySet
from tenants.scope import across_tenants, atomic_with_retry, tenant_context

# The numbers of events dispatched, and of deliveries claimed, in one transaction.
BATCH = 100
CLAIM_SIZE = 20


def create_deliveries(subscribers: Sequence[Subscriber]) -> int:
    """Create the deliveries of the next events; return the number of events.

    Queries first without a transaction, which would take the write lock on SQLite.
    """
    with across_tenants():
        undispatched = OutboxEvent.objects.undispatched()
        if not is_cluster():
            return _create_deliveries(subscribers, BATCH) if undispatched.exists() else 0
        tenants = find_first_tenants(undispatched, BATCH)
    created = 0
    for tenant in tenants:
        with tenant_context(tenant):
            created += _create_deliveries(subscribers, BATCH - created)
        if created >= BATCH:
            break
    return created


@atomic_with_retry
def _create_deliveries(subscribers: Sequence[Subscriber], limit: int) -> int:
    undispatched = OutboxEvent.objects.undispatched().select_for_update(
        skip_locked=True, no_key=True
    )
    events = list(undispatched[:limit])
    deliveries = [
        OutboxDelivery(
            tenant_id=event.tenant_id,
            event=event,
            subscriber=recipient,
            subject=event.subject if subscriber.in_order else None,
        )
        for subscriber in subscribers
        for event, recipient in subscriber.recipients(list(filter(subscriber.wants, events)))
    ]
    OutboxDelivery.objects.bulk_create(deliveries)
    OutboxEvent.objects.filter(pk__in=[event.pk for event in events]).update(
        relayed_at=timezone.now()
    )
    return len(events)


def claim(
    *, exclude: Collection[str] = (), exclude_tenants: Collection[UUID | None] = ()
) -> list[OutboxDelivery]:
    """Claim the next due deliveries, for this relay alone until the lease expires."""

    def due() -> OutboxDeliveryQuerySet:
        return OutboxDelivery.objects.due(
            timezone.now(), exclude=exclude, exclude_tenants=exclude_tenants
        )

    until = timezone.now() + LEASE
    with across_tenants():
        if not is_cluster():
            return _claim(due(), CLAIM_SIZE, until) if due().exists() else []
        tenants = find_first_tenants(due(), CLAIM_SIZE)
    claimed: list[OutboxDelivery] = []
    for tenant in tenants:
        with tenant_context(tenant):
            claimed += _claim(due(), CLAIM_SIZE - len(claimed), until)
        if len(claimed) >= CLAIM_SIZE:
            break
    return claimed


@atomic_with_retry
def _claim(due: OutboxDeliveryQuerySet, limit: int, until: datetime) -> list[OutboxDelivery]:
    free = due.select_for_update(of=("self",), skip_locked=True, no_key=True)
    deliveries = list(free.select_related("tenant", "event")[:limit])
    OutboxDelivery.objects.filter(pk__in=[each.pk for each in deliveries]).change(
        attempts=F("attempts") + 1, next_attempt_at=until
    )
    for delivery in deliveries:
        delivery.attempts += 1
        delivery.next_attempt_at = until
    return deliveries


def release(deliveries: Sequence[OutboxDelivery]) -> None:
    """Release claimed deliveries that were not attempted."""
    if deliveries:
        with across_tenants():
            claimed = OutboxDelivery.objects.claimed(deliveries, deliveries[0].next_attempt_at)
            claimed.change(attempts=F("attempts") - 1, next_attempt_at=timezone.now())


def save_result(
    delivery: OutboxDelivery,
    error: Exception | None,
    subscriber: Subscriber | None = None,
    facts: Facts | None = None,
) -> bool:
    """Save the result of an attempt; return False if another relay has claimed the delivery."""
    with across_tenants():
        claimed = OutboxDelivery.objects.claimed([delivery], delivery.next_attempt_at)
        return bool(claimed.change(**_build_changes(delivery, error, subscriber), **(facts or {})))


def ensure_attempts_left(delivery: OutboxDelivery) -> None:
    """Raise PermanentFailure for a delivery that has crashed the relay in every attempt."""
    if delivery.attempts > MAX_ATTEMPTS:
        raise PermanentFailure("The relay crashed in every attempt.")


def is_final(delivery: OutboxDelivery, error: Exception, subscriber: Subscriber | None) -> bool:
    max_attempts = subscriber.max_attempts if subscriber else MAX_ATTEMPTS
    return isinstance(error, PermanentFailure) or delivery.attempts >= max_attempts


def _build_changes(
    delivery: OutboxDelivery, error: Exception | None, subscriber: Subscriber | None
) -> dict[str, Any]:
    status, now = OutboxDelivery.Status, timezone.now()
    if error is None:
        return {"status": status.DELIVERED, "delivered_at": now, "last_error": ""}
    if is_final(delivery, error, subscriber):
        return {"status": status.DEAD, "last_error": describe_error(error)}
    longest = subscriber.max_pause if subscriber else MAX_PAUSE
    pause = retry_delay(delivery.attempts, longest=longest)
    return {"next_attempt_at": now + pause, "last_error": describe_error(error)}


def describe_error(error: Exception) -> str:
    """Return a description without the message of unknown errors, which may contain secrets."""
    name = type(error).__name__
    if isinstance(error, DeliveryFailed):
        return str(error)[:500]
    if isinstance(error, OSError) and error.errno and error.strerror:
        return f"{name}: {error.strerror}"[:500]
    code = getattr(error, "smtp_code", None)
    return f"{name} {code}" if code else name
