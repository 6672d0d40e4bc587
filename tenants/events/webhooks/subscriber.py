"""The relay's subscriber for the webhooks of all tenants."""

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
    """Delivers events to webhooks, at least once, with a stable `webhook-id`."""

    name = SUBSCRIBER
    topics = frozenset(TOPICS)
    # With the delays in between, retries last about two and a half days.
    max_attempts = 12
    max_pause = timedelta(hours=24)

    def recipients(self, events: Sequence[OutboxEvent]) -> Iterator[tuple[OutboxEvent, str]]:
        if not events:
            return
        by_tenant: dict[Any, list[Webhook]] = defaultdict(list)
        for webhook in Webhook.objects.active_for_tenants({event.tenant_id for event in events}):
            by_tenant[webhook.tenant_id].append(webhook)
        for event in events:
            for webhook in by_tenant[event.tenant_id]:
                if webhook.wants(event.topic):
                    yield event, webhook.subscriber

    def prepare(self, delivery: OutboxDelivery) -> Callable[[], dict[str, Any]]:
        webhook = Webhook.objects.filter(pk=get_webhook_id(delivery)).first()
        if webhook is None or not webhook.is_active:
            raise PermanentFailure("This webhook is disabled.", error_code="switched_off")
        secrets = webhook.secrets_at(timezone.now())
        return partial(
            deliver_to, webhook.url, str(delivery.pk), build_body(delivery.event), secrets
        )

    def record_result(self, delivery: OutboxDelivery, error: Exception | None) -> None:
        webhooks = Webhook.objects.filter(pk=get_webhook_id(delivery), is_active=True)
        if error is None:
            webhooks.filter(failing_since__isnull=False).update(failing_since=None)
        else:
            webhooks.filter(failing_since__isnull=True).update(failing_since=timezone.now())
            disable_if_failing(delivery, error)


def get_webhook_id(delivery: OutboxDelivery) -> str:
    return delivery.subscriber.partition("/")[2]


def build_body(event: OutboxEvent) -> bytes:
    """Return the message body: topic, subject and event data. Details come from the API."""
    about = {"type": event.subject_type, "id": str(event.subject)} if event.subject else None
    data = event.data | {"object": about, "version": event.subject_version}
    message = {
        "type": event.topic,
        "timestamp": event.created_at.isoformat().replace("+00:00", "Z"),
        "data": data,
    }
    return json.dumps(message, separators=(",", ":")).encode()


def deliver_to(url: str, id: str, body: bytes, secrets: Sequence[str]) -> dict[str, Any]:
    """Send the request and return the facts of the attempt, without using the database.

    Raises DeliveryFailed or PermanentFailure with the same facts.
    """
    began = time.monotonic()
    facts: dict[str, Any] = {"attempted_at": timezone.now(), "response_code": None}
    try:
        status = send(url, id, body, secrets)
    except DeliveryFailed as failure:
        failure.facts |= facts | {"duration_ms": milliseconds_since(began)}
        raise
    facts |= {"response_code": status, "duration_ms": milliseconds_since(began)}
    if status in SUCCESSES:
        return facts | {"error_code": ""}
    failed = PermanentFailure if status == GONE else DeliveryFailed
    code = "redirected" if status in REDIRECTS else "gone" if status == GONE else "bad_status"
    raise failed(f"The endpoint answered with status {status}.", error_code=code, **facts)


def send(url: str, id: str, body: bytes, secrets: Sequence[str]) -> int:
    timestamp = int(time.time())
    headers = {"Content-Type": "application/json", "User-Agent": AGENT}
    headers |= build_signed_headers(id, timestamp, body, secrets)
    try:
        return post(resolve_url(url), body, headers)
    except AddressRefused as error:
        raise DeliveryFailed(str(error), error_code=error.code) from error
    except TimeoutError as error:
        raise DeliveryFailed(
            "The endpoint did not answer in time.", error_code="timed_out"
        ) from error
    except ssl.SSLError as error:
        raise DeliveryFailed("The TLS connection failed.", error_code="tls_failed") from error
    except HTTPException as error:
        raise DeliveryFailed(
            "The endpoint did not send a valid HTTP response.", error_code="bad_answer"
        ) from error
    except OSError as error:
        raise DeliveryFailed("The connection failed.", error_code="connection_failed") from error


def milliseconds_since(began: float) -> int:
    return round((time.monotonic() - began) * 1000)


@atomic_with_retry
def disable_if_failing(delivery: OutboxDelivery, error: Exception) -> None:
    """Disable a webhook that answered 410 Gone, or has only failed for days."""
    found = (
        Webhook.objects.select_for_update(no_key=True).filter(pk=get_webhook_id(delivery)).first()
    )
    if found is None or not found.is_active:
        return
    if getattr(error, "facts", {}).get("response_code") == GONE:
        reason = Webhook.Disabled.GONE
    elif found.has_failed_too_long(timezone.now()):
        reason = Webhook.Disabled.FAILING
    else:
        return
    found.disable(reason)
    found.save_changes("is_active", "disabled_reason")
    audit.record("webhook_disabled", target=found, reason=reason)
    publish("webhook.disabled", webhook=str(found.pk), url=found.url, reason=reason)
