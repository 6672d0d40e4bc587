"""What does not arrive is tried again, later and later, and at last given up."""

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
def told(shop):
    """`told(1, 2, about=store)`: so many events, one after the other."""

    def tell(*numbers, about=None):
        with tenant_scope(shop):
            for number in numbers:
                publish(TOPIC, about=about, number=number)

    return tell


@pytest.fixture
def clock():
    with time_machine.travel(timezone.now(), tick=False) as traveller:
        yield traveller


def test_what_fails_is_tried_again_after_a_while_and_not_before(told, clock):
    told(1)
    listener = Listener(answers=[REFUSED])

    run_relay(listener)
    failed = delivery()
    run_relay(listener)
    again_too_early = len(listener.shops)
    clock.shift(timedelta(seconds=6.1))
    run_relay(listener)

    assert (failed.status, failed.attempts) == ("waiting", 1)
    assert failed.last_error == "ConnectionRefusedError: Connection refused"
    assert (again_too_early, listener.numbers) == (1, [1])
    done = delivery()
    assert (done.status, done.attempts, done.last_error) == ("delivered", 2, "")
    assert done.delivered_at == timezone.now()


def test_it_is_tried_for_about_three_days_less_and_less_often_and_then_given_up(told, clock):
    told(1)
    listener = Listener(answers=[REFUSED] * 100)
    began, pauses = timezone.now(), []

    while (waiting := next(iter(deliveries(status="waiting")), None)) or not deliveries():
        if waiting:
            pauses.append(waiting.next_attempt_at - timezone.now())
            clock.move_to(waiting.next_attempt_at)
        run_relay(listener)

    dead = delivery()
    assert (dead.status, dead.attempts, len(listener.shops)) == ("dead", *[MAX_ATTEMPTS] * 2)
    assert timedelta(days=2.3) < timezone.now() - began < timedelta(days=3.5)
    assert len(pauses) == MAX_ATTEMPTS - 1
    assert pauses[:8] == sorted(pauses[:8])
    assert max(pauses) <= MAX_PAUSE * 1.2


def test_pauses_of_what_failed_together_differ():
    assert len({retry_delay(3) for _ in range(20)}) > 10
    assert retry_delay(1000) <= MAX_PAUSE * 1.2


def test_what_can_never_arrive_is_given_up_at_once(told):
    told(1)

    run_relay(Listener(answers=[PermanentFailure("They have moved.")]))

    dead = delivery()
    assert (dead.status, dead.attempts, dead.last_error) == ("dead", 1, "They have moved.")


@pytest.mark.parametrize(
    ("error", "kept"),
    [
        (DeliveryFailed("Answered 503."), "Answered 503."),
        (DeliveryFailed("x" * 600), "x" * 500),
        (ValueError("password=hunter2"), "ValueError"),
        (TimeoutError("https://user:hunter2@hook.example timed out"), "TimeoutError"),
        (SMTPAuthenticationError(535, b"hunter2"), "SMTPAuthenticationError 535"),
    ],
)
def test_an_error_is_kept_without_what_may_be_a_secret(told, error, kept, caplog):
    told(1)

    run_relay(Listener(answers=[error]))

    assert delivery().last_error == kept


def test_one_who_fails_holds_nobody_else_up(told):
    told(1, 2)
    broken, well = Listener(name="broken", answers=[REFUSED] * 9), Listener(name="well")

    run_relay(broken, well)

    assert (broken.numbers, well.numbers) == ([], [1, 2])


def test_who_fails_three_times_in_a_row_is_left_alone_for_a_while(told):
    told(*range(10))
    away, well = Listener(name="away", answers=[REFUSED] * 100), Listener(name="well")

    relay = run_relay(away, well)

    assert (len(away.shops), well.numbers) == (3, list(range(10)))
    assert relay.circuit_breaker.open_circuits == ["away"]
    assert len(deliveries(subscriber="away", attempts=0)) == 7


def test_a_success_in_between_is_forgiven(told):
    told(*range(6))
    shaky = Listener(answers=[REFUSED, REFUSED, None, REFUSED, REFUSED, None])

    assert run_relay(shaky).circuit_breaker.open_circuits == []
    assert len(shaky.shops) == 6


# --- in order ------------------------------------------------------------------------------------


def test_of_one_subject_nothing_is_told_before_what_came_earlier(told, shop, clock):
    first, second = StoreFactory(tenant=shop), StoreFactory(tenant=shop)
    told(1, 2, about=first)
    told(3, about=second)
    told(4)
    listener = Listener(answers=[REFUSED])

    run_relay(listener)
    meanwhile = list(listener.numbers)
    clock.shift(timedelta(seconds=6.1))
    run_relay(listener)

    assert meanwhile == [3, 4]
    assert listener.numbers == [3, 4, 1, 2]


def test_but_not_after_it_was_given_up(told, store):
    told(1, 2, about=store)
    listener = Listener(answers=[PermanentFailure("Never.")])

    run_relay(listener)

    assert listener.numbers == [2]


def test_nor_for_another_subscriber_or_where_order_means_nothing(told, store):
    told(1, 2, about=store)
    broken = Listener(name="broken", answers=[REFUSED] * 9)
    well = Listener(name="well")
    loose = Listener(name="loose", in_order=False, answers=[REFUSED])

    run_relay(broken, well, loose)

    assert (broken.numbers, well.numbers, loose.numbers) == ([], [1, 2], [2])


