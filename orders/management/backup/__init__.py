"""The whole database as one file: taken while the shops sell, put back where nothing is yet."""

from pathlib import Path
from typing import Protocol

from django.db.backends.base.base import BaseDatabaseWrapper

from orders.management.backup.postgres import PostgresCopy
from orders.management.backup.sqlite import SqliteCopy


class Copy(Protocol):
    """How one engine is copied; either way ends in a CommandError where it cannot be done."""

    def take(self, file: Path) -> None:
        """Write all that the database holds at one moment to an empty file."""

    def put_back(self, file: Path) -> None:
        """Fill a database in which nothing is."""


def copy_of(connection: BaseDatabaseWrapper) -> Copy:
    return PostgresCopy(connection) if connection.vendor == "postgresql" else SqliteCopy(connection)
