"""All of the database in one file, while everybody goes on selling."""

from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandParser
from django.db import connection

from orders.management.backup import get_backup
from orders.management.backup.files import create_atomically


class Command(BaseCommand):
    help = (
        "Writes the whole database, as of one moment, to a new file that only its owner may read. "
        "Nobody has to stop selling. `restore` puts it back."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", type=Path, help="where to; must not be there yet")

    def handle(self, *args: Any, **options: Any) -> None:
        file: Path = options["file"].absolute()
        with create_atomically(file) as part:
            get_backup(connection).dump(part)
        self.stdout.write(f"{file}: {file.stat().st_size:,} bytes.")
