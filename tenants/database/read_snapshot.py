"""A transaction in which every query sees the same rows."""

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import connection, transaction


@contextmanager
def read_snapshot() -> Iterator[None]:
    """Open a transaction that sees the rows of one moment, and blocks no writer.

    Raises RuntimeError inside another transaction, which may already have read other rows. Only
    the transaction of a test is allowed.
    """
    if connection.vendor == "postgresql":
        with transaction.atomic(durable=True):
            if not connection.savepoint_ids:
                with connection.cursor() as cursor:
                    cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
            yield
    elif connection.in_atomic_block:
        with transaction.atomic(durable=True):
            yield
    else:
        # `atomic` would take the write lock: see `SQLITE_OPTIONS`.
        with connection.cursor() as cursor:
            cursor.execute("BEGIN DEFERRED")
            try:
                yield
            finally:
                cursor.execute("ROLLBACK")
