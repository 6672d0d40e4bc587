"""Counting tries, alike wherever the counts are kept."""

from concurrent.futures import ThreadPoolExecutor

import pytest
import time_machine
from django.db import transaction
from django_redis import get_redis_connection

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
from accounts.security.rate_limits.stores import (
    DatabaseCounterStore,
    FallbackStore,
    RedisCounterStore,
)
from accounts.services.pruning import prune
from tests.support.parallel import run_concurrently, run_times
from tests.support.rate_limits import count_in_redis
from tests.support.token_refresh import MORNING

GUESSES = Backoff("guesses", free_attempts=5, max_wait=60.0, lifetime=600.0)
CALLS = Window("calls", limit=5, seconds=60.0)
STORES = {
    "database": DatabaseCounterStore,
    "redis": RedisCounterStore,
    "both": lambda: FallbackStore(RedisCounterStore(), DatabaseCounterStore()),
}

pytestmark = pytest.mark.django_db
needs_redis = pytest.mark.redis


@pytest.fixture(
    params=["database", *(pytest.param(x, marks=needs_redis) for x in ("redis", "both"))]
)
def kept_in(request, monkeypatch, settings):
    """Each place for the counts in turn."""
    if request.param != "database":
        count_in_redis(request.getfixturevalue("redis_url"), settings, monkeypatch)
    store = STORES[request.param]()
    monkeypatch.setattr(stores, "store", lambda: store)


def guess(who="c1"):
    return Bucket(GUESSES, ("green", who))


def call(where="192.0.2.7"):
    return Bucket(CALLS, (where,))


def wait_of(*claims):
    """The seconds until these may be tried; 0 where they just were."""
    try:
        count_attempt(claims)
    except TooManyAttempts as refusal:
        return refusal.facts["retry_after"]
    return 0


def waits_of(count, *claims):
    return [wait_of(*claims) for _ in range(count)]


@pytest.fixture
def _frozen():
    with time_machine.travel(MORNING, tick=False):
        yield


# --- alike in every place ---------------------------------------------------------------------


@pytest.mark.usefixtures("kept_in", "_frozen")
@pytest.mark.parametrize(("claim", "wait"), [(guess(), 2), (call(), 60)])
def test_some_are_free_and_the_rest_wait(claim, wait):
    assert waits_of(8, claim) == [0, 0, 0, 0, 0, wait, wait, wait]


@pytest.mark.usefixtures("kept_in")
def test_after_the_wait_one_more_is_free():
    with time_machine.travel(MORNING, tick=False) as clock:
        waits_of(6, guess())
        clock.shift(2)

        assert waits_of(2, guess()) == [0, 4]


@pytest.mark.usefixtures("kept_in")
def test_seconds_are_rounded_up_so_that_coming_back_then_is_late_enough():
    with time_machine.travel(MORNING, tick=False) as clock:
        waits_of(5, guess())
        clock.shift(0.25)
        wait = wait_of(guess())
        clock.shift(wait)

        assert (wait, wait_of(guess())) == (2, 0)


@pytest.mark.usefixtures("kept_in")
def test_what_was_long_ago_is_forgotten():
    with time_machine.travel(MORNING, tick=False) as clock:
        waits_of(5, guess())
        clock.shift(600)

        assert waits_of(6, guess()) == [0, 0, 0, 0, 0, 2]


@pytest.mark.usefixtures("kept_in", "_frozen")
def test_whom_one_rule_refuses_no_rule_counts():
    waits_of(9, guess(), call())

    assert waits_of(5, guess("c2"), call()) == [60] * 5
    assert waits_of(6, guess("c2")) == [0, 0, 0, 0, 0, 2]


@pytest.mark.usefixtures("kept_in", "_frozen")
def test_subjects_and_rules_are_counted_apart():
    waits_of(6, guess("c1"))

    assert wait_of(guess("c2")) == 0
    assert wait_of(Bucket(CALLS, ("green", "c1"))) == 0
    assert wait_of(Bucket(GUESSES, ("green\0c1",))) > 0, "no name holds what parts the names"


