"""Database files that only the account of Till can read."""

import os
import sqlite3
from contextlib import suppress
from typing import Any


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
