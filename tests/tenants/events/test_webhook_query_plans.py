"""Query plans of the delivery log with many deliveries."""

import pytest
from django.db import connection

from tenants.models import OutboxDelivery, OutboxEvent, Webhook
from tenants.scope import across_tenants
from tests.factories.tenants import OutboxDeliveryFactory, WebhookFactory
from tests.support import query_plans
from tests.support.query_plans import analyze, explain_pages, for_both_pages

pytestmark = [pytest.mark.postgres, pytest.mark.django_db]

TABLE = OutboxDelivery._meta.db_table
ROWS = 4000
# Copies a delivery for each event; one in a hundred is dead.
DELIVERIES = """
INSERT INTO tenants_outboxdelivery SELECT copy.* FROM tenants_outboxdelivery AS original,
tenants_outboxevent AS event, LATERAL json_populate_record(original, json_build_object(
    'id', gen_random_uuid(), 'event_id', event.id,
    'status', CASE WHEN random() < 0.01 THEN 'dead' ELSE 'delivered' END)) AS copy
WHERE original.id = %s AND event.tenant_id = original.tenant_id AND event.id <> original.event_id
"""


@pytest.fixture
def webhook(shop, other_shop, monkeypatch):
    """Create a webhook with a long delivery log, and others in this and another shop."""
    webhooks = WebhookFactory.create_batch(2, tenant=shop)
    first, *others = (
        OutboxDeliveryFactory(event__tenant=each.tenant, subscriber=each.subscriber, status="dead")
        for each in [*webhooks, WebhookFactory(tenant=other_shop)]
    )
    monkeypatch.setattr(query_plans, "ROWS", ROWS)
    for delivery in (first, others[-1]):
        query_plans.multiply_rows(delivery.event, created_at=query_plans.MINUTES)
    with across_tenants(), connection.cursor() as cursor:
        for delivery in (first, *others):
            cursor.execute(DELIVERIES, [delivery.pk])
    analyze(OutboxDelivery, OutboxEvent, Webhook)
    return webhooks[0]


def test_delivery_log_uses_its_indexes(admin, client_of, webhook):
    cases = [
        ({}, {"delivery_by_subscriber"}),
        ({"status": "delivered"}, {"delivery_by_subscriber"}),
        ({"status": "dead"}, {"delivery_given_up"}),
    ]

    path = f"webhooks/{webhook.pk}/deliveries/"
    plans = explain_pages(client_of(admin), path, TABLE, [query for query, _ in cases])

    assert plans == for_both_pages(cases)


def test_webhook_list_uses_the_time_index(admin, client_of, shop, other_shop):
    """The maximum number of webhooks of a shop, among many of other shops."""
    WebhookFactory.create_batch(20, tenant=shop)
    rows = [WebhookFactory.build(tenant=other_shop) for _ in range(1000)]
    with across_tenants():
        Webhook.objects.bulk_create(rows)
    analyze(Webhook)
    table = Webhook._meta.db_table

    plans = explain_pages(client_of(admin), "webhooks/", table, [{}, {"page_size": "5"}])

    assert all(plan == {"webhook_by_time"} for plan in plans.values()), plans
