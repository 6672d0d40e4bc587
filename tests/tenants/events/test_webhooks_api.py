"""Webhooks API: admins manage webhooks, whose secret is shown once."""

from datetime import timedelta

import pytest
from django.utils import timezone

from accounts.models import AuthSession
from tenants.models import AuditEvent, OutboxDelivery, Webhook
from tenants.scope import across_tenants
from tests.factories.tenants import OutboxDeliveryFactory, WebhookFactory

HOOK = "https://93.184.215.14/hook"
VALID_BODY = {"url": HOOK, "events": ["order.*", "stock.low"]}
DAYS_AGO = timezone.now() - timedelta(days=2)


@pytest.fixture
def webhook(shop):
    return WebhookFactory(tenant=shop)


def load_webhook():
    with across_tenants():
        return Webhook.objects.get()


def expire_authentication(client):
    with across_tenants():
        AuthSession.objects.filter(pk=client.session.pk).update(auth_time=DAYS_AGO)


def list_events(webhook):
    with across_tenants():
        found = AuditEvent.objects.filter(target=webhook).order_by("pk")
        return list(found.values_list("event", flat=True))


def test_secret_is_shown_only_at_creation(admin_client):
    made = admin_client.post("webhooks/", VALID_BODY)

    assert made.status_code == 201, made.content
    body = made.json()
    secret, path = body.pop("secret"), f"webhooks/{body['id']}/"
    assert secret.startswith("whsec_")
    assert made["Cache-Control"] == "no-store"
    assert (body["url"], body["events"], body["is_active"]) == (HOOK, VALID_BODY["events"], True)
    assert admin_client.get(path).json() == body
    assert admin_client.get("webhooks/").json()["results"] == [body]
    assert load_webhook().secrets_at(timezone.now()) == [secret]
    assert list_events(body["id"]) == ["webhook_added"]


def test_former_secret_is_valid_for_a_day_after_rotation(admin_client, webhook):
    former = webhook.secrets_at(timezone.now())

    rotated = admin_client.post(f"webhooks/{webhook.pk}/rotate/")

    assert rotated.status_code == 200
    assert load_webhook().secrets_at(timezone.now()) == [rotated.json()["secret"], *former]
    assert load_webhook().secrets_at(timezone.now() + timedelta(hours=25)) == [
        rotated.json()["secret"]
    ]
    until = load_webhook().former_until
    assert len(load_webhook().secrets_at(until - timedelta(microseconds=1))) == 2
    assert load_webhook().secrets_at(until) == [rotated.json()["secret"]]
    assert list_events(webhook.pk) == ["webhook_secret_rotated"]


def test_webhook_changes_need_a_recent_authentication(admin_client, webhook, problem):
    expire_authentication(admin_client)
    version = {"If_Match": "*"}

    refused = [
        admin_client.post("webhooks/", VALID_BODY),
        admin_client.post(f"webhooks/{webhook.pk}/rotate/"),
        admin_client.patch(f"webhooks/{webhook.pk}/", {"url": HOOK}, **version),
    ]
    plain = admin_client.patch(f"webhooks/{webhook.pk}/", {"description": "Books"}, **version)

    for response in refused:
        problem(response, 401, "insufficient_user_authentication")
    assert plain.status_code == 200, plain.content
    assert (load_webhook().url, load_webhook().sealed_secret) == (
        webhook.url,
        webhook.sealed_secret,
    )


@pytest.mark.parametrize(
    ("change", "codes"),
    [
        ({"url": "https://127.0.0.1/"}, {"url": "address_refused"}),
        ({"url": "http://93.184.215.14/"}, {"url": "scheme_refused"}),
        ({"events": ["order.eaten"]}, {"events[0]": "invalid_choice"}),
        ({"events": []}, {"events": "min_length"}),
        ({"secret": "whsec_mine"}, {"secret": "unknown_field"}),
    ],
)
def test_invalid_webhook_is_rejected_and_not_stored(admin_client, problem, change, codes, db):
    problem(admin_client.post("webhooks/", VALID_BODY | change), 400, "invalid", codes)

    with across_tenants():
        assert not Webhook.objects.exists()


def test_webhook_url_is_validated_on_update(admin_client, webhook, problem):
    path = f"webhooks/{webhook.pk}/"

    refused = admin_client.patch(path, {"url": "https://[::1]/"}, If_Match="*")
    taken = admin_client.patch(path, {"url": HOOK}, If_Match="*")

    problem(refused, 400, "invalid", {"url": "address_refused"})
    assert (taken.status_code, load_webhook().url, load_webhook().version) == (
        200,
        HOOK,
        webhook.version + 1,
    )
    assert list_events(webhook.pk) == ["webhook_changed"]


