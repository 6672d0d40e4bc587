"""SQLite copies itself: as of one moment, while others read and write, and without gaps."""

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

from django.core.management import CommandError
from django.db.backends.base.base import BaseDatabaseWrapper

from orders.management.backup.files import flush_to_disk

# What SQLite keeps beside the file; left over from another database they would spoil this one.
SIDE_FILE_SUFFIXES = ("-wal", "-shm", "-journal")


class SqliteBackup:
    """The database is a file, but only SQLite may copy it while somebody writes."""

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
                f"{there[0]} is there: stop Till, move it away, and restore again. "
                "Nothing is ever written over."
            )

    def find_side_files(self) -> list[Path]:
        return [self.home.with_name(f"{self.home.name}{ending}") for ending in SIDE_FILE_SUFFIXES]


def check_integrity(file: Path) -> None:
    """Page by page, and that no row points at one that is not there."""
    with closing(sqlite3.connect(f"{file.absolute().as_uri()}?mode=ro", uri=True)) as copy:
        try:
            answer = [text for (text,) in copy.execute("PRAGMA integrity_check")]
            dangling = copy.execute("PRAGMA foreign_key_check").fetchone()
        except sqlite3.DatabaseError as error:
            raise CommandError(f"{file} is no whole database: {error}.") from None
    if answer != ["ok"] or dangling:
        raise CommandError(f"{file} is no whole database: {answer[0]}.")
