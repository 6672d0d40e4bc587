"""The statements of one sale, as the database logs them while Till sells."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from http.client import HTTPConnection
from json import loads
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psycopg

from tests.tools.bench import requests, till
from tests.tools.bench.client import FIRST_REFUSAL, send
from tests.tools.bench.programs import DidNotWork
from tests.tools.bench.requests import BenchData
from tests.tools.bench.till import Server

# The virtual transaction tells which statements were sent as one message.
LINE_PREFIX = "%m [%p] %v "
LOGGED = re.compile(r"^\S+ \S+ \S+ \[\d+\] (\S*) (\w+):  (.*)")
STATEMENT = re.compile(r"(statement|execute) ?[^:]*: (.*)", re.DOTALL)
READS = re.compile(r"BEGIN|SELECT", re.IGNORECASE)
WRITES = re.compile(r"INSERT|UPDATE|DELETE|WITH", re.IGNORECASE)
PARAMETER = re.compile(r"\$(\d+) = ('(?:[^']|'')*'|NULL)")
# Keeping the connection is no part of a sale.
UPKEEP = {"SELECT 1"}
# So that the numbers of an order are known from any others.
STRIKING_NUMBERS = """
UPDATE orders_registerseries
SET last_order = 976543210, last_receipt = 987654320, last_entry = 965432100
"""
# Of the chain, whose numbers no answer tells.
ENTRY = r"9654321\d\d"
# In which Till learns what it need not ask again.
WARM_UP = 2


@dataclass(frozen=True, slots=True)
class Logged:
    """A statement of the log, and the transaction in which it ran."""

    transaction: str
    text: str
    # Sent as PostgreSQL's extended protocol has it, in which one message has many statements.
    is_extended: bool = False


@contextmanager
def logging_everything(database: str) -> Iterator[Path]:
    """Let the server log all statements of a database; gives the log."""
    name = urlsplit(database).path[1:]
    with psycopg.connect(database, autocommit=True) as connection:
        log = find_log(connection)
        connection.execute(f"ALTER SYSTEM SET log_line_prefix = '{LINE_PREFIX}'")
        connection.execute("SELECT pg_reload_conf()")
        connection.execute(f"ALTER DATABASE {name} SET log_statement = 'all'")
    try:
        yield log
    finally:
        with psycopg.connect(database, autocommit=True) as connection:
            connection.execute(f"ALTER DATABASE {name} RESET log_statement")
            connection.execute("ALTER SYSTEM RESET log_line_prefix")
            connection.execute("SELECT pg_reload_conf()")


def capture(
    database: str, app: str, world: BenchData, scratch: Path
) -> tuple[list[list[str]], Any]:
    """Return the messages of one sale, each with its statements, and what Till answered."""
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute(STRIKING_NUMBERS)
    served = till.opened_to(app, database)
    with (
        logging_everything(database) as log,
        till.serving(served, world, scratch, WEB_CONCURRENCY="1", WEB_THREADS="1") as server,
    ):
        for _ in range(WARM_UP):
            sell(server)
        start = log.stat().st_size
        answer = sell(server)
        logged = list(statements_in(log.read_bytes()[start:].decode()))
    return group_messages([each for each in logged if each.text not in UPKEEP]), answer


def group_messages(logged: list[Logged]) -> list[list[str]]:
    """Put together what was sent together, which the log does not tell outright.

    Several statements of one transaction that nothing began came in one message. So did those of
    the extended protocol, where a BEGIN among them begins a transaction of two messages: Till
    reads, decides, and writes. Otherwise each statement came in its own.
    """
    messages: list[list[str]] = []
    before: Logged | None = None
    is_explicit = False
    for each in logged:
        is_same = before is not None and each.transaction == before.transaction
        if not is_same:
            is_explicit = each.text.upper().startswith(("BEGIN", "START"))
        if before is not None and is_same and belongs_to(each, before, is_explicit=is_explicit):
            messages[-1].append(each.text)
        else:
            messages.append([each.text])
        before = each
    return messages


def belongs_to(logged: Logged, before: Logged, *, is_explicit: bool) -> bool:
    """Return whether a statement came with the one before it, in the same transaction."""
    if not is_explicit:
        return True
    is_extended = logged.is_extended and before.is_extended
    return is_extended and not (READS.match(before.text) and WRITES.match(logged.text))


def find_log(connection: psycopg.Connection[Any]) -> Path:
    """Return where tests.support.postgres lets the server write: beside its data."""
    row = connection.execute("SHOW data_directory").fetchone()
    assert row is not None
    return Path(row[0]).with_name("log")


def sell(server: Server) -> Any:
    connection = HTTPConnection(urlsplit(server.base).netloc, timeout=30)
    # Always the same cashier, whose cached data Till has loaded by then.
    request = requests.post_order(server.world, 0, requests.choose_sale(server.world, 0))
    status, body = send(connection, request.rstrip("\n"))
    connection.close()
    if status >= FIRST_REFUSAL:
        raise DidNotWork(f"{status} {body.decode(errors='replace')}")
    return loads(body)


def statements_in(log: str) -> Iterator[Logged]:
    """Yield every statement of a log, with its parameters put into it."""
    found: Logged | None = None
    for transaction, kind, text in entries_in(log):
        if kind == "DETAIL" and text.startswith("Parameters: ") and found:
            found = replace(found, text=with_parameters(found.text, text))
        elif match := STATEMENT.match(text):
            if found:
                yield found
            found = Logged(transaction, match[2].strip().rstrip(";"), match[1] == "execute")
    if found:
        yield found


def entries_in(log: str) -> list[tuple[str, str, str]]:
    """Return the lines of a log; one that begins with a tab goes on with the entry before it."""
    entries: list[tuple[str, str, str]] = []
    for text in log.splitlines():
        if match := LOGGED.match(text):
            entries.append((match[1], match[2], match[3]))
        elif entries and text.startswith("\t"):
            transaction, kind, before = entries[-1]
            entries[-1] = (transaction, kind, f"{before}\n{text[1:]}")
    return entries


def with_parameters(statement: str, detail: str) -> str:
    values = dict(PARAMETER.findall(detail))
    return re.sub(r"\$(\d+)", lambda match: values[match[1]], statement)
