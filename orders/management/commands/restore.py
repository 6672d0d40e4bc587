"""`manage.py restore FILE`: restore a backup and verify it."""

from pathlib import Path
from typing import Any

from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import connection
from django.db.migrations.executor import MigrationExecutor

from orders.management.backup import get_backup


class Command(BaseCommand):
    help = (
        "Restores a file of `backup` into the database of DATABASE_URL, which must be empty. Then "
        "verifies the hash chain and the stock levels."
    )
    # These checks would query the database, which does not exist yet.
    requires_system_checks = ()
    requires_migrations_checks = False

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", type=Path, help="backup file")

    def handle(self, *args: Any, **options: Any) -> None:
        file: Path = options["file"].absolute()
        if not file.is_file():
            raise CommandError(f"{file} is not a file.")
        get_backup(connection).restore(file)
        self.stdout.write(f"{file} is restored.")
        if has_pending_migrations():
            self.stdout.write(
                "The backup is of an older version. Run `migrate`, `verify_chain` and "
                "`check_stock`."
            )
            return
        for proof in ("verify_chain", "check_stock"):
            call_command(proof, stdout=self.stdout)


def has_pending_migrations() -> bool:
    """Return whether the backup lacks migrations of the installed version."""
    executor = MigrationExecutor(connection)
    return bool(executor.migration_plan(executor.loader.graph.leaf_nodes()))
