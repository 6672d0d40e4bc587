"""What is wrong with the walls of this database: `manage.py check --database default`."""

from typing import Any

from django.core.checks import CheckMessage, Warning
from django.db.backends.base.validation import BaseDatabaseValidation

from tenants.database.postgres.policies import list_tenant_tables

ROLE = """
SELECT rolsuper OR rolbypassrls, EXISTS (
    SELECT FROM pg_tables WHERE schemaname = current_schema() AND tableowner = current_user
) FROM pg_roles WHERE rolname = current_user
"""


class DatabaseValidation(BaseDatabaseValidation):
    connection: Any

    def check(self, **kwargs: Any) -> list[CheckMessage]:
        with self.connection.cursor() as cursor:
            cursor.execute(ROLE)
            bypasses, owns = cursor.fetchone()
            open_tables = [name for name, _, *walls in list_tenant_tables(cursor) if not all(walls)]
        found: list[CheckMessage] = []
        if bypasses:
            found.append(
                Warning(
                    "Till's role in PostgreSQL is a superuser or has BYPASSRLS.",
                    hint="Row-level security does not hold it: see docs/operations/postgresql.md.",
                    id="tenants.W001",
                )
            )
        if owns and not self.connection.serving_role:
            found.append(
                Warning(
                    "Till's role in PostgreSQL owns the tables, and could lift their walls.",
                    hint="Serve as another role: see docs/operations/postgresql.md.",
                    id="tenants.W002",
                )
            )
        if open_tables:
            found.append(
                Warning(
                    f"Without row-level security: {', '.join(open_tables)}.",
                    hint="Run `manage.py migrate`.",
                    id="tenants.W003",
                )
            )
        return found
