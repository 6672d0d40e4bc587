"""The webhooks of all shops, at the relay."""

import json
import ssl
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from datetime import timedelta
from functools import partial
from http.client import HTTPException
from typing import Any

from django.utils import timezone

from tenants import audit
from tenants.events.delivery import DeliveryFailed, PermanentFailure, RemoteSubscriber
from tenants.events.outbox import publish
from tenants.events.topics import TOPICS
from tenants.events.webhooks.addresses import AddressRefused, resolve_url
from tenants.events.webhooks.sending import post
from tenants.events.webhooks.signing import build_signed_headers
from tenants.models import OutboxDelivery, OutboxEvent, Webhook
from tenants.models.webhook import SUBSCRIBER
from tenants.scope import atomic_with_retry

GONE = 410
SUCCESSES = range(200, 300)
REDIRECTS = range(300, 400)
AGENT = "Till-Webhooks/1"


class Webhooks(RemoteSubscriber):
    """Tells each webhook what it asked for. At least once: `webhook-id` stays the same."""

    name = SUBSCRIBER
    topics = frozenset(TOPICS)
    # With the pauses in between these are about two and a half days.
    max_attempts = 12
    max_pause = timedelta(hours=24)

    def recipients(self, events: Sequence[OutboxEvent]) -> Iterator[tuple[OutboxEvent, str]]:
        if not events:
            return
        of_shop: dict[Any, list[Webhook]] = defaultdict(list)
        for webhook in Webhook.objects.active_of({event.tenant_id for event in events}):
            of_shop[webhook.tenant_id].append(webhook)
        for event in events:
            for webhook in of_shop[event.tenant_id]:
                if webhook.wants(event.topic):
                    yield event, webhook.subscriber

    def prepared(self, delivery: OutboxDelivery) -> Callable[[], dict[str, Any]]:
        webhook = webhook_of(delivery)
        if webhook is None or not webhook.is_active:
            raise PermanentFailure("This webhook is switched off.", error_code="switched_off")
        secrets = webhook.secrets_at(timezone.now())
        return partial(tell, webhook.url, str(delivery.pk), body_of(delivery.event), secrets)

    def note(self, delivery: OutboxDelivery, error: Exception | None) -> None:
        webhooks = Webhook.objects.filter(pk=id_of(delivery), is_active=True)
        if error is None:
            webhooks.filter(failing_since__isnull=False).update(failing_since=None)
        else:
            webhooks.filter(failing_since__isnull=True).update(failing_since=timezone.now())
            disable_if_failing(delivery, error)


def id_of(delivery: OutboxDelivery) -> str:
    return delivery.subscriber.partition("/")[2]


def webhook_of(delivery: OutboxDelivery) -> Webhook | None:
    return Webhook.objects.filter(pk=id_of(delivery)).first()


def body_of(event: OutboxEvent) -> bytes:
    """What happened, to what, and little more: whoever wants to know asks the API."""
    about = {"type": event.subject_type, "id": str(event.subject)} if event.subject else None
    data = event.data | {"object": about, "version": event.subject_version}
    message = {
        "type": event.topic,
        "timestamp": event.created_at.isoformat().replace("+00:00", "Z"),
        "data": data,
    }
    return json.dumps(message, separators=(",", ":")).encode()


def tell(url: str, id: str, body: bytes, secrets: Sequence[str]) -> dict[str, Any]:
    """Call it, and say what of the attempt is to be remembered; no database here."""
    began = time.monotonic()
    facts: dict[str, Any] = {"attempted_at": timezone.now(), "response_code": None}
    try:
        status = called(url, id, body, secrets)
    except DeliveryFailed as failure:
        failure.facts |= facts | {"duration_ms": milliseconds_since(began)}
        raise
    facts |= {"response_code": status, "duration_ms": milliseconds_since(began)}
    if status in SUCCESSES:
        return facts | {"error_code": ""}
    failed = PermanentFailure if status == GONE else DeliveryFailed
    code = "redirected" if status in REDIRECTS else "gone" if status == GONE else "bad_status"
    raise failed(f"Answered {status}.", error_code=code, **facts)


def called(url: str, id: str, body: bytes, secrets: Sequence[str]) -> int:
    timestamp = int(time.time())
    headers = {"Content-Type": "application/json", "User-Agent": AGENT}
    headers |= build_signed_headers(id, timestamp, body, secrets)
    try:
        return post(resolve_url(url), body, headers)
    except AddressRefused as error:
        raise DeliveryFailed(str(error), error_code=error.code) from error
    except TimeoutError as error:
        raise DeliveryFailed("No answer in time.", error_code="timed_out") from error
    except ssl.SSLError as error:
        raise DeliveryFailed("No trusted connection.", error_code="tls_failed") from error
    except HTTPException as error:
        raise DeliveryFailed("Not an answer of HTTP.", error_code="bad_answer") from error
    except OSError as error:
        raise DeliveryFailed("No connection.", error_code="connection_failed") from error


def milliseconds_since(began: float) -> int:
    return round((time.monotonic() - began) * 1000)


@atomic_with_retry
def disable_if_failing(delivery: OutboxDelivery, error: Exception) -> None:
    """It said itself that it is gone, or nothing has arrived for days."""
    found = Webhook.objects.select_for_update(no_key=True).filter(pk=id_of(delivery)).first()
    if found is None or not found.is_active:
        return
    if getattr(error, "facts", {}).get("response_code") == GONE:
        reason = Webhook.Disabled.GONE
    elif found.has_failed_too_long(timezone.now()):
        reason = Webhook.Disabled.FAILING
    else:
        return
    found.switch_off(reason)
    found.save_changes("is_active", "disabled_reason")
    audit.record("webhook_disabled", target=found, reason=reason)
    publish("webhook.disabled", webhook=str(found.pk), url=found.url, reason=reason)
