"""That the relay's questions stay quick however much waits: PostgreSQL walks an index."""

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


def plan_of(rows):
    """The indexes that are walked, and what else is done to find the first of the rows."""
    sql, params = rows[:1].query.sql_with_params()
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN (FORMAT JSON) {sql}", params)
        answer = cursor.fetchone()[0]
    plan = json.loads(answer) if isinstance(answer, str) else answer
    return set(words(plan[0]["Plan"]))


def words(node):
    """Without what is computed once for the statement: whose rows row-level security shows."""
    if node.get("Parent Relationship") == "InitPlan":
        return
    yield node.get("Index Name", node["Node Type"])
    for child in node.get("Plans", ()):
        yield from words(child)


@pytest.fixture
def crowd(shop, foreign):
    """Many that wait their turn, each of a subject of its own; as many that are done; one due."""
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


@pytest.mark.usefixtures("crowd")
def test_the_next_events_are_found_among_those_untold():
    assert plan_of(OutboxEvent.objects.undispatched()) == {"Limit", "outbox_to_relay"}


@pytest.mark.usefixtures("crowd")
def test_the_next_delivery_is_found_among_those_due():
    found = plan_of(OutboxDelivery.objects.due(timezone.now()))

    assert {"delivery_to_try", "delivery_in_order"} <= found
    assert not {word for word in found if word in {"Sort", "Seq Scan", "Hash Anti Join"}}


@pytest.mark.usefixtures("crowd")
def test_those_given_up_are_found_among_all_that_arrived():
    dead = OutboxDelivery.objects.filter(status="dead").order_by("-id")

    assert plan_of(dead) == {"Limit", "delivery_dead"}


@pytest.mark.usefixtures("crowd")
def test_payments_left_behind_are_found_among_all_that_are_settled():
    found = plan_of(Payment.objects.due_for_look_up(timezone.now(), most=5))

    assert found == {"Limit", "payment_underway"}
