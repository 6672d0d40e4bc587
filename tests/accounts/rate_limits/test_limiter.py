"""Count attempts in the database, in Redis and in both."""

from concurrent.futures import ThreadPoolExecutor

import pytest
import time_machine
from django.db import OperationalError, connection, transaction
from django_redis import get_redis_connection
from psycopg.pq import TransactionStatus

from accounts.exceptions import TooManyAttempts
from accounts.models import Throttle
from accounts.security.rate_limits.algorithm import State
from accounts.security.rate_limits.limiter import (
    Backoff,
    Bucket,
    Window,
    count_attempt,
    reset_attempts,
    stores,
)
from accounts.security.rate_limits.redis_store import FallbackStore, RedisCounterStore
from accounts.security.rate_limits.stores import DatabaseCounterStore
from accounts.services.pruning import prune
from tenants.database.postgres import pipeline
from tenants.database.postgres.pipeline import PipelineFailed
from tests.support.parallel import run_concurrently, run_times
from tests.support.rate_limits import count_in_redis
from tests.support.token_refresh import MORNING

GUESSES = Backoff("guesses", free_attempts=5, max_wait=60.0, lifetime=600.0)
CALLS = Window("calls", limit=5, seconds=60.0)
STORES = {
    "database": DatabaseCounterStore,
    "messages": DatabaseCounterStore,
    "redis": RedisCounterStore,
    "both": lambda: FallbackStore(RedisCounterStore(), DatabaseCounterStore()),
}

pytestmark = pytest.mark.django_db
needs_redis = pytest.mark.redis
# Two messages to PostgreSQL, which need a transaction of their own.
in_messages = [pytest.mark.postgres, pytest.mark.django_db(transaction=True)]


@pytest.fixture(
    params=[
        "database",
        pytest.param("messages", marks=in_messages),
        *(pytest.param(name, marks=needs_redis) for name in ("redis", "both")),
    ]
)
def counter_store(request, monkeypatch, settings):
    """Use each counter store in turn."""
    if request.param in {"redis", "both"}:
        count_in_redis(request.getfixturevalue("redis_url"), settings, monkeypatch)
    if request.param == "messages":
        monkeypatch.setattr(DatabaseCounterStore, "_changed", None)
    store = STORES[request.param]()
    monkeypatch.setattr(stores, "store", lambda: store)


def guess_bucket(who="c1"):
    return Bucket(GUESSES, ("green", who))


def call_bucket(where="192.0.2.7"):
    return Bucket(CALLS, (where,))


def try_and_wait(*claims):
    """Count an attempt and return the seconds to wait, or 0 if it was free."""
    try:
        count_attempt(claims)
    except TooManyAttempts as refusal:
        return refusal.facts["retry_after"]
    return 0


def try_times(count, *claims):
    return [try_and_wait(*claims) for _ in range(count)]


@pytest.fixture
def _stopped_clock():
    with time_machine.travel(MORNING, tick=False):
        yield


# --- same in every store -----------------------------------------------------------------------


@pytest.mark.usefixtures("counter_store", "_stopped_clock")
@pytest.mark.parametrize(("claim", "wait"), [(guess_bucket(), 2), (call_bucket(), 60)])
def test_attempts_above_the_free_ones_wait(claim, wait):
    assert try_times(8, claim) == [0, 0, 0, 0, 0, wait, wait, wait]


@pytest.mark.usefixtures("counter_store")
def test_one_attempt_is_free_after_the_wait():
    with time_machine.travel(MORNING, tick=False) as clock:
        try_times(6, guess_bucket())
        clock.shift(2)

        assert try_times(2, guess_bucket()) == [0, 4]


@pytest.mark.usefixtures("counter_store")
def test_wait_is_rounded_up_to_whole_seconds():
    with time_machine.travel(MORNING, tick=False) as clock:
        try_times(5, guess_bucket())
        clock.shift(0.25)
        wait = try_and_wait(guess_bucket())
        clock.shift(wait)

        assert (wait, try_and_wait(guess_bucket())) == (2, 0)