@pytest.mark.usefixtures("kept_in", "_frozen")
def test_who_is_forgiven_begins_anew():
    waits_of(6, guess())

    reset_attempts(forget=[guess()])

    assert waits_of(6, guess()) == [0, 0, 0, 0, 0, 2]


@pytest.mark.usefixtures("kept_in", "_frozen")
def test_what_is_given_back_may_be_tried_again():
    waits_of(5, call())

    reset_attempts(forget=[guess()], give_back=[call()])

    assert waits_of(2, call()) == [0, 60]


@pytest.mark.usefixtures("kept_in")
def test_forgiving_what_nobody_tried_changes_nothing():
    reset_attempts(forget=[guess()], give_back=[call()])

    assert wait_of(guess(), call()) == 0


@pytest.mark.race
@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("kept_in", "_frozen")
@pytest.mark.parametrize("claim", [guess(), call()])
def test_of_fifty_at_once_only_the_free_ones_pass(claim):
    waits = run_times(50, lambda: wait_of(claim))

    assert waits.count(0) == 5
    assert all(isinstance(wait, int) for wait in waits), waits


@pytest.mark.race
@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("kept_in", "_frozen")
def test_those_who_share_some_counts_do_not_wait_for_each_other_for_ever():
    people = [guess(f"c{number}") for number in range(8)]
    works = [
        lambda i=i: wait_of(call(f"192.0.2.{i % 3}"), people[i % 8], people[(i + 3) % 8])
        for i in range(48)
    ]

    waits = run_concurrently(works)

    assert 8 <= waits.count(0) <= 15
    assert all(isinstance(wait, int) for wait in waits), waits


# --- in the database --------------------------------------------------------------------------


def test_the_database_holds_neither_names_nor_addresses():
    count_attempt([guess("hunter2"), call("192.0.2.7")])

    text = repr(list(Throttle.objects.values()))
    assert "hunter2" not in text
    assert "192.0.2.7" not in text


def test_the_key_of_a_count_cannot_be_guessed_without_the_secret(settings):
    here = guess().key
    settings.SECRET_KEY = "another secret"

    assert guess().key != here


def test_a_row_that_is_pruned_while_it_is_counted_comes_back():
    def pruned_meanwhile(kept, now):
        Throttle.objects.all().delete()
        return None, {"a": State(3, 0.0, now + 60)}

    DatabaseCounterStore().changed(["a"], pruned_meanwhile)

    assert Throttle.objects.get().count == 3


@pytest.mark.race
@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("_frozen")
def test_pruning_neither_forgets_a_count_nor_stops_anybody():
    outcomes = run_concurrently([*[lambda: wait_of(guess(), call())] * 30, *[prune] * 10])

    assert outcomes.count(0) == 5
    assert not any(isinstance(outcome, Exception) for outcome in outcomes), outcomes


@pytest.mark.django_db(transaction=True)
def test_a_count_is_refused_where_a_refusal_would_undo_it():
    with transaction.atomic(), pytest.raises(RuntimeError, match="durable"):
        count_attempt([guess()])


# --- in Redis ---------------------------------------------------------------------------------


@needs_redis
def test_redis_forgets_by_itself(redis_url, settings, monkeypatch):
    count_in_redis(redis_url, settings, monkeypatch)
    count_attempt([guess("hunter2"), call()])

    redis = get_redis_connection("default")
    lives = [redis.pttl(f"till:limiter:{claim.key}") for claim in (guess("hunter2"), call())]
    assert 590_000 < lives[0] <= 600_000
    assert 50_000 < lives[1] <= 60_000


@needs_redis
def test_many_who_are_refused_do_not_hinder_each_other(redis_url, settings, monkeypatch):
    """A refusal writes nothing, so that nobody's turn is spoiled by it."""
    count_in_redis(redis_url, settings, monkeypatch)
    waits_of(5, call())
    key = f"till:limiter:{call().key}"
    before = get_redis_connection("default").get(key)

    with ThreadPoolExecutor(8) as pool:
        waits = list(pool.map(lambda _: wait_of(call()), range(200)))

    assert all(waits)
    assert get_redis_connection("default").get(key) == before
