"""The outbox as the relay sees it: short transactions only, safe for several relays at once."""

from collections.abc import Collection, Sequence
from typing import Any
from uuid import UUID

from django.db.models import F
from django.utils import timezone

from tenants.events.delivery.backoff import LEASE, MAX_ATTEMPTS, MAX_PAUSE, retry_delay
from tenants.events.delivery.subscribers import DeliveryFailed, Facts, PermanentFailure, Subscriber
from tenants.models import OutboxDelivery, OutboxEvent
from tenants.models.outbox import OutboxDeliveryQuerySet
from tenants.scope import across_tenants, atomic_with_retry

# Events that are addressed, and deliveries that are claimed, in one transaction.
BATCH = 100
CLAIM_SIZE = 20


def address(subscribers: Sequence[Subscriber]) -> int:
    """Make a delivery for everybody who wants to hear of the next events; returns how many.

    Looks before it begins: on SQLite a transaction takes the write lock, and there is nothing to
    tell most of the time.
    """
    with across_tenants():
        return _address(subscribers) if OutboxEvent.objects.undispatched().exists() else 0


@atomic_with_retry
def _address(subscribers: Sequence[Subscriber]) -> int:
    undispatched = OutboxEvent.objects.undispatched().select_for_update(
        skip_locked=True, no_key=True
    )
    events = list(undispatched[:BATCH])
    deliveries = [
        OutboxDelivery(
            tenant_id=event.tenant_id,
            event=event,
            subscriber=recipient,
            subject=event.subject if subscriber.in_order else None,
        )
        for subscriber in subscribers
        for event, recipient in subscriber.recipients(_wanted(subscriber, events))
    ]
    OutboxDelivery.objects.bulk_create(deliveries)
    OutboxEvent.objects.filter(pk__in=[event.pk for event in events]).update(
        relayed_at=timezone.now()
    )
    return len(events)


def _wanted(subscriber: Subscriber, events: Sequence[OutboxEvent]) -> list[OutboxEvent]:
    return [event for event in events if subscriber.wants(event)]


def claim(
    *, but: Collection[str] = (), but_of: Collection[UUID | None] = ()
) -> list[OutboxDelivery]:
    """The next deliveries to be tried, for nobody else to try until their lease ends."""
    with across_tenants():
        due = OutboxDelivery.objects.due(timezone.now(), but=but, but_of=but_of)
        return _claim(due) if due.exists() else []


@atomic_with_retry
def _claim(due: OutboxDeliveryQuerySet) -> list[OutboxDelivery]:
    free = due.select_for_update(of=("self",), skip_locked=True, no_key=True)
    deliveries = list(free.select_related("tenant", "event")[:CLAIM_SIZE])
    until = timezone.now() + LEASE
    OutboxDelivery.objects.filter(pk__in=[each.pk for each in deliveries]).change(
        attempts=F("attempts") + 1, next_attempt_at=until
    )
    for delivery in deliveries:
        delivery.attempts += 1
        delivery.next_attempt_at = until
    return deliveries


def release(deliveries: Sequence[OutboxDelivery]) -> None:
    """What was claimed together and not tried is anybody's again."""
    if deliveries:
        with across_tenants():
            claimed = OutboxDelivery.objects.claimed(deliveries, deliveries[0].next_attempt_at)
            claimed.change(attempts=F("attempts") - 1, next_attempt_at=timezone.now())


def settle(
    delivery: OutboxDelivery,
    error: Exception | None,
    subscriber: Subscriber | None = None,
    facts: Facts | None = None,
) -> bool:
    """Write down what came of it; false where another relay has tried it since."""
    with across_tenants():
        claimed = OutboxDelivery.objects.claimed([delivery], delivery.next_attempt_at)
        return bool(claimed.change(**_result(delivery, error, subscriber), **(facts or {})))


def ensure_attempts_left(delivery: OutboxDelivery) -> None:
    """What ends the relay itself, each time, is not tried for ever either."""
    if delivery.attempts > MAX_ATTEMPTS:
        raise PermanentFailure("The relay ended each time that it tried.")


def is_final(delivery: OutboxDelivery, error: Exception, subscriber: Subscriber | None) -> bool:
    most = subscriber.max_attempts if subscriber else MAX_ATTEMPTS
    return isinstance(error, PermanentFailure) or delivery.attempts >= most


def _result(
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
    """What went wrong, without what may be a secret: an unknown error's words may hold one."""
    name = type(error).__name__
    if isinstance(error, DeliveryFailed):
        return str(error)[:500]
    if isinstance(error, OSError) and error.errno and error.strerror:
        return f"{name}: {error.strerror}"[:500]
    code = getattr(error, "smtp_code", None)
    return f"{name} {code}" if code else name
