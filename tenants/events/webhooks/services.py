"""Services for webhooks."""

import uuid
from typing import Any

from django.utils import timezone

from tenants import audit, idempotency
from tenants.audit import NamedRow
from tenants.events.topics import TEST
from tenants.events.webhooks.addresses import AddressRefused, resolve_url
from tenants.exceptions import Invalid, TooManyWebhooks, WebhookDisabled
from tenants.models import OutboxDelivery, OutboxEvent, Webhook
from tenants.scope import atomic_with_retry
from tenants.services import lock_tenant

MAX_WEBHOOKS = 20


def add_webhook(values: dict[str, Any], *, by: NamedRow) -> tuple[Webhook, str | None]:
    """Create a webhook and return it with its secret, which cannot be read again later.

    A resumed request gets the webhook without the secret. Raises TooManyWebhooks.
    """
    if done := idempotency.resume_data():
        return Webhook.objects.get(pk=done), None
    _ensure_valid_url(values["url"])
    return _add(values, by)


@atomic_with_retry
def _add(values: dict[str, Any], by: NamedRow) -> tuple[Webhook, str]:
    lock_tenant()
    if Webhook.objects.count() >= MAX_WEBHOOKS:
        raise TooManyWebhooks(maximum=MAX_WEBHOOKS)
    webhook = Webhook(**values)
    idempotency.save_key(resume_data=str(webhook.pk))
    secret = webhook.make_secret()
    webhook.save(force_insert=True)
    audit.record("webhook_added", actor=by, target=webhook, events=webhook.events)
    return webhook, secret


def change_webhook(
    webhook: Webhook, changes: dict[str, Any], *, expected_version: int | None, by: NamedRow
) -> Webhook:
    if "url" in changes:
        _ensure_valid_url(changes["url"])
    return _change(webhook, changes, expected_version, by)


@atomic_with_retry
def _change(
    webhook: Webhook, changes: dict[str, Any], expected_version: int | None, by: NamedRow
) -> Webhook:
    webhook = _lock(webhook.pk)
    webhook.ensure_version(expected_version)
    was, changed = str(webhook), audit.changes(webhook, changes)
    for name, value in changes.items():
        setattr(webhook, name, value)
    if "is_active" in changed:
        webhook.enable() if webhook.is_active else webhook.disable()
    webhook.save_changes(*changes, "disabled_reason", "failing_since")
    if "url" in changed:
        changed["url"] = {"from": was, "to": str(webhook)}
    if changed:
        audit.record("webhook_changed", actor=by, target=webhook, changes=changed)
    return webhook


@atomic_with_retry
def rotate_secret(webhook_id: uuid.UUID, *, by: NamedRow) -> tuple[Webhook, str]:
    """Replace the secret and return the new one. The previous one also signs for a day."""
    webhook = _lock(webhook_id)
    secret = webhook.make_secret()
    webhook.save_changes("sealed_secret", "sealed_former_secret", "former_until")
    audit.record("webhook_secret_rotated", actor=by, target=webhook)
    return webhook, secret


@atomic_with_retry
def remove_webhook(webhook_id: uuid.UUID, *, by: NamedRow) -> None:
    """Delete the webhook and its deliveries."""
    webhook = _lock(webhook_id)
    audit.record("webhook_removed", actor=by, target=webhook)
    OutboxDelivery.objects.filter(subscriber=webhook.subscriber).delete()
    webhook.delete()


@atomic_with_retry
def send_test(webhook: Webhook, *, by: NamedRow) -> OutboxDelivery:
    """Create a test event for this webhook alone. Raises WebhookDisabled."""
    _ensure_enabled(webhook)
    event = OutboxEvent(topic=TEST, data={"webhook": str(webhook.pk)}, relayed_at=timezone.now())
    event.save(force_insert=True)
    delivery = OutboxDelivery(event=event, subscriber=webhook.subscriber)
    delivery.save(force_insert=True)
    audit.record("webhook_tested", actor=by, target=webhook)
    return delivery


@atomic_with_retry
def redeliver(delivery: OutboxDelivery, webhook: Webhook, *, by: NamedRow) -> OutboxDelivery:
    """Repeat a delivery of any status with the same `webhook-id`."""
    _ensure_enabled(webhook)
    deliveries = OutboxDelivery.objects.select_for_update(no_key=True, of=("self",))
    delivery = deliveries.select_related("event").get(pk=delivery.pk)
    delivery.start_over()
    delivery.save_changes("status", "attempts", "next_attempt_at", "delivered_at")
    audit.record("webhook_redelivered", actor=by, target=webhook, delivery=str(delivery.pk))
    return delivery


def _lock(webhook_id: uuid.UUID) -> Webhook:
    return Webhook.objects.select_for_update(no_key=True).get(pk=webhook_id)


def _ensure_enabled(webhook: Webhook) -> None:
    if not webhook.is_active:
        raise WebhookDisabled


def _ensure_valid_url(url: str) -> None:
    """Validate the URL, outside of a transaction because DNS may be slow."""
    try:
        resolve_url(url)
    except AddressRefused as error:
        raise Invalid.field("url", str(error), code=error.code) from error