def test_an_event_waits_for_an_earlier_one_that_nobody_was_told_of_yet(told, store):
    """As when two relays make deliveries at once, and those of the later events are first."""
    told(1, 2, about=store)
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


# --- when a relay dies ---------------------------------------------------------------------------


def test_what_a_dead_relay_had_begun_is_told_after_its_lease(told, clock):
    told(1)
    listener = Listener(answers=[KeyboardInterrupt()])
    with pytest.raises(KeyboardInterrupt):
        run_relay(listener)
    begun = delivery()
    run_relay(listener)
    too_early = list(listener.numbers)

    clock.shift(LEASE)
    run_relay(listener)

    assert (begun.status, begun.attempts) == ("waiting", 1)
    assert (too_early, listener.numbers, delivery().attempts) == ([], [1], 2)


def test_what_kills_every_relay_is_given_up_too(told, clock):
    told(1)
    listener = Listener(answers=[KeyboardInterrupt()] * 100)
    for _ in range(MAX_ATTEMPTS):
        with pytest.raises(KeyboardInterrupt):
            run_relay(listener)
        clock.shift(LEASE)

    run_relay(listener)

    assert (delivery().status, len(listener.shops)) == ("dead", MAX_ATTEMPTS)
    assert delivery().last_error == "The relay crashed in every attempt."


def test_a_relay_that_slept_through_its_lease_does_not_write_over_the_next_one(told, clock):
    told(1)

    def sleep():
        clock.shift(LEASE)
        run_relay(Listener())

    run_relay(Listener(answers=[sleep, ValueError("too late")]))

    assert (delivery().status, delivery().attempts) == ("delivered", 2)


@pytest.mark.parametrize("outcome", [None, ValueError("too late"), PermanentFailure("never")])
def test_a_relay_after_its_lease_writes_nothing_while_the_next_one_still_works(
    outcome, told, clock
):
    told(1)
    begun = []

    def sleep():
        clock.shift(LEASE)
        begun.extend(queue.claim())
        begun.append(kept(delivery()))
        if outcome:
            raise outcome

    run_relay(Listener(answers=[sleep]))

    (of_next, before) = begun
    assert kept(delivery()) == before
    assert (before["status"], before["attempts"]) == ("waiting", 2)
    assert before["next_attempt_at"] == timezone.now() + LEASE
    assert queue.claim() == [], "the next one has it until its own lease ends"
    assert queue.save_result(of_next, None)
    assert delivery().status == "delivered"


@pytest.mark.parametrize("next_is", ["working", "done"])
def test_a_relay_after_its_lease_delivers_nothing_more_of_what_it_claimed(next_is, told, clock):
    """It has claimed three at once, and wakes up in the first of them."""
    told(1, 2, 3)
    of_next, late = Listener(), Listener()

    def sleep():
        clock.shift(LEASE)
        if next_is == "done":
            run_relay(of_next)
        else:
            late.heard.extend([{"number": "claimed"}] * len(queue.claim()))

    late.answers = [sleep]
    run_relay(late)

    if next_is == "done":
        assert (of_next.numbers, late.numbers) == ([1, 2, 3], [1])
        assert {(each.status, each.attempts) for each in deliveries()} == {("delivered", 2)}
    else:
        assert late.numbers == ["claimed"] * 3 + [1]
        leases = {(each.status, each.attempts, each.next_attempt_at) for each in deliveries()}
        assert leases == {("waiting", 2, timezone.now() + LEASE)}


def test_what_a_late_relay_puts_back_stays_with_the_next_one(told, clock):
    told(1, 2)
    queue.create_deliveries([Listener()])
    late = queue.claim()
    clock.shift(LEASE)
    of_next = queue.claim()
    before = [kept(each) for each in deliveries()]

    queue.release(late)

    assert [kept(each) for each in deliveries()] == before
    assert [queue.save_result(each, None) for each in of_next] == [True, True]


def kept(row):
    """Every column of it."""
    return {field.attname: getattr(row, field.attname) for field in row._meta.concrete_fields}


def test_a_delivery_of_another_release_waits_for_a_relay_that_knows_its_subscriber(told, clock):
    told(1)
    newer = Listener(name="newer")
    queue.create_deliveries([newer])

    run_relay(Listener(name="older"))
    waiting = delivery()
    clock.shift(timedelta(seconds=6.1))
    run_relay(newer)

    assert waiting.status == "waiting"
    assert waiting.last_error == "This relay does not have the subscriber."
    assert newer.numbers == [1]


# --- jobs ----------------------------------------------------------------------------------------


def test_a_job_goes_on_while_there_is_something_to_do():
    job = Counter(True, True, False, True)

    run_relay(jobs=[job])

    assert job.done == 3


def test_a_job_that_fails_is_left_alone_for_a_while_and_stops_nothing(told):
    told(1)
    broken, well, listener = Counter(ValueError("mistake")), Counter(True), Listener()
    broken.name = "broken"

    run_relay(listener, jobs=[broken, well])

    assert (broken.done, well.done, listener.numbers) == (1, 2, [1])
