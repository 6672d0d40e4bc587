"""Prepared statements, several of them in one message to PostgreSQL (pipeline mode of libpq).

For the most frequent requests, a round trip for every statement and planning it each time take
longer than PostgreSQL takes to run it by key. Here each connection prepares a statement once, and
all statements of a message are sent together: outside of BEGIN they are one transaction, committed
at the end of the message or rolled back as a whole.

The connection is the one that Django keeps for this thread. Between two messages it is as Django
expects it, because every setting ends with its transaction.

When a statement fails, `send` raises PipelineFailed; in a transaction that was opened by BEGIN the
caller then calls `rollback`. When the connection is lost it is closed, and `send` raises
ConnectionLost, which is also Django's OperationalError.
"""

import select
import threading
import time
from collections.abc import Callable, Sequence
from hashlib import sha256
from itertools import starmap
from typing import Any, TypeVar

import psycopg
from django.conf import settings
from django.db import DEFAULT_DB_ALIAS, DatabaseError, OperationalError, connections
from psycopg.adapt import Transformer
from psycopg.pq import ConnStatus, ExecStatus, Format, TransactionStatus

from tenants.database.postgres import distribution
from tenants.scope import has_scope

# The statement is unknown, known already, or has another result since the tables were changed.
# Then the connection is not what it was when the statement was prepared.
STALE_SQLSTATES = frozenset({"26000", "42P05", "0A000"})
CONNECTION_LOST = "08006"
# PostgreSQL keeps what is prepared until the connection ends, and clients choose among thousands of
# statements by their filters. Beyond this number of them, statements are planned each time.
MAX_PREPARED = 400
SUCCESSFUL = frozenset({ExecStatus.TUPLES_OK, ExecStatus.COMMAND_OK})

IN_TRANSACTION = frozenset({TransactionStatus.INTRANS, TransactionStatus.INERROR})
WAIT_TO_READ = select.POLLIN
WAIT_TO_WRITE = select.POLLIN | select.POLLOUT

Parameters = Sequence[bytes | None]


class PipelineFailed(Exception):
    """PostgreSQL rejected a statement; nothing of the message remains."""

    def __init__(self, sqlstate: str, message: str) -> None:
        self.sqlstate = sqlstate
        self.message = message
        super().__init__(f"{sqlstate}: {message}")


class ConnectionLost(PipelineFailed, OperationalError):
    """The connection broke. Unless `may_have_committed`, nothing of the message remains."""

    def __init__(self, message: str, *, may_have_committed: bool) -> None:
        self.may_have_committed = may_have_committed
        super().__init__(CONNECTION_LOST, message)


class Prepared:
    """A statement with parameters $1, $2 ..., prepared once for each connection."""

    __slots__ = ("loaded_types", "name", "sql")

    def __init__(self, sql: str) -> None:
        self.sql = sql.encode()
        # How `Result.load` reads the columns; known after the first result.
        self.loaded_types: list[int] | None = None
        # The same text has the same name, also behind a pool that shares connections.
        self.name = b"till_" + sha256(self.sql).hexdigest()[:24].encode()


BEGIN, COMMIT, ROLLBACK = Prepared("BEGIN"), Prepared("COMMIT"), Prepared("ROLLBACK")
# Sets the tenant $1 for row-level security. Statements by key have one good plan, and planning
# costs more than running them. Both settings end with the transaction.
SCOPE = Prepared(
    "SELECT set_config('app.tenant', $1, true), "
    "set_config('plan_cache_mode', 'force_generic_plan', true)"
)

Call = tuple[Prepared, Parameters]


# Types that `load` turns into objects of Python: bool, int8, int2 and int4. Others stay text.
LOADED_TYPES = frozenset({16, 20, 21, 23})
TEXT_TYPE = 25

Row = TypeVar("Row")


