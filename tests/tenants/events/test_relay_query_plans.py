"""Query plans of the relay with many waiting events."""

import json
from datetime import timedelta

import pytest
from django.db import connection
from django.utils import timezone

from orders.models import Payment
from tenants.models import OutboxDelivery, OutboxEvent
from tenants.scope import across_tenants
from tests.factories.orders import PaymentFactory
from tests.factories.tenants import OutboxDeliveryFactory, OutboxEventFactory
from tests.support.query_plans import analyze, multiply_rows

pytestmark = [pytest.mark.postgres, pytest.mark.django_db]


def explain_first_row(rows):
    """Return the indexes and other plan nodes that find the first row."""
    sql, params = rows[:1].query.sql_with_params()
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN (FORMAT JSON) {sql}", params)
        answer = cursor.fetchone()[0]
    plan = json.loads(answer) if isinstance(answer, str) else answer
    return set(walk_nodes(plan[0]["Plan"]))


def walk_nodes(node):
    """Yield node names without the subquery of row-level security, computed once."""
    if node.get("Parent Relationship") == "InitPlan":
        return
    yield node.get("Index Name", node["Node Type"])
    for child in node.get("Plans", ()):
        yield from walk_nodes(child)


@pytest.fixture
def many_deliveries(shop, foreign):
    """Create many waiting and many finished deliveries, and one that is due."""
    waiting = OutboxDeliveryFactory(
        event__tenant=foreign.tenant,
        event__relayed_at=timezone.now(),
        subject="01890000-0000-7000-8000-000000000000",
        next_attempt_at=timezone.now() + timedelta(hours=1),
    )
    multiply_rows(waiting, subject="gen_random_uuid()", subscriber="'s-' || n")
    status = "CASE WHEN n %% 20 = 0 THEN 'dead' ELSE 'delivered' END"
    multiply_rows(waiting, subscriber="'d-' || n", status=status)
    OutboxEventFactory(tenant=shop)
    multiply_rows(waiting.event, topic="'test.' || n")
    OutboxDeliveryFactory(event__tenant=shop, event__relayed_at=timezone.now())
    payment = PaymentFactory(order=foreign.order, status="captured", amount=0)
    multiply_rows(payment, position="n")
    analyze(OutboxEvent, OutboxDelivery, Payment)
    with across_tenants():
        yield


@pytest.mark.usefixtures("many_deliveries")
def test_undispatched_events_use_their_index():
    assert explain_first_row(OutboxEvent.objects.undispatched()) == {"Limit", "outbox_to_relay"}


@pytest.mark.usefixtures("many_deliveries")
def test_due_deliveries_use_their_indexes():
    found = explain_first_row(OutboxDelivery.objects.due(timezone.now()))

    assert {"delivery_to_try", "delivery_in_order"} <= found
    assert not {name for name in found if name in {"Sort", "Seq Scan", "Hash Anti Join"}}


@pytest.mark.usefixtures("many_deliveries")
def test_dead_deliveries_use_their_index():
    dead = OutboxDelivery.objects.filter(status="dead").order_by("-id")

    assert explain_first_row(dead) == {"Limit", "delivery_dead"}


@pytest.mark.usefixtures("many_deliveries")
def test_payments_with_unknown_outcome_use_their_index():
    found = explain_first_row(Payment.objects.due_for_look_up(timezone.now(), max_look_ups=5))

    assert found == {"Limit", "payment_underway"}
