"""Webhooks over HTTP: an admin's, with a secret that is shown once."""

from datetime import timedelta

import pytest
from django.utils import timezone

from accounts.models import AuthSession
from tenants.models import AuditEvent, OutboxDelivery, Webhook
from tenants.scope import across_tenants
from tests.factories.tenants import OutboxDeliveryFactory, WebhookFactory

HOOK = "https://93.184.215.14/hook"
GIVEN = {"url": HOOK, "events": ["order.*", "stock.low"]}
DAYS_AGO = timezone.now() - timedelta(days=2)


@pytest.fixture
def admin_client(admin, client_of):
    return client_of(admin)


@pytest.fixture
def webhook(shop):
    return WebhookFactory(tenant=shop)


def kept():
    with across_tenants():
        return Webhook.objects.get()


def grow_stale(client):
    with across_tenants():
        AuthSession.objects.filter(pk=client.session.pk).update(auth_time=DAYS_AGO)


def events_of(webhook):
    with across_tenants():
        found = AuditEvent.objects.filter(target=webhook).order_by("pk")
        return list(found.values_list("event", flat=True))


def test_its_secret_is_shown_when_it_is_made_and_never_again(admin_client):
    made = admin_client.post("webhooks/", GIVEN)

    assert made.status_code == 201, made.content
    body = made.json()
    secret, path = body.pop("secret"), f"webhooks/{body['id']}/"
    assert secret.startswith("whsec_")
    assert made["Cache-Control"] == "no-store"
    assert (body["url"], body["events"], body["is_active"]) == (HOOK, GIVEN["events"], True)
    assert admin_client.get(path).json() == body
    assert admin_client.get("webhooks/").json()["results"] == [body]
    assert kept().secrets_at(timezone.now()) == [secret]
    assert events_of(body["id"]) == ["webhook_added"]


def test_another_secret_joins_the_one_before_for_a_day(admin_client, webhook):
    former = webhook.secrets_at(timezone.now())

    rotated = admin_client.post(f"webhooks/{webhook.pk}/rotate/")

    assert rotated.status_code == 200
    assert kept().secrets_at(timezone.now()) == [rotated.json()["secret"], *former]
    assert kept().secrets_at(timezone.now() + timedelta(hours=25)) == [rotated.json()["secret"]]
    until = kept().former_until
    assert len(kept().secrets_at(until - timedelta(microseconds=1))) == 2
    assert kept().secrets_at(until) == [rotated.json()["secret"]]
    assert events_of(webhook.pk) == ["webhook_secret_rotated"]


def test_who_has_not_shown_the_password_lately_is_asked_for_it(admin_client, webhook, problem):
    grow_stale(admin_client)
    version = {"If_Match": "*"}

    refused = [
        admin_client.post("webhooks/", GIVEN),
        admin_client.post(f"webhooks/{webhook.pk}/rotate/"),
        admin_client.patch(f"webhooks/{webhook.pk}/", {"url": HOOK}, **version),
    ]
    plain = admin_client.patch(f"webhooks/{webhook.pk}/", {"description": "Books"}, **version)

    for response in refused:
        problem(response, 401, "insufficient_user_authentication")
    assert plain.status_code == 200, plain.content
    assert (kept().url, kept().sealed_secret) == (webhook.url, webhook.sealed_secret)


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
def test_what_cannot_be_is_refused_and_nothing_is_kept(admin_client, problem, change, codes, db):
    problem(admin_client.post("webhooks/", GIVEN | change), 400, "invalid", codes)

    with across_tenants():
        assert not Webhook.objects.exists()


def test_its_address_is_looked_at_when_it_changes(admin_client, webhook, problem):
    path = f"webhooks/{webhook.pk}/"

    refused = admin_client.patch(path, {"url": "https://[::1]/"}, If_Match="*")
    taken = admin_client.patch(path, {"url": HOOK}, If_Match="*")

    problem(refused, 400, "invalid", {"url": "address_refused"})
    assert (taken.status_code, kept().url, kept().version) == (200, HOOK, webhook.version + 1)
    assert events_of(webhook.pk) == ["webhook_changed"]


