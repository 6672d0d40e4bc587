"""`manage.py relay` as it really runs: processes that are stopped, killed and cut off."""

import json
import signal
import time
from uuid import uuid4

import pytest
from django.db import connection
from django.utils import timezone

from tenants.events.outbox import publish
from tenants.models import OutboxDelivery, OutboxEvent
from tenants.scope import across_tenants, tenant_scope
from tests.factories.tenants import StoreFactory
from tests.support.relay import TOPIC, deliveries, delivery
from tests.support.relay_process import Process, relays, until

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def book(tmp_path):
    return tmp_path / "notes"


@pytest.fixture
def told(shop):
    def tell(*numbers, about=None):
        with tenant_scope(shop):
            for number in numbers:
                publish(TOPIC, about=about, number=number)

    return tell


def all_delivered(count):
    with across_tenants():
        return OutboxDelivery.objects.filter(status="delivered").count() == count


@pytest.mark.once
def test_once_tells_what_there_is_and_ends(told, book):
    told(1, 2, 3)

    relay = Process(book, "--once")

    assert relay.popen.wait(60) == 0, relay.log.read_text()
    assert relay.notes == ["1", "2", "3"]
    lines = [json.loads(line) for line in relay.log.read_text().splitlines()]
    assert [line["event"] for line in lines] == ["relay_started", "relay_stopped"]
    assert lines[0]["subscribers"] == ["notebook"]


@pytest.mark.once
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_lets_the_delivery_under_way_arrive_and_begins_no_other(told, book, number):
    told(1, 2)
    with relays(1, book, pause=0.5) as (relay,):
        relay.wait_for("began 1")

        code = relay.stop(number)

    assert code == 0
    assert relay.notes == ["began 1", "1"]
    first, waiting = deliveries()
    assert (first.status, waiting.status, waiting.attempts) == ("delivered", "waiting", 0)
    assert waiting.next_attempt_at < timezone.now(), "another relay need not wait for a lease"


def test_what_a_killed_relay_had_begun_another_one_delivers(told, book):
    told(1)
    with relays(1, book, pause=60) as (relay,):
        relay.wait_for("began 1")
        relay.stop(signal.SIGKILL)
    begun = delivery()
    with across_tenants():  # its lease ends
        OutboxDelivery.objects.update(next_attempt_at=timezone.now())

    Process(book, "--once").popen.wait(60)

    assert (begun.status, begun.attempts) == ("waiting", 1)
    assert relay.notes == ["began 1", "1"]
    assert (delivery().status, delivery().attempts) == ("delivered", 2)


@pytest.mark.once
def test_a_relay_waits_for_what_comes(told, book):
    with relays(1, book) as (relay,):
        told(1)
        relay.wait_for("1")
        told(2)
        relay.wait_for("2")

        assert relay.stop() == 0


@pytest.mark.race
@pytest.mark.postgres
def test_four_relays_tell_two_hundred_events_once_each_and_in_order(shop, book):
    subjects = [StoreFactory(tenant=shop) for _ in range(20)]
    expected = {}
    with tenant_scope(shop):
        for number in range(200):
            subject = subjects[number % 25] if number % 25 < 20 else None
            publish(TOPIC, about=subject, number=number)
            expected.setdefault(subject and subject.pk, []).append(number)

    with relays(4, book) as several:
        until(lambda: all_delivered(200), several[0].log)
        codes = [relay.stop() for relay in several]

    noted = [int(note) for note in several[0].notes]
    assert codes == [0] * 4
    assert sorted(noted) == list(range(200))
    assert [each.attempts for each in deliveries()] == [1] * 200
    del expected[None]
    for numbers in expected.values():
        assert [number for number in noted if number in numbers] == numbers


@pytest.mark.postgres
def test_a_relay_outlives_its_connections(told, book):
    """As when the database is restarted: idle, and in the middle of a delivery."""
    with relays(1, book, pause=0.5) as (relay,):
        told(1)
        until(lambda: all_delivered(1), relay.log)
        cut_connections()
        told(2)
        relay.wait_for("began 2")
        cut_connections()
        until(lambda: all_delivered(2), relay.log)

        assert relay.stop() == 0

    assert relay.notes == ["began 1", "1", "began 2", "2"], "what arrived is not told again"
    assert "database_away" in relay.log.read_text()


def cut_connections():
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )


@pytest.mark.sqlite
def test_on_sqlite_relay_and_shop_write_side_by_side(told, book, shop):
    with relays(1, book) as (relay,):
        for number in range(50):
            told(number)
        until(lambda: all_delivered(50), relay.log)

        assert relay.stop() == 0

    assert [int(note) for note in relay.notes] == list(range(50))
    assert "database_away" not in relay.log.read_text()


@pytest.mark.sqlite
def test_on_sqlite_an_idle_relay_takes_no_lock(shop, book):
    """While somebody else holds it, it looks for something to do and does not wait."""
    with relays(1, book) as (relay,):
        with across_tenants():
            OutboxEvent.objects.create(tenant=shop, topic="test.unheard", subject=uuid4())
        until(lambda: not untold_left(), relay.log)
        with connection.cursor() as cursor:
            cursor.execute("BEGIN IMMEDIATE")
            time.sleep(2)
            code = relay.stop()
            cursor.execute("ROLLBACK")

    assert code == 0
    assert "database_away" not in relay.log.read_text()


def untold_left():
    with across_tenants():
        return OutboxEvent.objects.undispatched().exists()