def test_reactivated_webhook_is_reset(admin_client, webhook, problem):
    with across_tenants():
        Webhook.objects.update(is_active=False, disabled_reason="failing", failing_since=DAYS_AGO)
    path = f"webhooks/{webhook.pk}/"

    tested = admin_client.post(f"{path}test/")
    switched_on = admin_client.patch(path, {"is_active": True}, If_Match="*").json()

    problem(tested, 409, "webhook_off")
    assert (switched_on["is_active"], switched_on["disabled_reason"]) == (True, "")
    assert switched_on["failing_since"] is None


def test_number_of_webhooks_is_limited_to_twenty(admin_client, shop, problem):
    WebhookFactory.create_batch(20, tenant=shop)

    problem(admin_client.post("webhooks/", VALID_BODY), 409, "too_many_webhooks")


def test_deliveries_are_listed_and_redelivered(admin_client, webhook, shop):
    done = OutboxDeliveryFactory(
        event__tenant=shop,
        event__topic="order.completed",
        subscriber=webhook.subscriber,
        status="delivered",
        response_code=204,
        duration_ms=12,
        attempts=3,
    )
    OutboxDeliveryFactory(event__tenant=shop, subscriber="webhook/other")
    path = f"webhooks/{webhook.pk}/deliveries/"

    (listed,) = admin_client.get(path).json()["results"]
    again = admin_client.post(f"{path}{done.pk}/redeliver/")

    assert (listed["id"], listed["type"], listed["status"]) == (
        str(done.pk),
        "order.completed",
        "delivered",
    )
    assert (listed["response_code"], listed["duration_ms"], listed["next_attempt_at"]) == (
        204,
        12,
        None,
    )
    assert again.status_code == 202, again.content
    with across_tenants():
        redelivered = OutboxDelivery.objects.get(pk=done.pk)
    assert (redelivered.status, redelivered.attempts, redelivered.delivered_at) == (
        "waiting",
        0,
        None,
    )
    assert list_events(webhook.pk) == ["webhook_redelivered"]
    assert admin_client.get(path, {"status": "dead"}).json()["results"] == []


def test_test_event_is_sent_to_that_webhook_only(admin_client, webhook, shop):
    WebhookFactory(tenant=shop)

    tested = admin_client.post(f"webhooks/{webhook.pk}/test/")

    assert (tested.status_code, tested.json()["type"]) == (202, "webhook.test")
    with across_tenants():
        (sent,) = OutboxDelivery.objects.select_related("event")
    assert (sent.subscriber, sent.status) == (webhook.subscriber, "waiting")
    assert sent.event.relayed_at is not None


def test_removed_webhook_is_deleted_with_its_deliveries(admin_client, webhook, shop):
    OutboxDeliveryFactory(event__tenant=shop, subscriber=webhook.subscriber)

    assert admin_client.delete(f"webhooks/{webhook.pk}/").status_code == 204

    with across_tenants():
        assert not Webhook.objects.exists()
        assert not OutboxDelivery.objects.exists()
    assert list_events(webhook.pk) == ["webhook_removed"]


@pytest.mark.parametrize("count", [1, 20])
def test_delivery_log_takes_the_same_statements_for_any_length(
    admin_client, webhook, shop, count, statements
):
    OutboxDeliveryFactory.create_batch(count, event__tenant=shop, subscriber=webhook.subscriber)

    # The user, the webhook, the deliveries.
    with statements(3):
        assert admin_client.get(f"webhooks/{webhook.pk}/deliveries/").status_code == 200


def test_secrets_in_a_webhook_url_are_hidden_from_managers(
    admin_client, manager, client_of, problem
):
    made = admin_client.post("webhooks/", VALID_BODY | {"url": f"{HOOK}/T0K3N-1"}).json()
    path = f"webhooks/{made['id']}/"
    assert admin_client.patch(path, {"url": f"{HOOK}?key=T0K3N-2"}, If_Match="*").status_code == 200
    manager_client = client_of(manager)

    events = manager_client.get("audit/", {"target": made["id"]})

    assert len(events.json()["results"]) == 2
    assert b"93.184.215.14" in events.content
    assert b"T0K3N" not in events.content
    problem(manager_client.get(path), 403, "permission_denied")
