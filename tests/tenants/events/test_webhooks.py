"""Webhooks deliver signed events of a shop and retry until they succeed."""

from datetime import timedelta

import pytest
from django.utils import timezone

from tenants.events.outbox import publish
from tenants.events.webhooks.signing import sign
from tenants.events.webhooks.subscriber import Webhooks
from tenants.models import Webhook
from tenants.scope import tenant_scope
from tests.support import webhook_server
from tests.support.relay import deliveries, delivery, run_relay
from tests.support.secret_leaks import leaks
from tests.support.webhook_server import announce_event, create_webhook, reload_webhook

pytestmark = pytest.mark.django_db(transaction=True)


def test_signature_matches_the_standard_webhooks_example():
    """Example of the reference library: `sign function works` in webhook.test.ts of
    github.com/standard-webhooks/standard-webhooks/libraries/javascript/src."""
    secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
    body = b'{"test": 2432232314}'

    signed = sign("msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, body, secret)

    assert signed == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_webhook_receives_a_signed_event(shop, store, subscribed_webhook, webhook_receiver):
    announce_event(shop, store)

    run_relay(Webhooks())

    ((headers, body),) = webhook_receiver.received
    assert webhook_server.is_signed(headers, body, subscribed_webhook.secret)
    assert abs(int(headers["webhook-timestamp"]) - timezone.now().timestamp()) < 60
    assert headers["content-type"] == "application/json"
    (message,) = webhook_receiver.messages
    about = {"type": "store", "id": str(store.pk)}
    assert message["type"] == "store.updated"
    assert message["timestamp"].endswith("Z")
    assert message["data"] == {"object": about, "version": 1}
    delivered = delivery()
    assert (delivered.status, delivered.response_code, delivered.error_code) == (
        "delivered",
        204,
        "",
    )
    assert (str(delivered.pk), delivered.attempts) == (headers["webhook-id"], 1)
    assert delivered.duration_ms is not None
    assert delivered.attempted_at is not None


def test_webhook_receives_its_events_of_its_own_shop_while_active(
    shop, other_shop, store, webhook_receiver
):
    create_webhook(shop, webhook_receiver.url, "order.completed", "store.*")
    create_webhook(other_shop, webhook_receiver.url)
    with tenant_scope(shop):
        Webhook.objects.create(
            url=webhook_receiver.url, events=["*"], is_active=False, sealed_secret=""
        )

    announce_event(shop, store, "store.updated", "order.completed", "order.held")
    run_relay(Webhooks())

    assert [message["type"] for message in webhook_receiver.messages] == [
        "store.updated",
        "order.completed",
    ]


def test_internal_events_are_not_sent(shop, subscribed_webhook, webhook_receiver):
    with tenant_scope(shop):
        publish("receipt.email", order="1", email="ann@customer.example")

    run_relay(Webhooks())

    assert (webhook_receiver.received, deliveries()) == ([], [])


def test_both_secrets_sign_during_a_rotation(
    shop, store, subscribed_webhook, webhook_receiver, running_clock
):
    former = subscribed_webhook.secret
    with tenant_scope(shop):
        latest = subscribed_webhook.make_secret()
        leaks.remember(latest)
        subscribed_webhook.save()
    announce_event(shop, store)
    run_relay(Webhooks())
    running_clock.shift(timedelta(hours=25))
    announce_event(shop, store)
    run_relay(Webhooks())

    (during, body), (after, later_body) = webhook_receiver.received
    assert webhook_server.is_signed(during, body, former)
    assert webhook_server.is_signed(during, body, latest)
    assert webhook_server.is_signed(after, later_body, latest)
    assert not webhook_server.is_signed(after, later_body, former)


def test_secret_is_stored_encrypted(subscribed_webhook):
    stored = reload_webhook(subscribed_webhook)

    assert subscribed_webhook.secret.removeprefix("whsec_") not in str(vars(stored))
    assert stored.secrets_at(timezone.now()) == [subscribed_webhook.secret]


def test_failed_delivery_is_retried_with_the_same_id(
    shop, store, subscribed_webhook, webhook_receiver, running_clock
):
    webhook_receiver.answers = [500, 200]
    announce_event(shop, store)

    run_relay(Webhooks())
    failed, failing = delivery(), reload_webhook(subscribed_webhook).failing_since
    running_clock.shift(timedelta(seconds=7))
    run_relay(Webhooks())

    assert (failed.status, failed.response_code) == ("waiting", 500)
    assert failed.error_code == "bad_status"
    assert failing is not None
    assert len(set(webhook_receiver.ids)) == 1
    assert len(webhook_receiver.ids) == 2
    done = delivery()
    assert (done.status, done.response_code, done.error_code) == ("delivered", 200, "")
    assert reload_webhook(subscribed_webhook).failing_since is None


def test_events_of_one_object_are_sent_in_order(
    shop, store, subscribed_webhook, webhook_receiver, running_clock
):
    webhook_receiver.answers = [500]
    announce_event(shop, store, "store.created", "store.updated")

    run_relay(Webhooks())
    running_clock.shift(timedelta(seconds=7))
    run_relay(Webhooks())

    kinds = [message["type"] for message in webhook_receiver.messages]
    assert kinds == ["store.created", "store.created", "store.updated"]


@pytest.mark.parametrize(
    ("answer", "error_code"),
    [
        (webhook_server.drip, "timed_out"),
        (webhook_server.answer_nonsense, "bad_answer"),
        (webhook_server.hang_up, "bad_answer"),
        (300, "redirected"),
        (404, "bad_status"),
    ],
)
def test_invalid_answer_is_a_failure(
    shop, store, subscribed_webhook, webhook_receiver, answer, error_code, monkeypatch
):
    monkeypatch.setattr("tenants.events.webhooks.sending.TOTAL_TIMEOUT", 0.4)
    webhook_receiver.answers = [answer]
    announce_event(shop, store)

    run_relay(Webhooks())

    failed = delivery()
    assert (failed.status, failed.error_code) == ("waiting", error_code)
    assert failed.duration_ms < 5000


def test_answer_body_is_neither_read_nor_stored(shop, store, subscribed_webhook, webhook_receiver):
    webhook_receiver.answers = [webhook_server.endless_body]
    announce_event(shop, store)

    run_relay(Webhooks())

    delivered = delivery()
    assert (delivered.status, delivered.response_code) == ("delivered", 200)
    assert "xxx" not in str(vars(delivered))


def test_attack_163_redirect_is_not_followed(shop, store, subscribed_webhook, webhook_receiver):
    with webhook_server.run_webhook_receiver() as elsewhere:
        webhook_receiver.answers = [webhook_server.redirect_to(elsewhere.url)]
        announce_event(shop, store)

        run_relay(Webhooks())

        assert elsewhere.received == []
    assert (delivery().response_code, delivery().error_code) == (302, "redirected")


def test_proxy_of_the_environment_is_ignored(
    shop, store, subscribed_webhook, webhook_receiver, monkeypatch
):
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    announce_event(shop, store)

    run_relay(Webhooks())

    assert delivery().status == "delivered"


def test_unresponsive_receiver_does_not_delay_others(shop, webhook_receiver, monkeypatch):
    monkeypatch.setattr("tenants.events.webhooks.sending.TOTAL_TIMEOUT", 1.5)
    heard_at = []

    def answer(handler):
        heard_at.append(timezone.now())
        handler.send_response(200)
        handler.end_headers()

    with webhook_server.run_webhook_receiver() as silent:
        silent.answers = [webhook_server.drip] * 20
        create_webhook(shop, silent.url)
        create_webhook(shop, webhook_receiver.url)
        announce_event(shop, shop, *["tenant.updated"] * 10)
        webhook_receiver.answers = [answer] * 10
        start = timezone.now()

        run_relay(Webhooks())

    assert len(heard_at) == 10
    assert max(heard_at) - start < timedelta(seconds=15)
    assert len(silent.received) <= 3
