"""Connection settings of SQLite and PostgreSQL."""

import os
import sqlite3
from contextlib import suppress
from typing import Any

Database = dict[str, Any]


class PrivateConnection(sqlite3.Connection):
    """Creates a new database file with mode 0600; an existing file keeps its mode.

    SQLite gives the files beside it (-wal, -shm, -journal) the same mode.
    """

    def __init__(self, database: Any, *arguments: Any, **options: Any) -> None:
        if not str(database).startswith(("file:", ":memory:")):
            create_private(database)
        super().__init__(database, *arguments, **options)


def create_private(file: Any) -> None:
    """Create the file unless it exists: closing an existing file would drop SQLite's locks.

    Other errors are left to SQLite, whose errors Django handles.
    """
    with suppress(OSError):
        os.close(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))


# IMMEDIATE: otherwise a transaction that reads first and writes later fails at once when another
# one writes. FULL: a completed sale survives a power failure.
SQLITE_OPTIONS = {
    "factory": PrivateConnection,
    "transaction_mode": "IMMEDIATE",
    "timeout": 20,
    "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA foreign_keys=ON;",
}

# Detect a dead network in seconds; the defaults of the system take hours.
POSTGRESQL_OPTIONS = {
    "connect_timeout": 5,
    "keepalives_idle": 15,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 20_000,
}


def postgresql(served: Database, owner: Database | None, *, kept: int) -> Database:
    """Return the entry for DATABASES; `kept` is the maximum age of a connection in seconds."""
    return served | {
        "ENGINE": "tenants.database.postgres",
        "OWNER": owner,
        "CONN_MAX_AGE": kept,
        "CONN_HEALTH_CHECKS": True,
        # With PgBouncer in transaction mode the next statement may use another connection.
        "DISABLE_SERVER_SIDE_CURSORS": True,
        # Options of the URL take precedence.
        "OPTIONS": POSTGRESQL_OPTIONS | served.get("OPTIONS", {}),
    }
