"""Unreachable webhooks are disabled, and the admins of the shop are notified."""

from datetime import timedelta

import pytest
from django.utils import timezone

from orders.notifications import WebhookDisabledMail
from tenants.events.delivery import queue
from tenants.events.webhooks.subscriber import Webhooks
from tenants.models import AuditEvent, OutboxEvent, Webhook
from tenants.scope import across_tenants, tenant_scope
from tests.support.relay import deliveries, delivery, run_relay
from tests.support.webhook_server import announce_event, reload_webhook

pytestmark = pytest.mark.django_db(transaction=True)


def test_410_disables_the_webhook_and_notifies_the_admins(
    shop, store, admin, subscribed_webhook, webhook_receiver, mailoutbox
):
    webhook_receiver.answers = [410]
    announce_event(shop, store)

    run_relay(Webhooks(), WebhookDisabledMail())
    announce_event(shop, store)
    run_relay(Webhooks(), WebhookDisabledMail())

    off = reload_webhook(subscribed_webhook)
    assert (off.is_active, off.disabled_reason) == (False, "gone")
    assert len(webhook_receiver.received) == 1
    given_up = delivery(subscriber=subscribed_webhook.subscriber)
    assert (given_up.status, given_up.response_code, given_up.error_code) == ("dead", 410, "gone")
    (mail,) = mailoutbox
    assert mail.to == [admin.email]
    assert subscribed_webhook.url in mail.body
    with across_tenants():
        (event,) = AuditEvent.objects.filter(event="webhook_disabled")
    assert (event.tenant_id, event.target, event.facts) == (
        shop.pk,
        subscribed_webhook.pk,
        {"reason": "gone"},
    )


def test_webhook_that_failed_for_days_is_disabled(
    shop, store, subscribed_webhook, webhook_receiver, running_clock
):
    webhook_receiver.answers = [500]
    announce_event(shop, store)
    run_relay(Webhooks())
    running_clock.shift(timedelta(days=3, hours=23))
    webhook_receiver.answers = [500]
    run_relay(Webhooks())
    before = reload_webhook(subscribed_webhook).is_active
    running_clock.shift(timedelta(days=1))
    webhook_receiver.answers = [500]
    run_relay(Webhooks())

    off = reload_webhook(subscribed_webhook)
    assert (before, off.is_active, off.disabled_reason) == (True, False, "failing")
    assert len(webhook_receiver.received) == 3


def test_delivery_is_given_up_after_two_to_four_days(
    shop, store, subscribed_webhook, webhook_receiver, running_clock, monkeypatch
):
    monkeypatch.setattr("tenants.models.webhook.MAX_FAILING_TIME", timedelta(days=400))
    webhook_receiver.answers = [500] * 20
    announce_event(shop, store)
    start, pauses = timezone.now(), []

    while not deliveries(status="dead"):
        run_relay(Webhooks())
        (waiting,) = deliveries()
        pauses.append(waiting.next_attempt_at - timezone.now())
        running_clock.move_to(max(waiting.next_attempt_at, timezone.now()))

    assert len(webhook_receiver.received) == Webhooks.max_attempts
    assert timedelta(days=2) < timezone.now() - start < timedelta(days=4)
    assert pauses[0] < timedelta(seconds=6.1)
    assert max(pauses) > timedelta(hours=19)


def test_waiting_delivery_of_a_removed_webhook_is_given_up(
    shop, store, subscribed_webhook, webhook_receiver
):
    announce_event(shop, store)
    queue.create_deliveries([Webhooks()])
    with tenant_scope(shop):
        Webhook.objects.all().delete()

    run_relay(Webhooks())

    assert webhook_receiver.received == []
    assert (delivery().status, delivery().error_code) == ("dead", "switched_off")


def test_event_claimed_by_a_crashed_relay_is_delivered_by_the_next(
    shop, store, subscribed_webhook, webhook_receiver, running_clock
):
    announce_event(shop, store)
    queue.create_deliveries([Webhooks()])
    queue.claim()
    running_clock.shift(timedelta(minutes=6))

    run_relay(Webhooks())

    assert len(webhook_receiver.received) == 1
    with across_tenants():
        assert OutboxEvent.objects.undispatched().count() == 0
