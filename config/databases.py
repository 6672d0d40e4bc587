"""How connections to the databases are opened, on either engine."""

import os
import sqlite3
from contextlib import suppress
from typing import Any

Database = dict[str, Any]


class PrivateConnection(sqlite3.Connection):
    """Create a database that is not there yet as a file that only its owner may read.

    SQLite gives the files beside it (-wal, -shm, -journal) the mode of the database. A file that
    is there keeps its mode: whoever shares it on purpose goes on to.
    """

    def __init__(self, database: Any, *arguments: Any, **options: Any) -> None:
        if not str(database).startswith(("file:", ":memory:")):
            create_private(database)
        super().__init__(database, *arguments, **options)


def create_private(file: Any) -> None:
    """Never open a file that is there: closing it again would end the locks of this process on it.

    What else may be wrong with it, SQLite says in errors that Django knows.
    """
    with suppress(OSError):
        os.close(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))


# IMMEDIATE: a transaction that reads first and writes later would else fail at once when another
# one writes. FULL: a completed sale survives a power cut.
SQLITE_OPTIONS = {
    "factory": PrivateConnection,
    "transaction_mode": "IMMEDIATE",
    "timeout": 20,
    "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA foreign_keys=ON;",
}

# A network that swallows everything is noticed in seconds, where the system would take hours.
POSTGRESQL_OPTIONS = {
    "connect_timeout": 5,
    "keepalives_idle": 15,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 20_000,
}


def postgresql(served: Database, owner: Database | None, *, kept: int) -> Database:
    """The database as Django takes it; a connection is kept for so many seconds."""
    return served | {
        "ENGINE": "tenants.database.postgres",
        "OWNER": owner,
        "CONN_MAX_AGE": kept,
        "CONN_HEALTH_CHECKS": True,
        # Behind PgBouncer in transaction mode the next statement may meet another server.
        "DISABLE_SERVER_SIDE_CURSORS": True,
        # What the URL itself asks for wins.
        "OPTIONS": POSTGRESQL_OPTIONS | served.get("OPTIONS", {}),
    }