@pytest.mark.usefixtures("counter_store")
def test_attempts_are_forgotten_after_their_lifetime():
    with time_machine.travel(MORNING, tick=False) as clock:
        try_times(5, guess_bucket())
        clock.shift(600)

        assert try_times(6, guess_bucket()) == [0, 0, 0, 0, 0, 2]


@pytest.mark.usefixtures("counter_store", "_stopped_clock")
def test_attempt_refused_by_one_rule_is_counted_under_no_rule():
    try_times(9, guess_bucket(), call_bucket())

    assert try_times(5, guess_bucket("c2"), call_bucket()) == [60] * 5
    assert try_times(6, guess_bucket("c2")) == [0, 0, 0, 0, 0, 2]


@pytest.mark.usefixtures("counter_store", "_stopped_clock")
def test_subjects_and_rules_are_counted_separately():
    try_times(6, guess_bucket("c1"))

    assert try_and_wait(guess_bucket("c2")) == 0
    assert try_and_wait(Bucket(CALLS, ("green", "c1"))) == 0
    assert try_and_wait(Bucket(GUESSES, ("green\0c1",))) > 0, "names cannot contain the separator"


@pytest.mark.usefixtures("counter_store", "_stopped_clock")
def test_forgotten_attempts_start_from_zero():
    try_times(6, guess_bucket())

    reset_attempts(forget=[guess_bucket()])

    assert try_times(6, guess_bucket()) == [0, 0, 0, 0, 0, 2]


@pytest.mark.usefixtures("counter_store", "_stopped_clock")
def test_returned_attempt_may_be_made_again():
    try_times(5, call_bucket())

    reset_attempts(forget=[guess_bucket()], give_back=[call_bucket()])

    assert try_times(2, call_bucket()) == [0, 60]


@pytest.mark.usefixtures("counter_store")
def test_resetting_uncounted_attempts_changes_nothing():
    reset_attempts(forget=[guess_bucket()], give_back=[call_bucket()])

    assert try_and_wait(guess_bucket(), call_bucket()) == 0


@pytest.mark.race
@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("counter_store", "_stopped_clock")
@pytest.mark.parametrize("claim", [guess_bucket(), call_bucket()])
def test_only_the_free_attempts_of_fifty_simultaneous_ones_pass(claim):
    waits = run_times(50, lambda: try_and_wait(claim))

    assert waits.count(0) == 5
    assert all(isinstance(wait, int) for wait in waits), waits


@pytest.mark.race
@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("counter_store", "_stopped_clock")
def test_overlapping_counters_do_not_deadlock():
    people = [guess_bucket(f"c{number}") for number in range(8)]
    works = [
        lambda i=i: try_and_wait(
            call_bucket(f"192.0.2.{i % 3}"), people[i % 8], people[(i + 3) % 8]
        )
        for i in range(48)
    ]

    waits = run_concurrently(works)

    assert 8 <= waits.count(0) <= 15
    assert all(isinstance(wait, int) for wait in waits), waits


# --- in the database --------------------------------------------------------------------------


def test_counters_store_neither_usernames_nor_addresses():
    count_attempt([guess_bucket("hunter2"), call_bucket("192.0.2.7")])

    text = repr(list(Throttle.objects.values()))
    assert "hunter2" not in text
    assert "192.0.2.7" not in text


def test_counter_key_depends_on_the_secret_key(settings):
    here = guess_bucket().key
    settings.SECRET_KEY = "another secret"

    assert guess_bucket().key != here


@pytest.mark.view_only("needs a transaction of its own")
def test_counter_pruned_during_an_update_is_created_again():
    def pruned_meanwhile(kept, now):
        Throttle.objects.all().delete()
        return None, {"a": State(3, 0.0, now + 60)}

    DatabaseCounterStore().changed(["a"], pruned_meanwhile)

    assert Throttle.objects.get().count == 3


@pytest.mark.race
@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("_stopped_clock")
def test_pruning_keeps_current_counters_and_blocks_nobody():
    outcomes = run_concurrently(
        [*[lambda: try_and_wait(guess_bucket(), call_bucket())] * 30, *[prune] * 10]
    )

    assert outcomes.count(0) == 5
    assert not any(isinstance(outcome, Exception) for outcome in outcomes), outcomes