def test_one_that_was_switched_off_begins_anew(admin_client, webhook, problem):
    with across_tenants():
        Webhook.objects.update(is_active=False, disabled_reason="failing", failing_since=DAYS_AGO)
    path = f"webhooks/{webhook.pk}/"

    tested = admin_client.post(f"{path}test/")
    switched_on = admin_client.patch(path, {"is_active": True}, If_Match="*").json()

    problem(tested, 409, "webhook_off")
    assert (switched_on["is_active"], switched_on["disabled_reason"]) == (True, "")
    assert switched_on["failing_since"] is None


def test_a_shop_has_no_more_than_twenty(admin_client, shop, problem):
    WebhookFactory.create_batch(20, tenant=shop)

    problem(admin_client.post("webhooks/", GIVEN), 409, "too_many_webhooks")


def test_what_was_told_is_listed_and_told_again(admin_client, webhook, shop):
    done = OutboxDeliveryFactory(
        event__tenant=shop,
        event__topic="order.completed",
        subscriber=webhook.subscriber,
        status="delivered",
        response_code=204,
        duration_ms=12,
        attempts=3,
    )
    OutboxDeliveryFactory(event__tenant=shop, subscriber="webhook/of-somebody-else")
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
        revived = OutboxDelivery.objects.get(pk=done.pk)
    assert (revived.status, revived.attempts, revived.delivered_at) == ("waiting", 0, None)
    assert events_of(webhook.pk) == ["webhook_redelivered"]
    assert admin_client.get(path, {"status": "dead"}).json()["results"] == []


def test_a_test_is_told_to_it_alone(admin_client, webhook, shop):
    WebhookFactory(tenant=shop)

    tested = admin_client.post(f"webhooks/{webhook.pk}/test/")

    assert (tested.status_code, tested.json()["type"]) == (202, "webhook.test")
    with across_tenants():
        (told,) = OutboxDelivery.objects.select_related("event")
    assert (told.subscriber, told.status) == (webhook.subscriber, "waiting")
    assert told.event.relayed_at is not None


def test_removed_it_is_forgotten_with_what_it_was_told(admin_client, webhook, shop):
    OutboxDeliveryFactory(event__tenant=shop, subscriber=webhook.subscriber)

    assert admin_client.delete(f"webhooks/{webhook.pk}/").status_code == 204

    with across_tenants():
        assert not Webhook.objects.exists()
        assert not OutboxDelivery.objects.exists()
    assert events_of(webhook.pk) == ["webhook_removed"]


@pytest.mark.parametrize("count", [1, 20])
def test_the_log_takes_as_many_statements_for_one_as_for_twenty(
    admin_client, webhook, shop, count, statements
):
    OutboxDeliveryFactory.create_batch(count, event__tenant=shop, subscriber=webhook.subscriber)

    # Who asks, the webhook, what it was told.
    with statements(3):
        assert admin_client.get(f"webhooks/{webhook.pk}/deliveries/").status_code == 200


def test_what_may_be_a_secret_in_an_address_is_not_told_to_managers(
    admin_client, manager, client_of, problem
):
    made = admin_client.post("webhooks/", GIVEN | {"url": f"{HOOK}/T0K3N-1"}).json()
    path = f"webhooks/{made['id']}/"
    assert admin_client.patch(path, {"url": f"{HOOK}?key=T0K3N-2"}, If_Match="*").status_code == 200
    manager_client = client_of(manager)

    told = manager_client.get("audit/", {"target": made["id"]})

    assert len(told.json()["results"]) == 2
    assert b"93.184.215.14" in told.content
    assert b"T0K3N" not in told.content
    problem(manager_client.get(path), 403, "permission_denied")
