"""Undo changes: roll back, or restore the rows that PostgreSQL had before they were committed."""

from collections.abc import Callable
from functools import partial

from django.db import connection, transaction

from tenants.scope import across_tenants
from tests.support.truncation import KEPT, empty_postgres

Rows = dict[str, str]


def begin_undo() -> Callable[[], None]:
    """Return what undoes the changes from here on, also if they are committed."""
    if connection.in_atomic_block:
        return partial(transaction.savepoint_rollback, transaction.savepoint())
    return partial(restore_rows, store_rows())


def list_tables() -> list[str]:
    return sorted(set(connection.introspection.table_names()) - KEPT)


def store_rows() -> Rows:
    """Return the rows of each table that has some, as JSON."""
    parts = (
        f"SELECT '{name}', json_agg(t)::text FROM {name} t HAVING count(*) > 0"  # noqa: S608
        for name in list_tables()
    )
    with across_tenants(), connection.cursor() as cursor:
        cursor.execute(" UNION ALL ".join(parts))
        return dict(cursor.fetchall())


def restore_rows(stored: Rows) -> None:
    """Replace all rows by the stored ones, without triggers and checks of foreign keys."""
    empty_postgres(list_tables())
    with across_tenants(), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL session_replication_role = replica")
        for name, rows in stored.items():
            cursor.execute(
                f"INSERT INTO {name} SELECT * FROM json_populate_recordset(null::{name}, %s)",  # noqa: S608
                [rows],
            )
