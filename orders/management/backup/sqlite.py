"""Backup of SQLite with VACUUM INTO."""

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

from django.core.management import CommandError
from django.db.backends.base.base import BaseDatabaseWrapper

from orders.management.backup.files import flush_to_disk

# Files that SQLite keeps beside the database; leftovers would corrupt a restored one.
SIDE_FILE_SUFFIXES = ("-wal", "-shm", "-journal")


class SqliteBackup:
    """Backup of a SQLite database; SQLite itself copies it while it is in use."""

    def __init__(self, connection: BaseDatabaseWrapper) -> None:
        self.connection = connection
        self.home = Path(str(connection.settings_dict["NAME"]))

    def dump(self, file: Path) -> None:
        with self.connection.cursor() as cursor:
            cursor.execute("VACUUM INTO %s", [str(file)])
        check_integrity(file)

    def restore(self, file: Path) -> None:
        check_integrity(file)
        self.ensure_empty()
        part = self.home.with_name(f"{self.home.name}.part")
        part.touch(0o600)
        part.chmod(0o600)
        shutil.copyfile(file, part)
        flush_to_disk(part)
        part.replace(self.home)
        flush_to_disk(self.home.parent)

    def ensure_empty(self) -> None:
        there = [name for name in (self.home, *self.find_side_files()) if name.exists()]
        if there:
            raise CommandError(
                f"{there[0]} already exists. Stop Till, move the file away and restore again."
            )

    def find_side_files(self) -> list[Path]:
        return [self.home.with_name(f"{self.home.name}{ending}") for ending in SIDE_FILE_SUFFIXES]


def check_integrity(file: Path) -> None:
    """Check all pages and foreign keys of a database file; raise `CommandError`."""
    with closing(sqlite3.connect(f"{file.absolute().as_uri()}?mode=ro", uri=True)) as copy:
        try:
            answer = [text for (text,) in copy.execute("PRAGMA integrity_check")]
            dangling = copy.execute("PRAGMA foreign_key_check").fetchone()
        except sqlite3.DatabaseError as error:
            raise CommandError(f"{file} is not an intact database: {error}.") from None
    if answer != ["ok"] or dangling:
        raise CommandError(f"{file} is not an intact database: {answer[0]}.")
