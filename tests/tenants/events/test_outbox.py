"""Published events are delivered after the commit."""

import pytest
from django.db import transaction

from tenants.events.outbox import publish
from tenants.models import OutboxEvent, Store
from tenants.scope import across_tenants, atomic_with_retry, tenant_context, tenant_scope
from tests.factories.tenants import StoreFactory
from tests.support.parallel import run_concurrently
from tests.support.relay import TOPIC, Listener, deliveries, run_relay, undispatched


def test_event_names_topic_object_and_data(in_shop, store):
    publish(TOPIC, about=store, number=1)

    event = OutboxEvent.objects.get()
    assert (event.topic, event.subject_type, event.subject) == (TOPIC, "store", store.pk)
    assert (event.data, event.tenant, event.relayed_at) == ({"number": 1}, in_shop, None)


@pytest.mark.django_db(transaction=True)
def test_rolled_back_event_is_not_delivered(shop):
    @atomic_with_retry
    def open_store():
        publish(TOPIC, about=Store.objects.create(name="Never"), number=1)
        raise ZeroDivisionError

    listener = Listener()
    with tenant_context(shop), pytest.raises(ZeroDivisionError):
        open_store()
    run_relay(listener)

    with across_tenants():
        assert not OutboxEvent.objects.exists()
    assert listener.received == []


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
def test_event_is_not_delivered_before_the_commit(shop):
    """On SQLite the relay waits until the writer commits."""
    early, late = Listener(), Listener()

    with tenant_scope(shop), transaction.atomic():
        publish(TOPIC, number=1)
        run_concurrently([lambda: run_relay(early)])
    run_relay(late)

    assert (early.received, late.received) == ([], [{"number": 1}])


@pytest.mark.django_db(transaction=True)
def test_event_is_delivered_in_its_tenant_scope_outside_of_a_transaction(shop, other_shop):
    with tenant_scope(other_shop):
        publish(TOPIC, number=1)
    with tenant_scope(shop):
        publish(TOPIC, number=2)
    listener = Listener()

    run_relay(listener)

    assert listener.shops == [other_shop.slug, shop.slug]
    assert listener.in_transaction == [False, False]
    assert listener.numbers == [1, 2]
    assert undispatched() == 0


@pytest.mark.django_db(transaction=True)
def test_subscriber_sees_only_rows_of_the_events_shop(shop, other_shop):
    StoreFactory(tenant=shop, name="Ours")
    seen = []
    listener = Listener(answers=[lambda: seen.extend(Store.objects.values_list("name", flat=True))])
    with tenant_scope(shop):
        publish(TOPIC, number=1)

    run_relay(listener)

    assert seen == ["Ours"]


@pytest.mark.django_db(transaction=True)
def test_each_subscriber_receives_its_topics_once(shop):
    everything = Listener(name="everything", topics=frozenset({TOPIC, "test.other"}))
    other, nothing = Listener(name="other", topics=frozenset({"test.other"})), Listener(topics=())
    with tenant_scope(shop):
        publish(TOPIC, number=1)
        publish("test.other", number=2)
        publish("test.unheard", number=3)

    for _ in range(2):
        run_relay(everything, other, nothing)

    assert (everything.numbers, other.numbers, nothing.numbers) == ([1, 2], [2], [])
    assert [each.status for each in deliveries()] == ["delivered"] * 3
    assert undispatched() == 0


@pytest.mark.django_db(transaction=True)
def test_recipients_of_a_subscriber_are_retried_separately(shop):
    class Several(Listener):
        name = "several"

        def recipients(self, events):
            for event in events:
                yield event, "several/a"
                yield event, "several/b"

    several = Several(answers=[ConnectionRefusedError(111, "refused")])
    with tenant_scope(shop):
        publish(TOPIC, number=1)

    run_relay(several)

    assert {each.subscriber: each.status for each in deliveries()} == {
        "several/a": "waiting",
        "several/b": "delivered",
    }
    assert several.numbers == [1]


@pytest.mark.django_db(transaction=True)
def test_several_batches_are_delivered_in_order(shop, monkeypatch):
    monkeypatch.setattr("tenants.events.delivery.queue.BATCH", 3)
    with tenant_scope(shop):
        for number in range(10):
            publish(TOPIC, number=number)
    listener = Listener()

    run_relay(listener)

    assert listener.numbers == list(range(10))
