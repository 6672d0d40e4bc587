"""SQLite copies itself: as of one moment, while others read and write, and without gaps."""

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

from django.core.management import CommandError
from django.db.backends.base.base import BaseDatabaseWrapper

from orders.management.backup.files import to_disk

# What SQLite keeps beside the file; left over from another database they would spoil this one.
BESIDE = ("-wal", "-shm", "-journal")


class SqliteCopy:
    """The database is a file, but only SQLite may copy it while somebody writes."""

    def __init__(self, connection: BaseDatabaseWrapper) -> None:
        self.connection = connection
        self.home = Path(str(connection.settings_dict["NAME"]))

    def take(self, file: Path) -> None:
        with self.connection.cursor() as cursor:
            cursor.execute("VACUUM INTO %s", [str(file)])
        prove_whole(file)

    def put_back(self, file: Path) -> None:
        prove_whole(file)
        self.refuse_unless_empty()
        part = self.home.with_name(f"{self.home.name}.part")
        part.touch(0o600)
        part.chmod(0o600)
        shutil.copyfile(file, part)
        to_disk(part)
        part.replace(self.home)
        to_disk(self.home.parent)

    def refuse_unless_empty(self) -> None:
        there = [name for name in (self.home, *self.beside()) if name.exists()]
        if there:
            raise CommandError(
                f"{there[0]} is there: stop Till, move it away, and restore again. "
                "Nothing is ever written over."
            )

    def beside(self) -> list[Path]:
        return [self.home.with_name(f"{self.home.name}{ending}") for ending in BESIDE]


def prove_whole(file: Path) -> None:
    """Page by page, and that no row points at one that is not there."""
    with closing(sqlite3.connect(f"{file.absolute().as_uri()}?mode=ro", uri=True)) as copy:
        try:
            answer = [text for (text,) in copy.execute("PRAGMA integrity_check")]
            dangling = copy.execute("PRAGMA foreign_key_check").fetchone()
        except sqlite3.DatabaseError as error:
            raise CommandError(f"{file} is no whole database: {error}.") from None
    if answer != ["ok"] or dangling:
        raise CommandError(f"{file} is no whole database: {answer[0]}.")
