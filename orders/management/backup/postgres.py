"""PostgreSQL's own programs write and read its backups; they are part of every installation."""

import os
import subprocess
from pathlib import Path
from typing import IO

from django.core.management import CommandError
from django.db.backends.base.base import BaseDatabaseWrapper

from tenants.database.postgres.roles import as_owner

# What libpq reads, of what Django's settings know. A password among arguments is for all to see.
VARIABLES = {
    "HOST": "PGHOST",
    "PORT": "PGPORT",
    "USER": "PGUSER",
    "PASSWORD": "PGPASSWORD",
    "NAME": "PGDATABASE",
}
# Policies hide the shops from each other, also from who owns the tables.
ALL_TENANTS = {"PGOPTIONS": "-c app.across=on"}


class PostgresBackup:
    """One transaction reads everything, so that the file is the database of one moment.

    The owner of the tables does both, where MIGRATE_DATABASE_URL names one.
    """

    def __init__(self, connection: BaseDatabaseWrapper) -> None:
        self.connection = connection

    def dump(self, file: Path) -> None:
        with as_owner(self.connection), file.open("wb") as output:
            self.run("pg_dump", "--format=custom", "--enable-row-security", output=output)

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
                "The database is not empty: create a new one and name it in DATABASE_URL. "
                "Nothing is ever written over."
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
                f"{program} is not installed: it is part of PostgreSQL's client programs "
                "(on Debian: postgresql-client), and must be as new as the server."
            ) from None
        if done.returncode:
            raise CommandError(f"{program} failed:\n{done.stderr.decode(errors='replace').strip()}")

    def environment(self) -> dict[str, str]:
        at = self.connection.settings_dict
        asked = {name: str(at[key]) for key, name in VARIABLES.items() if at[key]}
        options = {f"PG{key.upper()}": str(value) for key, value in self.libpq_options().items()}
        return os.environ | ALL_TENANTS | options | asked

    def libpq_options(self) -> dict[str, object]:
        """How the connection is secured: sslmode, sslrootcert and their like."""
        options = self.connection.settings_dict["OPTIONS"]
        return {key: value for key, value in options.items() if key.startswith("ssl")}
