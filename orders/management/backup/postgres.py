"""Backup of PostgreSQL with pg_dump and pg_restore."""

import os
import subprocess
from pathlib import Path
from typing import IO, Any

from django.core.management import CommandError
from django.db.backends.base.base import BaseDatabaseWrapper

from tenants.database.postgres.roles import as_owner

# Settings are passed as libpq variables: other users can see the arguments of a process.
VARIABLES = {
    "HOST": "PGHOST",
    "PORT": "PGPORT",
    "USER": "PGUSER",
    "PASSWORD": "PGPASSWORD",
    "NAME": "PGDATABASE",
}
# Disables the row-level security policies, which apply to the owner of the tables too.
ALL_TENANTS = {"PGOPTIONS": "-c app.across=on"}


class PostgresBackup:
    """Backup of a PostgreSQL database, read in one transaction.

    Runs as the owner of the tables if MIGRATE_DATABASE_URL is set.
    """

    def __init__(self, connection: BaseDatabaseWrapper) -> None:
        self.connection = connection

    def dump(self, file: Path) -> None:
        with as_owner(self.connection), file.open("wb") as output:
            self.run("pg_dump", "--format=custom", *self.choose_policies(), output=output)

    def choose_policies(self) -> list[str]:
        """Return the option for the setting that disables the policies.

        Citus does not pass the setting on to other nodes, which would return no rows. There the
        owner reads all rows without it, and pg_dump refuses to run as another role.
        """
        features: Any = self.connection.features
        return [] if features.is_distributed else ["--enable-row-security"]

    def restore(self, file: Path) -> None:
        with as_owner(self.connection):
            self.ensure_empty()
            name = str(self.connection.settings_dict["NAME"])
            whole = ("--exit-on-error", "--single-transaction")
            self.run("pg_restore", *whole, f"--dbname={name}", file)

    def ensure_empty(self) -> None:
        there = self.connection.introspection.table_names()
        self.connection.close()
        if there:
            raise CommandError(
                "The database is not empty. Create a new one and set DATABASE_URL to it."
            )

    def run(self, program: str, *arguments: str | Path, output: IO[bytes] | None = None) -> None:
        try:
            done = subprocess.run(  # noqa: S603  (our own programs and arguments)
                [program, *map(str, arguments)],
                env=self.environment(),
                stdout=output,
                stderr=subprocess.PIPE,
                check=False,
            )
        except FileNotFoundError:
            raise CommandError(
                f"{program} is not installed. It is part of the PostgreSQL client programs "
                "(on Debian: postgresql-client) and must not be older than the server."
            ) from None
        if done.returncode:
            raise CommandError(f"{program} failed:\n{done.stderr.decode(errors='replace').strip()}")

    def environment(self) -> dict[str, str]:
        at = self.connection.settings_dict
        asked = {name: str(at[key]) for key, name in VARIABLES.items() if at[key]}
        options = {f"PG{key.upper()}": str(value) for key, value in self.libpq_options().items()}
        return os.environ | ALL_TENANTS | options | asked

    def libpq_options(self) -> dict[str, object]:
        """Return the TLS options of the connection: sslmode, sslrootcert and others."""
        options = self.connection.settings_dict["OPTIONS"]
        return {key: value for key, value in options.items() if key.startswith("ssl")}
