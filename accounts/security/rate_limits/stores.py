"""Counter stores: Redis if configured, otherwise or while it is down the database."""

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

# Seconds without Redis after a failure, so that not every log-in waits for its timeout.
REDIS_RETRY_SECONDS = 10.0


class Store(Protocol):
    """Storage of counters with atomic updates.

    `change` gets the states and the time; it returns a result and the new states.
    """

    def changed(self, keys: Collection[str], change: Change[T]) -> T: ...

    def kept(self, keys: Collection[str]) -> dict[str, State]:
        """Return the current states of these keys."""
        ...


class DatabaseCounterStore:
    """One row per bucket, locked during the update, in its own transaction.

    Durable: in an outer transaction a rollback would discard the count.
    """

    @retry_on_conflict
    @transaction.atomic(durable=True)
    def changed(self, keys: Collection[str], change: Change[T]) -> T:
        names = sorted(keys)
        Throttle.objects.bulk_create([Throttle(key=key) for key in names], ignore_conflicts=True)
        locked = Throttle.objects.select_for_update().filter(pk__in=names).order_by("pk")
        rows = {row.key: row for row in locked}
        # A row may be pruned before it is locked; it is created again.
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
    """One JSON value per bucket, updated with optimistic locking."""

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
    """Use the first store, and the second with its own counters while the first is down."""

    def __init__(self, first: Store, second: Store) -> None:
        self.first = first
        self.second = second
        self.paused_until = 0.0

    def changed(self, keys: Collection[str], change: Change[T]) -> T:
        return self.run(lambda store: store.changed(keys, change))

    def kept(self, keys: Collection[str]) -> dict[str, State]:
        return self.run(lambda store: store.kept(keys))

    def run(self, operation: Callable[[Store], T]) -> T:
        if time.monotonic() >= self.paused_until:
            try:
                return operation(self.first)
            except RedisError as error:
                self.paused_until = time.monotonic() + REDIS_RETRY_SECONDS
                log.warning("redis_away", error=type(error).__name__)
        return operation(self.second)


_database = DatabaseCounterStore()
_both = FallbackStore(RedisCounterStore(), _database)


def store() -> Store:
    return _both if settings.REDIS_URL else _database


def apply_buckets(rules: Mapping[str, Rule]) -> tuple[float, dict[str, State]]:
    """Count an attempt by key and rule; return the seconds to wait and the new states."""

    def change(kept: States, now: float) -> tuple[tuple[float, dict[str, State]], States]:
        wait, states = apply_attempt(rules, kept, now)
        return (wait, states), dict(states)

    return store().changed(rules, change)


def find_locked(keys: Collection[str]) -> set[str]:
    """Return the keys that reject attempts now."""
    now = time.time()
    return {key for key, state in store().kept(keys).items() if state.free_at > now}


def reset_attempts(*, forget: Collection[str], give_back: Collection[str]) -> None:
    """Clear some counters and uncount the last attempt of others."""

    def change(kept: States, now: float) -> tuple[None, States]:
        returned = {key: uncount_attempt(state) for key in give_back if (state := kept[key])}
        return None, dict.fromkeys(forget) | returned

    store().changed([*forget, *give_back], change)
