"""Backup of the whole database to one file, and restore into an empty database."""

from pathlib import Path
from typing import Protocol

from django.db.backends.base.base import BaseDatabaseWrapper

from orders.management.backup.postgres import PostgresBackup
from orders.management.backup.sqlite import SqliteBackup


class DatabaseBackup(Protocol):
    """Backup of one database engine. Both methods raise `CommandError` if they fail."""

    def dump(self, file: Path) -> None:
        """Write a consistent snapshot of the database to an empty file."""

    def restore(self, file: Path) -> None:
        """Restore the file into an empty database."""


def get_backup(connection: BaseDatabaseWrapper) -> DatabaseBackup:
    return (
        PostgresBackup(connection)
        if connection.vendor == "postgresql"
        else SqliteBackup(connection)
    )
