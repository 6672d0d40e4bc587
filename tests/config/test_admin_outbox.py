"""Deliveries of the outbox in the platform admin."""

import pytest
from django.contrib.messages import get_messages
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from tenants.admin import NewestRowsPaginator
from tenants.models import AuditEvent, OutboxDelivery
from tenants.scope import across_tenants
from tests.factories.tenants import OutboxDeliveryFactory

LIST = "/platform/tenants/outboxdelivery/"


@pytest.fixture
def dead(shop):
    return OutboxDeliveryFactory(
        event__tenant=shop, status="dead", attempts=17, last_error="TimeoutError"
    )


def retry_deliveries(platform_browser, *deliveries):
    return platform_browser.post(
        LIST, {"action": "try_again", "_selected_action": [each.pk for each in deliveries]}
    )


def state(delivery):
    with across_tenants():
        delivery.refresh_from_db()
    return delivery.status, delivery.attempts, delivery.version


def test_dead_delivery_is_retried_on_request(platform_browser, dead, root):
    response = retry_deliveries(platform_browser, dead)

    assert state(dead) == ("waiting", 0, 2)
    assert dead.next_attempt_at > dead.created_at
    (message,) = get_messages(response.wsgi_request)
    assert (message.level_tag, str(message)) == (
        "success",
        "Green Grocery: test.happened: will be retried.",
    )
    with across_tenants():
        taken_up = AuditEvent.objects.filter(event="delivery_taken_up", target=dead.pk)
        in_the_shop, at_the_platform = taken_up.get(tenant=dead.tenant), taken_up.get(tenant=None)
    # The audit log of the shop does not name platform users.
    assert (in_the_shop.actor, at_the_platform.actor) == (None, root.pk)


@pytest.mark.parametrize("status", ["waiting", "delivered"])
def test_waiting_or_delivered_delivery_cannot_be_retried(platform_browser, shop, status):
    delivery = OutboxDeliveryFactory(event__tenant=shop, status=status, attempts=3)

    response = retry_deliveries(platform_browser, delivery)

    assert state(delivery) == (status, 3, 1)
    (message,) = get_messages(response.wsgi_request)
    assert message.level_tag == "error"
    with across_tenants():
        assert not AuditEvent.objects.filter(event="delivery_taken_up").exists()


def test_retry_skips_deliveries_that_are_not_dead(platform_browser, dead, foreign):
    other = OutboxDeliveryFactory(event__tenant=foreign.tenant, status="delivered")

    retry_deliveries(platform_browser, dead, other)

    assert (state(dead)[0], state(other)[0]) == ("waiting", "delivered")


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("", {"sales_log", "receipt_mail", "webhook/1"}),
        ("?status__exact=dead", {"receipt_mail"}),
        ("?subscriber=sales_log", {"sales_log"}),
        ("?subscriber=receipt_mail", {"receipt_mail"}),
        ("?q=green", {"sales_log", "receipt_mail", "webhook/1"}),
        ("?q=blue", set()),
    ],
)
def test_deliveries_are_found_by_status_subscriber_and_shop(platform_browser, shop, query, found):
    OutboxDeliveryFactory(event__tenant=shop, subscriber="sales_log")
    OutboxDeliveryFactory(event__tenant=shop, subscriber="receipt_mail", status="dead")
    OutboxDeliveryFactory(event__tenant=shop, subscriber="webhook/1", status="delivered")

    rows = platform_browser.get(LIST + query).context["cl"].result_list

    assert {row.subscriber for row in rows} == found


def test_event_data_is_not_shown(platform_browser, shop):
    """Events can contain personal data of customers."""
    delivery = OutboxDeliveryFactory(
        event__tenant=shop, event__data={"email": "ada@customer.example"}
    )

    for page in (
        *(LIST, reverse("platform:tenants_outboxdelivery_change", args=[delivery.pk])),
        *("/platform/tenants/outboxevent/",),
        reverse("platform:tenants_outboxevent_change", args=[delivery.event_id]),
    ):
        response = platform_browser.get(page)
        assert response.status_code == 200
        assert b"ada@" not in response.content


def test_row_count_stops_at_the_maximum_of_the_list(platform_browser, shop, monkeypatch):
    monkeypatch.setattr(NewestRowsPaginator, "MAX_ROWS", 3)
    for _ in range(5):
        OutboxDeliveryFactory(event__tenant=shop)

    with CaptureQueriesContext(connection) as queries:
        shown = platform_browser.get(LIST).context["cl"]

    assert shown.result_count == 3
    counting = [each["sql"] for each in queries if "COUNT(" in each["sql"]]
    assert counting
    assert all("LIMIT 4" in sql for sql in counting)


def test_manager_of_a_shop_cannot_retry_deliveries(dead, manager, client):
    client.force_login(manager)

    assert retry_deliveries(client, dead).status_code == 302
    assert state(dead) == ("dead", 17, 1)
    with across_tenants():
        assert OutboxDelivery.objects.get() == dead
