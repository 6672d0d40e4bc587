"""`manage.py backup FILE`: back up the database while it is in use."""

from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandParser
from django.db import connection

from orders.management.backup import get_backup
from orders.management.backup.files import create_atomically


class Command(BaseCommand):
    help = (
        "Writes a consistent snapshot of the database to a new file that only its owner can read. "
        "Till keeps running. Use `restore` to restore it."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", type=Path, help="new backup file; must not exist")

    def handle(self, *args: Any, **options: Any) -> None:
        file: Path = options["file"].absolute()
        with create_atomically(file) as part:
            get_backup(connection).dump(part)
        self.stdout.write(f"{file}: {file.stat().st_size:,} bytes.")
