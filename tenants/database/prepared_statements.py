"""Statements and rows of `bulk_insert` as parts of a message of prepared statements."""

import re
from collections.abc import Iterable
from functools import lru_cache
from itertools import count
from typing import Any

from tenants.database.bulk_insert import Rows, Statement, insert_from_json, to_json
from tenants.database.postgres.pipeline import Call, Prepared

PLACEHOLDER = re.compile("%s")


@lru_cache(maxsize=1024)
def prepare(sql: str) -> Prepared:
    """Return the statement with $1, $2 ... instead of %s."""
    numbers = count(1)
    return Prepared(PLACEHOLDER.sub(lambda _: f"${next(numbers)}", sql))


def require_rows(sql: str, *, expected: str, otherwise: str) -> str:
    """Return the statement, which fails with `otherwise` unless it changes `expected` rows.

    So the whole message is rolled back, without another message to find out.
    """
    checked = f"CASE WHEN count(*) = {expected} THEN '1' ELSE '{otherwise}' END"
    return f"WITH changed AS ({sql} RETURNING 1) SELECT ({checked})::integer FROM changed"  # noqa: S608


def to_call(statement: Statement) -> Call:
    sql, params = statement
    return prepare(sql), [to_text(value) for value in params]


def to_inserts(tables: Iterable[Rows]) -> list[Call]:
    """Return an insert for the prepared rows of each table."""
    return [(prepare(insert_from_json(type(rows[0]), "%s")), [to_json(rows)]) for rows in tables]


def to_text(value: Any) -> bytes | None:
    """Return a parameter in the text format of PostgreSQL."""
    if isinstance(value, bool):
        return b"t" if value else b"f"
    return None if value is None else str(value).encode()
