"""`manage.py relay` as processes that are stopped, killed and disconnected."""

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
from tests.support.relay_process import Process, run_relays, until

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def notes_file(tmp_path):
    return tmp_path / "notes"


@pytest.fixture
def publish_events(shop):
    def publish_numbers(*numbers, about=None):
        with tenant_scope(shop):
            for number in numbers:
                publish(TOPIC, about=about, number=number)

    return publish_numbers


def all_delivered(count):
    with across_tenants():
        return OutboxDelivery.objects.filter(status="delivered").count() == count


@pytest.mark.slow
@pytest.mark.once
def test_once_option_delivers_and_exits(publish_events, notes_file):
    publish_events(1, 2, 3)

    relay = Process(notes_file, "--once")

    assert relay.popen.wait(60) == 0, relay.log.read_text()
    assert relay.notes == ["1", "2", "3"]
    lines = [json.loads(line) for line in relay.log.read_text().splitlines()]
    assert [line["event"] for line in lines] == ["relay_started", "relay_stopped"]
    assert lines[0]["subscribers"] == ["notebook"]


@pytest.mark.once
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
@pytest.mark.slow
def test_signal_finishes_the_current_delivery_and_starts_no_other(
    publish_events, notes_file, number
):
    publish_events(1, 2)
    with run_relays(1, notes_file, pause=0.5) as (relay,):
        relay.wait_for("began 1")

        code = relay.stop(number)

    assert code == 0
    assert relay.notes == ["began 1", "1"]
    first, waiting = deliveries()
    assert (first.status, waiting.status, waiting.attempts) == ("delivered", "waiting", 0)
    assert waiting.next_attempt_at < timezone.now(), "another relay does not wait for a lease"


@pytest.mark.slow
def test_delivery_of_a_killed_relay_is_completed_by_another(publish_events, notes_file):
    publish_events(1)
    with run_relays(1, notes_file, pause=60) as (relay,):
        relay.wait_for("began 1")
        relay.stop(signal.SIGKILL)
    begun = delivery()
    with across_tenants():  # its lease ends
        OutboxDelivery.objects.update(next_attempt_at=timezone.now())

    Process(notes_file, "--once").popen.wait(60)

    assert (begun.status, begun.attempts) == ("waiting", 1)
    assert relay.notes == ["began 1", "1"]
    assert (delivery().status, delivery().attempts) == ("delivered", 2)


@pytest.mark.once
@pytest.mark.slow
def test_relay_waits_for_new_events(publish_events, notes_file):
    with run_relays(1, notes_file) as (relay,):
        publish_events(1)
        relay.wait_for("1")
        publish_events(2)
        relay.wait_for("2")

        assert relay.stop() == 0


@pytest.mark.slow
@pytest.mark.race
@pytest.mark.postgres
def test_four_relays_deliver_two_hundred_events_once_in_order(shop, notes_file):
    subjects = [StoreFactory(tenant=shop) for _ in range(20)]
    expected = {}
    with tenant_scope(shop):
        for number in range(200):
            subject = subjects[number % 25] if number % 25 < 20 else None
            publish(TOPIC, about=subject, number=number)
            expected.setdefault(subject and subject.pk, []).append(number)

    with run_relays(4, notes_file) as several:
        until(lambda: all_delivered(200), several[0].log)
        # Before that, a signal ends a relay as it ends any process.
        until(lambda: several[0].log.read_text().count("relay_started") == 4, several[0].log)
        codes = [relay.stop() for relay in several]

    noted = [int(note) for note in several[0].notes]
    assert codes == [0] * 4
    assert sorted(noted) == list(range(200))
    assert [each.attempts for each in deliveries()] == [1] * 200
    del expected[None]
    for numbers in expected.values():
        assert [number for number in noted if number in numbers] == numbers


@pytest.mark.one_server
@pytest.mark.postgres
def test_relay_survives_lost_database_connections(publish_events, notes_file):
    """As after a restart of the database, while idle and during a delivery."""
    with run_relays(1, notes_file, pause=0.5) as (relay,):
        publish_events(1)
        until(lambda: all_delivered(1), relay.log)
        cut_connections()
        publish_events(2)
        relay.wait_for("began 2")
        cut_connections()
        until(lambda: all_delivered(2), relay.log)

        assert relay.stop() == 0

    assert relay.notes == ["began 1", "1", "began 2", "2"], "a finished delivery is not repeated"
    assert "database_away" in relay.log.read_text()


def cut_connections():
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )


@pytest.mark.slow
@pytest.mark.sqlite
def test_relay_and_shop_write_concurrently_on_sqlite(publish_events, notes_file, shop):
    with run_relays(1, notes_file) as (relay,):
        for number in range(50):
            publish_events(number)
        until(lambda: all_delivered(50), relay.log)

        assert relay.stop() == 0

    assert [int(note) for note in relay.notes] == list(range(50))
    assert "database_away" not in relay.log.read_text()


@pytest.mark.slow
@pytest.mark.sqlite
def test_idle_relay_takes_no_lock_on_sqlite(shop, notes_file):
    """While another connection holds the lock, the relay polls without waiting for it."""
    with run_relays(1, notes_file) as (relay,):
        with across_tenants():
            OutboxEvent.objects.create(tenant=shop, topic="test.unheard", subject=uuid4())
        until(lambda: not has_undispatched_events(), relay.log)
        with connection.cursor() as cursor:
            cursor.execute("BEGIN IMMEDIATE")
            time.sleep(2)
            code = relay.stop()
            cursor.execute("ROLLBACK")

    assert code == 0
    assert "database_away" not in relay.log.read_text()


def has_undispatched_events():
    with across_tenants():
        return OutboxEvent.objects.undispatched().exists()
