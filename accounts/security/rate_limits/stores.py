"""Counter stores: Redis if configured, otherwise or while it is down the database."""

import importlib
import time
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Any, Protocol, TypeVar

from django.conf import settings
from django.db import OperationalError, transaction

from accounts.models import Throttle
from accounts.security.rate_limits.algorithm import Rule, State, apply_attempt, uncount_attempt
from tenants.database.postgres import pipeline
from tenants.database.postgres.pipeline import (
    BEGIN,
    COMMIT,
    ConnectionLost,
    PipelineFailed,
    Prepared,
)
from tenants.scope import retry_on_conflict

T = TypeVar("T")
States = dict[str, State | None]
Change = Callable[[States, float], tuple[T, States]]


# Counts need not survive a crash of the database server: without waiting for the disk at most the
# last second of them is lost.
WITHOUT_WAITING = Prepared(
    "SELECT set_config('synchronous_commit', 'off', true), "
    "set_config('plan_cache_mode', 'force_generic_plan', true)"
)
CREATE_ROWS = Prepared(
    "INSERT INTO accounts_throttle (key, count, free_at, forgotten_at) "
    "SELECT key, 0, 0, 0 FROM unnest($1::varchar[]) AS key ORDER BY key ON CONFLICT DO NOTHING"
)
LOCK_ROWS = Prepared(
    "SELECT key, count, free_at, forgotten_at FROM accounts_throttle "
    "WHERE key = ANY($1::varchar[]) ORDER BY key FOR UPDATE"
)
WRITE_ROWS = Prepared(
    "INSERT INTO accounts_throttle (key, count, free_at, forgotten_at) "
    "SELECT * FROM unnest($1::varchar[], $2::integer[], $3::float8[], $4::float8[]) "
    "ON CONFLICT (key) DO UPDATE SET "
    "count = EXCLUDED.count, free_at = EXCLUDED.free_at, forgotten_at = EXCLUDED.forgotten_at"
)


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
    def changed(self, keys: Collection[str], change: Change[T]) -> T:
        names = sorted(keys)
        if pipeline.is_available():
            return self._changed_in_two_messages(names, change)
        return self._changed(names, change)

    @transaction.atomic(durable=True)
    def _changed(self, names: Sequence[str], change: Change[T]) -> T:
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

    def _changed_in_two_messages(self, names: Sequence[str], change: Change[T]) -> T:
        """Lock the rows with one message, write them and commit with the next.

        Raises OperationalError, which has the reason of PostgreSQL as its cause.
        """
        keys = [build_array(names)]
        try:
            *_, locked = pipeline.send(
                (BEGIN, ()), (WITHOUT_WAITING, ()), (CREATE_ROWS, keys), (LOCK_ROWS, keys)
            )
            states = dict(map(parse_row, locked.rows()))
            answer, kept = change({key: states.get(key) for key in names}, time.time())
            pipeline.send((WRITE_ROWS, build_columns(kept)), (COMMIT, ()))
        except ConnectionLost:
            raise
        except PipelineFailed as failure:
            pipeline.rollback()
            raise OperationalError(failure.message) from failure
        except BaseException:
            pipeline.rollback()
            raise
        return answer

    def kept(self, keys: Collection[str]) -> dict[str, State]:
        rows = Throttle.objects.filter(pk__in=keys)
        return {row.key: row.state for row in rows if row.state}


def build_array(values: Iterable[object]) -> bytes:
    """Return an array for PostgreSQL, of numbers or of keys, which are hexadecimal."""
    return f"{{{','.join(map(str, values))}}}".encode()


def build_columns(states: States) -> list[bytes]:
    """Return the columns of the rows of these states, in the order in which they are locked."""
    rows = [Throttle.of(key, states[key]) for key in sorted(states)]
    columns = ("key", "count", "free_at", "forgotten_at")
    return [build_array(getattr(row, name) for row in rows) for name in columns]


def parse_row(row: Sequence[bytes | None]) -> tuple[str, State | None]:
    key, count, free_at, forgotten_at = (value or b"" for value in row)
    throttle = Throttle(key.decode(), int(count), float(free_at), float(forgotten_at))
    return throttle.key, throttle.state


_database = DatabaseCounterStore()


@lru_cache
def _load_shared_store() -> Store:
    """Import the store in Redis, which takes 6 MiB of memory, only with a REDIS_URL."""
    module: Any = importlib.import_module("accounts.security.rate_limits.redis_store")
    shared: Store = module.FallbackStore(module.RedisCounterStore(), _database)
    return shared


def store() -> Store:
    return _load_shared_store() if settings.REDIS_URL else _database


def apply_buckets(rules: Mapping[str, Rule]) -> tuple[float, dict[str, State]]:
    """Count an attempt by key and rule; return the seconds to wait and the new states."""

    def change(kept: States, now: float) -> tuple[tuple[float, dict[str, State]], States]:
        wait, states = apply_attempt(rules, kept, now)
        return (wait, states), dict(states)

    return store().changed(rules, change)


def find_locked_out(keys: Collection[str]) -> set[str]:
    """Return the keys that reject attempts now."""
    now = time.time()
    return {key for key, state in store().kept(keys).items() if state.free_at > now}


def reset_attempts(*, forget: Collection[str], give_back: Collection[str]) -> None:
    """Clear some counters and uncount the last attempt of others."""

    def change(kept: States, now: float) -> tuple[None, States]:
        returned = {key: uncount_attempt(state) for key in give_back if (state := kept[key])}
        return None, dict.fromkeys(forget) | returned

    store().changed([*forget, *give_back], change)
