"""Counter stores: Redis if configured, otherwise or while it is down the database."""

import importlib
import time
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Any, Protocol, TypeVar

from django.conf import settings
from django.db import OperationalError, transaction

from accounts.models import Throttle
from accounts.models.throttle import CounterValues
from accounts.security.rate_limits.algorithm import Rule, State, apply_attempt, uncount_attempt
from tenants.database.postgres import pipeline
from tenants.database.postgres.pipeline import (
    BEGIN,
    COMMIT,
    Call,
    ConnectionLost,
    PipelineFailed,
    Prepared,
    Result,
)
from tenants.database.prepared_statements import require_rows
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
READ_ROWS = Prepared(
    "SELECT key, count, free_at, forgotten_at FROM accounts_throttle WHERE key = ANY($1::varchar[])"
)
# Writes the counters $1 to $4 if they still are as they were read, $5 to $8, and else fails as a
# whole. A counter that is reset, which has no end, need not be as it was.
SWAP_ROWS = Prepared(
    require_rows(
        "INSERT INTO accounts_throttle AS kept (key, count, free_at, forgotten_at) "
        "SELECT * FROM unnest($1::varchar[], $2::integer[], $3::float8[], $4::float8[]) "
        "ON CONFLICT (key) DO UPDATE SET count = EXCLUDED.count, "
        "free_at = EXCLUDED.free_at, forgotten_at = EXCLUDED.forgotten_at "
        "WHERE EXCLUDED.forgotten_at = 0 OR (kept.key, kept.count, kept.free_at, kept.forgotten_at)"
        " IN (SELECT * FROM unnest($5::varchar[], $6::integer[], $7::float8[], $8::float8[]))",
        expected="cardinality($1::varchar[])",
        otherwise="the counters have changed",
    )
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
        if pipeline.is_available(in_scope=True):
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
            states = {row.key: row.state for row in map(parse_row, locked.rows())}
            answer, kept = change({key: states.get(key) for key in names}, time.time())
            pipeline.send((WRITE_ROWS, build_columns(list_values(kept))), (COMMIT, ()))
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


def list_values(states: States) -> list[CounterValues]:
    """Return the columns for these states, in the order in which the rows are locked."""
    return [CounterValues.of(key, states[key]) for key in sorted(states)]


def build_columns(rows: Sequence[CounterValues]) -> list[bytes]:
    """Return an array of each column."""
    columns = zip(*rows, strict=True) if rows else ((),) * len(CounterValues._fields)
    return [build_array(column) for column in columns]


def parse_row(row: Sequence[bytes | None]) -> CounterValues:
    key, count, free_at, forgotten_at = (value or b"" for value in row)
    return CounterValues(key.decode(), int(count), float(free_at), float(forgotten_at))


_database = DatabaseCounterStore()


class ReadCounters:
    """Counters that were read without a lock, in a message with other statements.

    They are written only if they have not changed since. Otherwise the change is made again with
    a lock.
    """

    def __init__(self, keys: Collection[str], result: Result) -> None:
        self.keys = frozenset(keys)
        self.rows = {row.key: row for row in map(parse_row, result.rows())}
        self.is_current = True

    @staticmethod
    def prepare(keys: Iterable[str]) -> Call:
        return READ_ROWS, [build_array(sorted(keys))]

    def changed(self, keys: Collection[str], change: Change[T]) -> T:
        answer, states = change(self._find_states(keys), time.time())
        if not states or self._write(states):
            return answer
        return _database.changed(keys, change)

    def prepare_change(self, keys: Collection[str], change: Change[None]) -> Call | None:
        """Return the statement that makes a change, or None if they are known to have changed."""
        if not self.is_current or not self.keys.issuperset(keys):
            return None
        _, states = change(self._find_states(keys), time.time())
        return self._prepare_swap(states)

    def _find_states(self, keys: Collection[str]) -> States:
        rows = self.rows
        return {key: rows[key].state if key in rows else None for key in keys}

    def _write(self, states: States) -> bool:
        """Write the states and return True, or False if PostgreSQL has others by now."""
        swap = self._prepare_swap(states)
        try:
            pipeline.send((WITHOUT_WAITING, ()), swap)
        except ConnectionLost:
            raise
        except PipelineFailed:
            self.is_current = False
            return False
        self.rows |= {key: CounterValues.of(key, state) for key, state in states.items()}
        return True

    def _prepare_swap(self, states: States) -> Call:
        read = [self.rows[key] for key in sorted(states) if key in self.rows]
        return SWAP_ROWS, [*build_columns(list_values(states)), *build_columns(read)]


@lru_cache
def _load_shared_store() -> Store:
    """Import the store in Redis, which takes 6 MiB of memory, only with a REDIS_URL."""
    module: Any = importlib.import_module("accounts.security.rate_limits.redis_store")
    shared: Store = module.FallbackStore(module.RedisCounterStore(), _database)
    return shared


def store() -> Store:
    return _load_shared_store() if settings.REDIS_URL else _database


def apply_buckets(
    rules: Mapping[str, Rule], counters: ReadCounters | None = None
) -> tuple[float, dict[str, State]]:
    """Count an attempt by key and rule; return the seconds to wait and the new states.

    `counters` are those of the database, if they have been read already.
    """

    def change(kept: States, now: float) -> tuple[tuple[float, dict[str, State]], States]:
        wait, states = apply_attempt(rules, kept, now)
        return (wait, states), dict(states)

    return (counters or store()).changed(rules, change)


def find_locked_out(keys: Collection[str]) -> set[str]:
    """Return the keys that reject attempts now."""
    now = time.time()
    return {key for key, state in store().kept(keys).items() if state.free_at > now}


def reset_attempts(*, forget: Collection[str], give_back: Collection[str]) -> None:
    """Clear some counters and uncount the last attempt of others."""
    store().changed([*forget, *give_back], build_reset(forget, give_back))


def prepare_reset(
    counters: ReadCounters, *, forget: Collection[str], give_back: Collection[str]
) -> Call | None:
    """Return the statement of `reset_attempts`, or None if the counters have changed."""
    return counters.prepare_change([*forget, *give_back], build_reset(forget, give_back))


def build_reset(forget: Collection[str], give_back: Collection[str]) -> Change[None]:
    def change(kept: States, now: float) -> tuple[None, States]:
        returned = {key: uncount_attempt(state) for key in give_back if (state := kept[key])}
        return None, dict.fromkeys(forget) | returned

    return change
