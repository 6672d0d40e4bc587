"""Failed deliveries are retried with growing pauses and finally given up."""

from datetime import timedelta
from smtplib import SMTPAuthenticationError

import pytest
import time_machine
from django.utils import timezone

from tenants.events.delivery import DeliveryFailed, PermanentFailure, queue, retry_delay
from tenants.events.delivery.backoff import LEASE, MAX_ATTEMPTS, MAX_PAUSE
from tenants.events.outbox import publish
from tenants.models import OutboxDelivery, OutboxEvent
from tenants.scope import across_tenants, tenant_scope
from tests.factories.tenants import StoreFactory
from tests.support.relay import TOPIC, Counter, Listener, deliveries, delivery, run_relay

pytestmark = pytest.mark.django_db
REFUSED = ConnectionRefusedError(111, "Connection refused")


@pytest.fixture
def publish_events(shop):
    """Return a function that publishes one event per number."""

    def publish_numbers(*numbers, about=None):
        with tenant_scope(shop):
            for number in numbers:
                publish(TOPIC, about=about, number=number)

    return publish_numbers


@pytest.fixture
def clock():
    with time_machine.travel(timezone.now(), tick=False) as traveller:
        yield traveller


def test_failed_delivery_is_retried_after_a_pause(publish_events, clock):
    publish_events(1)
    listener = Listener(answers=[REFUSED])

    run_relay(listener)
    failed = delivery()
    run_relay(listener)
    early_attempts = len(listener.shops)
    clock.shift(timedelta(seconds=6.1))
    run_relay(listener)

    assert (failed.status, failed.attempts) == ("waiting", 1)
    assert failed.last_error == "ConnectionRefusedError: Connection refused"
    assert (early_attempts, listener.numbers) == (1, [1])
    done = delivery()
    assert (done.status, done.attempts, done.last_error) == ("delivered", 2, "")
    assert done.delivered_at == timezone.now()


def test_delivery_is_retried_for_about_three_days_with_growing_pauses(publish_events, clock):
    publish_events(1)
    listener = Listener(answers=[REFUSED] * 100)
    start, pauses = timezone.now(), []

    while (waiting := next(iter(deliveries(status="waiting")), None)) or not deliveries():
        if waiting:
            pauses.append(waiting.next_attempt_at - timezone.now())
            clock.move_to(waiting.next_attempt_at)
        run_relay(listener)

    dead = delivery()
    assert (dead.status, dead.attempts, len(listener.shops)) == ("dead", *[MAX_ATTEMPTS] * 2)
    assert timedelta(days=2.3) < timezone.now() - start < timedelta(days=3.5)
    assert len(pauses) == MAX_ATTEMPTS - 1
    assert pauses[:8] == sorted(pauses[:8])
    assert max(pauses) <= MAX_PAUSE * 1.2


def test_retry_pauses_are_randomized():
    assert len({retry_delay(3) for _ in range(20)}) > 10
    assert retry_delay(1000) <= MAX_PAUSE * 1.2


def test_permanent_failure_is_given_up_immediately(publish_events):
    publish_events(1)

    run_relay(Listener(answers=[PermanentFailure("They have moved.")]))

    dead = delivery()
    assert (dead.status, dead.attempts, dead.last_error) == ("dead", 1, "They have moved.")


@pytest.mark.parametrize(
    ("error", "read_columns"),
    [
        (DeliveryFailed("Answered 503."), "Answered 503."),
        (DeliveryFailed("x" * 600), "x" * 500),
        (ValueError("password=hunter2"), "ValueError"),
        (TimeoutError("https://user:hunter2@hook.example timed out"), "TimeoutError"),
        (SMTPAuthenticationError(535, b"hunter2"), "SMTPAuthenticationError 535"),
    ],
)
def test_stored_error_contains_no_secrets(publish_events, error, read_columns, caplog):
    publish_events(1)

    run_relay(Listener(answers=[error]))

    assert delivery().last_error == read_columns