class Result:
    """The result of one statement, with all values as text."""

    __slots__ = ("raw", "statement", "transformer")

    def __init__(self, raw: Any, statement: Prepared, transformer: Any) -> None:
        self.raw = raw
        self.statement = statement
        self.transformer = transformer

    def load(self, build: Callable[..., Row]) -> list[Row]:
        """Return `build(values)` of each row: texts, booleans, integers and None.

        Several times as fast as `rows`, because psycopg reads the values in C.
        """
        raw, statement = self.raw, self.statement
        types = statement.loaded_types
        if types is None or len(types) != raw.nfields:
            columns = [raw.ftype(column) for column in range(raw.nfields)]
            types = [each if each in LOADED_TYPES else TEXT_TYPE for each in columns]
            statement.loaded_types = types
        loader = Transformer()
        loader.set_pgresult(raw, set_loaders=False)
        loader.set_loader_types(types, Format.TEXT)
        return loader.load_rows(0, raw.ntuples, build)

    def build(self, kind: Callable[..., Row]) -> list[Row]:
        """Return `kind(*values)` of each row, with the values of `load`."""
        return list(starmap(kind, self.load(tuple)))

    def rows(self) -> list[tuple[bytes | None, ...]]:
        get, columns = self.raw.get_value, range(self.raw.nfields)
        return [tuple([get(row, column) for column in columns]) for row in range(self.raw.ntuples)]

    def values(self) -> list[tuple[Any, ...]]:
        """Return the rows as a cursor of Django does, with ids, amounts and times as objects."""
        raw, transformer = self.raw, self.transformer
        transformer.set_pgresult(raw)
        rows: list[tuple[Any, ...]] = transformer.load_rows(0, raw.ntuples, tuple)
        transformer.set_pgresult(None)
        return rows

    @property
    def affected(self) -> int:
        return self.raw.command_tuples or 0


class PreparedConnection:
    """A connection of libpq, and the names of the statements that it has prepared."""

    __slots__ = ("is_distributed", "names", "pgconn", "poll", "socket", "transformer")

    def __init__(self, wrapper: Any) -> None:
        self.pgconn = wrapper.connection.pgconn
        self.names: set[bytes] = set()
        self.socket = self.pgconn.socket
        self.poll = select.poll()
        self.poll.register(self.socket, WAIT_TO_READ)
        self.is_distributed = distribution.is_installed(wrapper)
        # Knows how the values of each type are read, which takes longer to find than to do.
        self.transformer = Transformer(wrapper.connection)

    @property
    def is_idle(self) -> bool:
        return bool(self.pgconn.transaction_status == TransactionStatus.IDLE)

    def is_open(self) -> bool:
        """Return whether the server has not closed the connection while nobody used it."""
        if self.poll.poll(0):
            try:
                self.pgconn.consume_input()
            except psycopg.OperationalError:
                return False
            return not self.poll.poll(0) and self.pgconn.status == ConnStatus.OK
        return True

    def exchange(self, calls: Sequence[Call]) -> list[Any]:
        """Send the statements in one message; return their results, errors among them."""
        pgconn = self.pgconn
        pgconn.enter_pipeline_mode()
        prepared_now = self.send_calls(calls)
        pgconn.pipeline_sync()
        results = self.receive()
        pgconn.exit_pipeline_mode()
        if not prepared_now:
            return results
        self.names.update(
            name
            for position, name in prepared_now.items()
            if results[position].status in SUCCESSFUL
        )
        failed = [each for each in results if each.status not in SUCCESSFUL]
        return failed or [
            each for position, each in enumerate(results) if position not in prepared_now
        ]

    def send_calls(self, calls: Sequence[Call]) -> dict[int, bytes]:
        """Send the statements; return the names that are prepared now, by place of the result."""
        pgconn, known = self.pgconn, self.names
        prepared_now: dict[int, bytes] = {}
        position = 0
        for statement, parameters in calls:
            name = statement.name
            if name in known or name in prepared_now.values():
                pgconn.send_query_prepared(name, parameters)
            elif len(known) + len(prepared_now) < MAX_PREPARED:
                pgconn.send_prepare(name, statement.sql)
                prepared_now[position] = name
                position += 1
                pgconn.send_query_prepared(name, parameters)
            else:
                pgconn.send_query_params(statement.sql, parameters)
            position += 1
        return prepared_now

    def receive(self) -> list[Any]:
        """Return the results up to the end of the message."""
        results: list[Any] = []
        if self.pgconn.flush():
            self.send_the_rest()
        while True:
            result = self.next_result()
            if result is None:
                if self.pgconn.status == ConnStatus.BAD:
                    raise psycopg.OperationalError("the server closed the connection")
            elif result.status == ExecStatus.PIPELINE_SYNC:
                return results
            else:
                results.append(result)

    def next_result(self) -> Any:
        """Return the next result, or None at the end of each statement."""
        pgconn = self.pgconn
        while pgconn.is_busy():
            self.poll.poll()
            pgconn.consume_input()
        return pgconn.get_result()

    def send_the_rest(self) -> None:
        """Send a message larger than the socket's buffer, and read meanwhile."""
        self.poll.modify(self.socket, WAIT_TO_WRITE)
        try:
            while True:
                self.poll.poll()
                self.pgconn.consume_input()
                if not self.pgconn.flush():
                    return
        finally:
            self.poll.modify(self.socket, WAIT_TO_READ)


