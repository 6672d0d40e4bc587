"""The whole database as one file: taken while the shops sell, put back where nothing is yet."""

from pathlib import Path
from typing import Protocol

from django.db.backends.base.base import BaseDatabaseWrapper

from orders.management.backup.postgres import PostgresBackup
from orders.management.backup.sqlite import SqliteBackup


class DatabaseBackup(Protocol):
    """How one engine is copied; either way ends in a CommandError where it cannot be done."""

    def dump(self, file: Path) -> None:
        """Write all that the database holds at one moment to an empty file."""

    def restore(self, file: Path) -> None:
        """Fill a database in which nothing is."""


def get_backup(connection: BaseDatabaseWrapper) -> DatabaseBackup:
    return (
        PostgresBackup(connection)
        if connection.vendor == "postgresql"
        else SqliteBackup(connection)
    )
