"""Count and record SQL statements."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from tenants.database.postgres.pipeline import Prepared, PreparedConnection

TRANSACTIONAL = re.compile(r"BEGIN|COMMIT|ROLLBACK|SAVEPOINT|RELEASE")


@contextmanager
def assert_statement_count(count: int) -> Iterator[None]:
    with CaptureQueriesContext(connection) as captured:
        yield
    ran = [query["sql"] for query in captured if not TRANSACTIONAL.match(query["sql"])]
    assert len(ran) == count, "\n".join([f"{len(ran)} statements:", *ran])


def record_messages(monkeypatch: pytest.MonkeyPatch) -> list[list[Prepared]]:
    """Return a list that grows by the statements of each message sent to PostgreSQL."""
    sent: list[list[Prepared]] = []
    exchange = PreparedConnection.exchange

    def record(link: PreparedConnection, calls: Any) -> Any:
        sent.append([statement for statement, _ in calls])
        return exchange(link, calls)

    monkeypatch.setattr(PreparedConnection, "exchange", record)
    return sent