_local = threading.local()


def get_wrapper() -> Any:
    """Return Django's connection of this thread, which Django finds in several steps."""
    try:
        return _local.wrapper
    except AttributeError:
        _local.wrapper = connections[DEFAULT_DB_ALIAS]
        return _local.wrapper


def is_available(*, in_scope: bool = False) -> bool:
    """Return whether this thread can send messages now; open its connection if necessary.

    Not within a transaction or a scope, on other databases, with FAST_PATHS=off, and on Citus,
    where a tenant must be set before the planning of the next statement. `in_scope` is for
    messages about rows of no tenant, which need no scope.
    """
    wrapper = get_wrapper()
    if not settings.FAST_PATHS or wrapper.vendor != "postgresql":
        return False
    if wrapper.in_atomic_block or (has_scope() and not in_scope):
        return False
    try:
        link = _open(wrapper)
    except DatabaseError:
        # The plain way reports that there is no database.
        return False
    return link.is_idle and not link.is_distributed


def send(*calls: Call) -> list[Result]:
    """Send the statements in one message and return their results.

    Raises PipelineFailed, or ConnectionLost.
    """
    wrapper = get_wrapper()
    link = _link(wrapper) or _open(wrapper)
    was_idle = link.is_idle
    commits = any(statement is COMMIT for statement, _ in calls)
    try:
        return _run(wrapper, link, calls, may_commit=commits or was_idle)
    except PipelineFailed as failure:
        if failure.sqlstate not in STALE_SQLSTATES:
            raise
        wrapper.close()
        if commits or not was_idle:
            raise
    # Nothing of the message remains, and a new connection knows no statements: try once more.
    try:
        link = _open(wrapper)
    except DatabaseError as error:
        raise ConnectionLost(str(error), may_have_committed=False) from error
    return _run(wrapper, link, calls, may_commit=True)


def rollback() -> None:
    """Roll back the transaction that BEGIN opened on this thread's connection, if there is one."""
    wrapper = get_wrapper()
    link = _link(wrapper)
    if link is None or link.is_idle:
        return
    if link.pgconn.transaction_status in IN_TRANSACTION:
        _run(wrapper, link, [(ROLLBACK, ())], may_commit=False)
    else:
        wrapper.close()


def _run(
    wrapper: Any, link: PreparedConnection, calls: Sequence[Call], *, may_commit: bool
) -> list[Result]:
    try:
        results = link.exchange(calls)
    except psycopg.Error as error:
        wrapper.close()
        raise ConnectionLost(str(error), may_have_committed=may_commit) from error
    except BaseException:
        # Interrupted between question and answer: the next answer would be to this question.
        wrapper.close()
        raise
    for result in results:
        if result.status not in SUCCESSFUL:
            raise PipelineFailed(read_sqlstate(result), result.get_error_message())
    return [
        Result(result, statement, link.transformer)
        for result, (statement, _) in zip(results, calls, strict=True)
    ]


def read_sqlstate(result: Any) -> str:
    return (result.error_field(psycopg.pq.DiagnosticField.SQLSTATE) or b"").decode()


def _link(wrapper: Any) -> PreparedConnection | None:
    """Return the state of the wrapper's current connection, if it has been used here before."""
    # SQLite has no such connection.
    link: PreparedConnection | None = getattr(wrapper, "prepared_connection", None)
    current = wrapper.connection
    return link if link is not None and current and link.pgconn is current.pgconn else None


def _open(wrapper: Any) -> PreparedConnection:
    """Return the wrapper's connection; replace it if it is too old or was closed by the server.

    Raises Django's DatabaseError without a database.
    """
    if wrapper.errors_occurred or _is_too_old(wrapper):
        wrapper.close_if_unusable_or_obsolete()
    link = _link(wrapper)
    if link is not None:
        if link.is_open():
            return link
        wrapper.close()
    wrapper.ensure_connection()
    link = wrapper.prepared_connection = PreparedConnection(wrapper)
    return link


def _is_too_old(wrapper: Any) -> bool:
    return wrapper.close_at is not None and time.monotonic() >= wrapper.close_at