def test_failing_subscriber_does_not_delay_others(publish_events):
    publish_events(1, 2)
    broken, healthy = Listener(name="broken", answers=[REFUSED] * 9), Listener(name="well")

    run_relay(broken, healthy)

    assert (broken.numbers, healthy.numbers) == ([], [1, 2])


def test_circuit_opens_after_three_failures_in_a_row(publish_events):
    publish_events(*range(10))
    failing, healthy = Listener(name="away", answers=[REFUSED] * 100), Listener(name="well")

    relay = run_relay(failing, healthy)

    assert (len(failing.shops), healthy.numbers) == (3, list(range(10)))
    assert relay.circuit_breaker.open_circuits == ["away"]
    assert len(deliveries(subscriber="away", attempts=0)) == 7


def test_success_between_failures_keeps_the_circuit_closed(publish_events):
    publish_events(*range(6))
    unreliable = Listener(answers=[REFUSED, REFUSED, None, REFUSED, REFUSED, None])

    assert run_relay(unreliable).circuit_breaker.open_circuits == []
    assert len(unreliable.shops) == 6


# --- in order ----------------------------------------------------------------------------------


def test_events_of_one_object_are_delivered_in_order(publish_events, shop, clock):
    first, second = StoreFactory(tenant=shop), StoreFactory(tenant=shop)
    publish_events(1, 2, about=first)
    publish_events(3, about=second)
    publish_events(4)
    listener = Listener(answers=[REFUSED])

    run_relay(listener)
    numbers_before_retry = list(listener.numbers)
    clock.shift(timedelta(seconds=6.1))
    run_relay(listener)

    assert numbers_before_retry == [3, 4]
    assert listener.numbers == [3, 4, 1, 2]


def test_order_ignores_deliveries_that_were_given_up(publish_events, store):
    publish_events(1, 2, about=store)
    listener = Listener(answers=[PermanentFailure("Never.")])

    run_relay(listener)

    assert listener.numbers == [2]


def test_order_is_per_subscriber_and_optional(publish_events, store):
    publish_events(1, 2, about=store)
    broken = Listener(name="broken", answers=[REFUSED] * 9)
    healthy = Listener(name="well")
    unordered = Listener(name="loose", in_order=False, answers=[REFUSED])

    run_relay(broken, healthy, unordered)

    assert (broken.numbers, healthy.numbers, unordered.numbers) == ([], [1, 2], [2])


def test_event_waits_for_an_earlier_undispatched_one(publish_events, store):
    """Two relays may create deliveries at the same time, with the later event first."""
    publish_events(1, 2, about=store)
    with across_tenants():
        _, second = OutboxEvent.objects.undispatched()
        OutboxDelivery.objects.create(
            tenant=second.tenant, event=second, subscriber="listener", subject=second.subject
        )
        OutboxEvent.objects.filter(pk=second.pk).update(relayed_at=timezone.now())
    listener = Listener()

    assert queue.claim() == []
    run_relay(listener)

    assert listener.numbers == [1, 2]


# --- relay crashes -----------------------------------------------------------------------------


def test_delivery_of_a_crashed_relay_is_repeated_after_its_lease(publish_events, clock):
    publish_events(1)
    listener = Listener(answers=[KeyboardInterrupt()])
    with pytest.raises(KeyboardInterrupt):
        run_relay(listener)
    claimed = delivery()
    run_relay(listener)
    numbers_before_lease_end = list(listener.numbers)

    clock.shift(LEASE)
    run_relay(listener)

    assert (claimed.status, claimed.attempts) == ("waiting", 1)
    assert (numbers_before_lease_end, listener.numbers, delivery().attempts) == ([], [1], 2)


def test_delivery_that_crashes_every_relay_is_given_up(publish_events, clock):
    publish_events(1)
    listener = Listener(answers=[KeyboardInterrupt()] * 100)
    for _ in range(MAX_ATTEMPTS):
        with pytest.raises(KeyboardInterrupt):
            run_relay(listener)
        clock.shift(LEASE)

    run_relay(listener)

    assert (delivery().status, len(listener.shops)) == ("dead", MAX_ATTEMPTS)
    assert delivery().last_error == "The relay crashed in every attempt."


