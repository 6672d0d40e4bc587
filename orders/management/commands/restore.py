"""A backup becomes the database again, and has to prove that it is what it was."""

from pathlib import Path
from typing import Any

from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import connection
from django.db.migrations.executor import MigrationExecutor

from orders.management.backup import get_backup


class Command(BaseCommand):
    help = (
        "Puts what `backup` wrote into the empty database of DATABASE_URL; a database with "
        "anything in it is refused. Then proves the chain of receipts and the stock."
    )
    # The database that they would ask is not there yet.
    requires_system_checks = ()
    requires_migrations_checks = False

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", type=Path, help="what `backup` wrote")

    def handle(self, *args: Any, **options: Any) -> None:
        file: Path = options["file"].absolute()
        if not file.is_file():
            raise CommandError(f"{file} is no file.")
        get_backup(connection).restore(file)
        self.stdout.write(f"{file} is restored.")
        if has_pending_migrations():
            self.stdout.write(
                "It is of an older Till: run `migrate`, `verify_chain`, `check_stock`."
            )
            return
        for proof in ("verify_chain", "check_stock"):
            call_command(proof, stdout=self.stdout)


def has_pending_migrations() -> bool:
    """Whether the code knows tables that the backup does not."""
    executor = MigrationExecutor(connection)
    return bool(executor.migration_plan(executor.loader.graph.leaf_nodes()))