@pytest.mark.django_db(transaction=True)
def test_counting_inside_a_transaction_raises():
    with transaction.atomic(), pytest.raises(RuntimeError, match="durable"):
        count_attempt([guess_bucket()])


# --- in two messages to PostgreSQL ------------------------------------------------------------


def show(name):
    with connection.cursor() as cursor:
        cursor.execute(f"SHOW {name}")
        return cursor.fetchone()[0]


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("_stopped_clock")
def test_counting_takes_two_messages_and_so_does_resetting(messages):
    count_attempt([guess_bucket(), call_bucket()])
    assert [len(message) for message in messages] == [4, 2]

    reset_attempts(forget=[guess_bucket()], give_back=[call_bucket()])
    assert [len(message) for message in messages] == [4, 2] * 2

    try_times(6, guess_bucket())
    messages.clear()
    assert try_and_wait(guess_bucket()) > 0
    assert [len(message) for message in messages] == [4, 2]


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
def test_synchronous_commit_is_off_only_while_counting():
    seen = []
    with connection.cursor() as cursor:
        cursor.execute("SET synchronous_commit = on")

    def change(kept, now):
        seen.append(show("synchronous_commit"))
        return None, {"a": State(3, 0.0, now + 60)}

    DatabaseCounterStore().changed(["a"], change)

    assert seen == ["off"]
    assert show("synchronous_commit") == "on"
    assert Throttle.objects.get().count == 3


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
def test_failure_between_the_messages_changes_nothing():
    def fail(kept, now):
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        DatabaseCounterStore().changed(["a"], fail)

    assert not Throttle.objects.exists()
    assert connection.connection.info.transaction_status == TransactionStatus.IDLE


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
def test_rejected_statement_changes_nothing():
    too_long = "a" * 65

    with pytest.raises(OperationalError, match="too long"):
        DatabaseCounterStore().changed([too_long], lambda kept, now: (None, {}))

    assert not Throttle.objects.exists()
    assert connection.connection.info.transaction_status == TransactionStatus.IDLE


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("_stopped_clock")
def test_counting_is_repeated_after_a_deadlock(monkeypatch):
    send, failures = pipeline.send, iter([PipelineFailed("40P01", "deadlock detected")])

    def fail_once(*calls):
        for failure in failures:
            raise failure
        return send(*calls)

    monkeypatch.setattr(pipeline, "send", fail_once)

    assert try_times(6, guess_bucket()) == [0, 0, 0, 0, 0, 2]


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
def test_times_are_stored_exactly():
    state = State(2, 1790000000.1234567, 1790000000.7654321)
    DatabaseCounterStore().changed(["a"], lambda kept, now: (None, {"a": state}))

    kept = DatabaseCounterStore().changed(["a"], lambda kept, now: (kept, {}))

    assert kept == {"a": state}


# --- in Redis ---------------------------------------------------------------------------------


@needs_redis
def test_redis_counters_expire(redis_url, settings, monkeypatch):
    count_in_redis(redis_url, settings, monkeypatch)
    count_attempt([guess_bucket("hunter2"), call_bucket()])

    redis = get_redis_connection("default")
    lives = [
        redis.pttl(f"till:limiter:{claim.key}")
        for claim in (guess_bucket("hunter2"), call_bucket())
    ]
    assert 590_000 < lives[0] <= 600_000
    assert 50_000 < lives[1] <= 60_000


@needs_redis
def test_refused_attempts_write_nothing_to_redis(redis_url, settings, monkeypatch):
    """A refusal writes nothing, so that simultaneous refusals cause no retries."""
    count_in_redis(redis_url, settings, monkeypatch)
    try_times(5, call_bucket())
    key = f"till:limiter:{call_bucket().key}"
    before = get_redis_connection("default").get(key)

    with ThreadPoolExecutor(8) as pool:
        waits = list(pool.map(lambda _: try_and_wait(call_bucket()), range(200)))

    assert all(waits)
    assert get_redis_connection("default").get(key) == before
