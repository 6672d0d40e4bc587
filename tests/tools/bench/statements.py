"""The statements of one sale, as the database logs them while Till sells."""

import re
from collections.abc import Iterator
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

LOGGED = re.compile(r"^\S+ \S+ \S+ \[\d+\] (\w+):  (.*)")
STATEMENT = re.compile(r"(?:statement|execute [^:]*): (.*)", re.DOTALL)
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


def capture(database: str, world: BenchData, scratch: Path) -> tuple[list[str], Any]:
    """The statements of one sale, as the database logged them, and what the till answered."""
    name = urlsplit(database).path[1:]
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute(STRIKING_NUMBERS)
        log = find_log(connection)
        connection.execute(f"ALTER DATABASE {name} SET log_statement = 'all'")
    with till.serving(database, world, scratch, WEB_CONCURRENCY="1", WEB_THREADS="1") as server:
        for _ in range(WARM_UP):
            sell(server)
        start = log.stat().st_size
        answer = sell(server)
        statements = statements_in(log.read_bytes()[start:].decode())
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute(f"ALTER DATABASE {name} RESET log_statement")
    return [each for each in statements if each not in UPKEEP], answer


def find_log(connection: psycopg.Connection[Any]) -> Path:
    """Where tests.support.postgres lets the server write: beside its data."""
    row = connection.execute("SHOW data_directory").fetchone()
    assert row is not None
    return Path(row[0]).with_name("log")


def sell(server: Server) -> Any:
    connection = HTTPConnection(urlsplit(server.base).netloc, timeout=30)
    status, body = send(connection, requests.order(server.world).rstrip("\n"))
    connection.close()
    if status >= FIRST_REFUSAL:
        raise DidNotWork(f"{status} {body.decode(errors='replace')}")
    return loads(body)


def statements_in(log: str) -> Iterator[str]:
    """Every statement of a log, with its parameters put into it."""
    statement = ""
    for kind, text in entries_in(log):
        if kind == "DETAIL" and text.startswith("Parameters: "):
            statement = with_parameters(statement, text)
        elif match := STATEMENT.match(text):
            if statement:
                yield statement
            statement = match[1].strip().rstrip(";")
    if statement:
        yield statement


def entries_in(log: str) -> list[tuple[str, str]]:
    """The lines of a log; one that begins with a tab goes on with the entry before it."""
    entries: list[tuple[str, str]] = []
    for text in log.splitlines():
        if match := LOGGED.match(text):
            entries.append((match[1], match[2]))
        elif entries and text.startswith("\t"):
            kind, before = entries[-1]
            entries[-1] = (kind, f"{before}\n{text[1:]}")
    return entries


def with_parameters(statement: str, detail: str) -> str:
    values = dict(PARAMETER.findall(detail))
    return re.sub(r"\$(\d+)", lambda match: values[match[1]], statement)