def test_relay_after_its_lease_does_not_overwrite_a_finished_delivery(publish_events, clock):
    publish_events(1)

    def sleep():
        clock.shift(LEASE)
        run_relay(Listener())

    run_relay(Listener(answers=[sleep, ValueError("too late")]))

    assert (delivery().status, delivery().attempts) == ("delivered", 2)


@pytest.mark.parametrize("outcome", [None, ValueError("too late"), PermanentFailure("never")])
def test_relay_after_its_lease_does_not_overwrite_a_running_delivery(
    outcome, publish_events, clock
):
    publish_events(1)
    claimed = []

    def sleep():
        clock.shift(LEASE)
        claimed.extend(queue.claim())
        claimed.append(read_columns(delivery()))
        if outcome:
            raise outcome

    run_relay(Listener(answers=[sleep]))

    (next_claim, before) = claimed
    assert read_columns(delivery()) == before
    assert (before["status"], before["attempts"]) == ("waiting", 2)
    assert before["next_attempt_at"] == timezone.now() + LEASE
    assert queue.claim() == [], "the next relay holds the lease"
    assert queue.save_result(next_claim, None)
    assert delivery().status == "delivered"


@pytest.mark.parametrize("next_is", ["working", "done"])
def test_relay_after_its_lease_delivers_no_further_claimed_events(next_is, publish_events, clock):
    """The relay claimed three deliveries and sleeps during the first."""
    publish_events(1, 2, 3)
    next_claim, late = Listener(), Listener()

    def sleep():
        clock.shift(LEASE)
        if next_is == "done":
            run_relay(next_claim)
        else:
            late.received.extend([{"number": "claimed"}] * len(queue.claim()))

    late.answers = [sleep]
    run_relay(late)

    if next_is == "done":
        assert (next_claim.numbers, late.numbers) == ([1, 2, 3], [1])
        assert {(each.status, each.attempts) for each in deliveries()} == {("delivered", 2)}
    else:
        assert late.numbers == ["claimed"] * 3 + [1]
        leases = {(each.status, each.attempts, each.next_attempt_at) for each in deliveries()}
        assert leases == {("waiting", 2, timezone.now() + LEASE)}


def test_late_release_does_not_affect_the_next_relay(publish_events, clock):
    publish_events(1, 2)
    queue.create_deliveries([Listener()])
    late = queue.claim()
    clock.shift(LEASE)
    next_claim = queue.claim()
    before = [read_columns(each) for each in deliveries()]

    queue.release(late)

    assert [read_columns(each) for each in deliveries()] == before
    assert [queue.save_result(each, None) for each in next_claim] == [True, True]


def read_columns(row):
    """Return all columns of the row."""
    return {field.attname: getattr(row, field.attname) for field in row._meta.concrete_fields}


def test_delivery_with_an_unknown_subscriber_waits_for_a_newer_relay(publish_events, clock):
    publish_events(1)
    newer = Listener(name="newer")
    queue.create_deliveries([newer])

    run_relay(Listener(name="older"))
    waiting = delivery()
    clock.shift(timedelta(seconds=6.1))
    run_relay(newer)

    assert waiting.status == "waiting"
    assert waiting.last_error == "This relay does not have the subscriber."
    assert newer.numbers == [1]


# --- jobs --------------------------------------------------------------------------------------


def test_job_repeats_while_it_has_work():
    job = Counter(True, True, False, True)

    run_relay(jobs=[job])

    assert job.done == 3


def test_failing_job_is_paused_and_does_not_stop_others(publish_events):
    publish_events(1)
    broken, healthy, listener = Counter(ValueError("mistake")), Counter(True), Listener()
    broken.name = "broken"

    run_relay(listener, jobs=[broken, healthy])

    assert (broken.done, healthy.done, listener.numbers) == (1, 2, [1])
