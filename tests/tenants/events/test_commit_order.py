"""Positions in the change feed follow the commits, so no change appears behind a reader."""

from threading import Barrier, Event

import pytest
from django.db import transaction

from tenants.events.change_feed import PositionAssignment, assign_positions, read_changes
from tenants.events.outbox import publish
from tenants.models import ChangeFeed, OutboxEvent, Store
from tenants.scope import across_tenants, atomic_with_retry, tenant_scope
from tests.factories.tenants import StoreFactory
from tests.support.parallel import run_concurrently
from tests.support.relay import TOPIC, run_relay

WRITERS, EVENTS_EACH = 20, 5


def read(shop, after, limit=50):
    with tenant_scope(shop):
        page = read_changes(after, limit=limit, narrowed=lambda events: events)
        found = OutboxEvent.objects.in_bulk([event.pk for event in page.results])
        return [found[event.pk].data["number"] for event in page.results], page


@pytest.mark.postgres
@pytest.mark.race
@pytest.mark.django_db(transaction=True)
def test_later_commit_gets_the_later_position(shop, store):
    published, may_commit = Event(), Event()

    def slow():
        with tenant_scope(shop):
            publish(TOPIC, about=store, number=1)
            published.set()
            assert may_commit.wait(30)

    def quick_then_reader():
        assert published.wait(30)
        with tenant_scope(shop):
            publish(TOPIC, about=store, number=2)
        before = read(shop, 0)
        may_commit.set()
        return before

    _, (before, page) = run_concurrently([slow, quick_then_reader])
    after, _ = read(shop, page.after)

    assert (before, after) == ([2], [1])
    with across_tenants():
        first, second = OutboxEvent.objects.order_by("pk")
    assert first.created_at < second.created_at
    assert first.position > second.position


@pytest.mark.race
@pytest.mark.django_db(transaction=True)
def test_reader_sees_every_event_of_twenty_writers_once(shop, store):
    done = Barrier(WRITERS + 1)

    def write(writer):
        for number in range(EVENTS_EACH):
            with tenant_scope(shop), transaction.atomic():
                publish(TOPIC, about=store, number=writer * EVENTS_EACH + number)
        done.wait(60)

    def keep_reading():
        seen, positions, after = [], [], 0
        while True:
            is_last = done.n_waiting == WRITERS
            numbers, page = read(shop, after, limit=7)
            seen += numbers
            positions += [event.position for event in page.results]
            after = page.after
            if is_last and not page.has_more and not numbers:
                done.wait(60)
                return seen, positions

    *_, (seen, positions) = run_concurrently(
        [*(lambda writer=writer: write(writer) for writer in range(WRITERS)), keep_reading]
    )

    assert sorted(seen) == list(range(WRITERS * EVENTS_EACH))
    assert positions == list(range(1, WRITERS * EVENTS_EACH + 1))


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
def test_numbering_does_not_block_writers(shop, store):
    with tenant_scope(shop):
        publish(TOPIC, about=store, number=1)
        assign_positions()
        (outcome,) = run_concurrently([lambda: write_another(shop, store)])

    assert outcome is None
    assert read(shop, 0)[0] == [1, 2]


def write_another(shop, store):
    with tenant_scope(shop), transaction.atomic():
        publish(TOPIC, about=store, number=2)


def test_rolled_back_event_leaves_no_gap(in_shop, store):
    @atomic_with_retry
    def open_store():
        publish(TOPIC, about=Store.objects.create(name="Never"), number=1)
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        open_store()
    publish(TOPIC, about=store, number=2)

    assert [event.position for event in read(in_shop, 0)[1].results] == [1]


def test_event_without_an_object_has_no_position(in_shop, store):
    publish(TOPIC, number=1)
    publish(TOPIC, about=store, number=2)

    numbers, page = read(in_shop, 0)

    assert (numbers, page.after) == ([2], 1)
    assert OutboxEvent.objects.get(position=None).data == {"number": 1}


def test_several_batches_are_numbered_in_order(in_shop, store, monkeypatch):
    monkeypatch.setattr("tenants.events.change_feed.BATCH", 3)
    for number in range(7):
        publish(TOPIC, about=store, number=number)

    seen, after, more = [], 0, True
    while more:
        numbers, page = read(in_shop, after, limit=2)
        seen, after, more = seen + numbers, page.after, page.has_more

    assert seen == list(range(7))


def test_event_numbered_during_a_read_is_on_the_next_page(in_shop, store):
    """The page being read ends before it: on both pages the event would be returned twice."""
    publish(TOPIC, about=store, number=1)

    def publish_during_read(events):
        publish(TOPIC, about=store, number=2)
        assign_positions()
        return events

    page = read_changes(0, limit=50, narrowed=publish_during_read)

    assert ([event.position for event in page.results], page.after) == ([1], 1)
    assert [event.position for event in read(in_shop, page.after)[1].results] == [2]


def test_relay_numbers_events_per_shop(shop, other_shop, store):
    foreign_store = StoreFactory(tenant=other_shop)
    for tenant, about in ((shop, store), (other_shop, foreign_store)):
        with tenant_scope(tenant):
            publish(TOPIC, about=about, number=1)

    run_relay(jobs=[PositionAssignment()])

    with across_tenants():
        assert set(OutboxEvent.objects.values_list("tenant", "position")) == {
            (shop.pk, 1),
            (other_shop.pk, 1),
        }
        assert set(ChangeFeed.objects.values_list("tenant", "last")) == {
            (shop.pk, 1),
            (other_shop.pk, 1),
        }
