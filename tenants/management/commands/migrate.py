"""Django's migrate, connected as the owner of the tables if one is configured."""

from typing import Any

from django.core.management.commands import migrate
from django.db import connections

from tenants.database.postgres.distribution import distribute
from tenants.database.postgres.policies import set_policies
from tenants.database.postgres.roles import as_owner, grant
from tenants.database.sqlite.keys import upgrade_older_tables


class Command(migrate.Command):
    def handle(self, *args: Any, **options: Any) -> None:
        connection: Any = connections[options["database"]]
        only_shows = options["plan"] or options["check_unapplied"]
        if connection.vendor != "postgresql":
            if not only_shows:
                upgrade_older_tables(connection)
            super().handle(*args, **options)
            return
        with as_owner(connection):
            super().handle(*args, **options)
            if only_shows:
                return
            if connection.features.is_distributed:
                with connection.schema_editor() as editor:
                    # First, so that Citus may read the rows of all tenants to distribute them.
                    set_policies(editor)
                    distribute(editor)
            grant(connection)
