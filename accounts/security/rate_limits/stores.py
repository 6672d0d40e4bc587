"""Where the counts are: in Redis where there is one, else, or while it is away, in the database."""

import json
import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import astuple
from typing import Protocol, TypeVar

import structlog
from django.conf import settings
from django.db import transaction
from django_redis import get_redis_connection
from redis.client import Pipeline
from redis.exceptions import RedisError

from accounts.models import Throttle
from accounts.security.rate_limits.algorithm import Rule, State, apply_attempt, uncount_attempt
from tenants.scope import retry_on_conflict

T = TypeVar("T")
States = dict[str, State | None]
Change = Callable[[States, float], tuple[T, States]]
log = structlog.get_logger("till.limiter")

# After a failure Redis is left alone for a while, lest every log-in waits for its time-out.
REDIS_RETRY_SECONDS = 10.0


class Store(Protocol):
    """Changes what is kept under some keys, as one, also against the same call from elsewhere.

    `change` gets what is kept and the time; it returns an answer, and what to keep instead.
    """

    def changed(self, keys: Collection[str], change: Change[T]) -> T: ...

    def kept(self, keys: Collection[str]) -> dict[str, State]:
        """What there is under these keys at this moment, for looking at."""
        ...


class DatabaseCounterStore:
    """One row per subject and rule, locked while it is counted, in a transaction of its own.

    Durable: inside somebody else's transaction a refusal would take the count back with it.
    """

    @retry_on_conflict
    @transaction.atomic(durable=True)
    def changed(self, keys: Collection[str], change: Change[T]) -> T:
        names = sorted(keys)
        Throttle.objects.bulk_create([Throttle(key=key) for key in names], ignore_conflicts=True)
        locked = Throttle.objects.select_for_update().filter(pk__in=names).order_by("pk")
        rows = {row.key: row for row in locked}
        # A row that is pruned before it is locked is as good as one never tried, and comes back.
        answer, kept = change(
            {key: rows[key].state if key in rows else None for key in names}, time.time()
        )
        Throttle.objects.bulk_create(
            [Throttle.of(key, kept[key]) for key in names if key in kept],
            update_conflicts=True,
            unique_fields=["key"],
            update_fields=["count", "free_at", "forgotten_at"],
        )
        return answer

    def kept(self, keys: Collection[str]) -> dict[str, State]:
        rows = Throttle.objects.filter(pk__in=keys)
        return {row.key: row.state for row in rows if row.state}


class RedisCounterStore:
    """A short text per subject and rule, changed only if nobody else changed it meanwhile."""

    def changed(self, keys: Collection[str], change: Change[T]) -> T:
        names = {key: build_redis_key(key) for key in sorted(keys)}

        def attempt(pipe: Pipeline) -> T:
            texts, now = pipe.mget(names.values()), time.time()
            states = map(parse_state, texts)
            answer, kept = change(dict(zip(names, states, strict=True)), now)
            pipe.multi()
            for key, state in kept.items():
                if state is None:
                    pipe.delete(names[key])
                else:
                    lasts = max(int((state.forgotten_at - now) * 1000), 1)
                    pipe.set(names[key], json.dumps(astuple(state)), px=lasts)
            return answer

        redis = get_redis_connection("default")
        answer: T = redis.transaction(attempt, *names.values(), value_from_callable=True)
        return answer

    def kept(self, keys: Collection[str]) -> dict[str, State]:
        names = [build_redis_key(key) for key in keys]
        states = map(parse_state, get_redis_connection("default").mget(names)) if names else ()
        return {key: state for key, state in zip(keys, states, strict=False) if state}


def build_redis_key(key: str) -> str:
    return f"till:limiter:{key}"


def parse_state(text: bytes | str | None) -> State | None:
    return State(*json.loads(text)) if text else None


class FallbackStore:
    """The first store while it answers; the second, with counts of its own, while it does not."""

    def __init__(self, first: Store, second: Store) -> None:
        self.first = first
        self.second = second
        self.paused_until = 0.0

    def changed(self, keys: Collection[str], change: Change[T]) -> T:
        return self.ask(lambda store: store.changed(keys, change))

    def kept(self, keys: Collection[str]) -> dict[str, State]:
        return self.ask(lambda store: store.kept(keys))

    def ask(self, question: Callable[[Store], T]) -> T:
        if time.monotonic() >= self.paused_until:
            try:
                return question(self.first)
            except RedisError as error:
                self.paused_until = time.monotonic() + REDIS_RETRY_SECONDS
                log.warning("redis_away", error=type(error).__name__)
        return question(self.second)


_database = DatabaseCounterStore()
_both = FallbackStore(RedisCounterStore(), _database)


def store() -> Store:
    return _both if settings.REDIS_URL else _database


def apply_buckets(rules: Mapping[str, Rule]) -> tuple[float, dict[str, State]]:
    """Count a try under each key by its rule: what is kept now, or the seconds to wait first."""

    def change(kept: States, now: float) -> tuple[tuple[float, dict[str, State]], States]:
        wait, states = apply_attempt(rules, kept, now)
        return (wait, states), dict(states)

    return store().changed(rules, change)


def find_locked(keys: Collection[str]) -> set[str]:
    """The keys under which nobody may try at this moment."""
    now = time.time()
    return {key for key, state in store().kept(keys).items() if state.free_at > now}


def reset_attempts(*, forget: Collection[str], give_back: Collection[str]) -> None:
    """Begin anew under some keys, and uncount the last try under others."""

    def change(kept: States, now: float) -> tuple[None, States]:
        returned = {key: uncount_attempt(state) for key in give_back if (state := kept[key])}
        return None, dict.fromkeys(forget) | returned

    store().changed([*forget, *give_back], change)
