"""Checks of roles and policies: `manage.py check --database default`."""

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
            tables = list_tenant_tables(
                cursor, is_distributed=self.connection.features.is_distributed
            )
            unprotected = [name for name, _, *protection in tables if not all(protection)]
        found: list[CheckMessage] = []
        if bypasses:
            found.append(
                Warning(
                    "Till's role in PostgreSQL is a superuser or has BYPASSRLS.",
                    hint="Row-level security does not apply. See docs/operations/postgresql.md.",
                    id="tenants.W001",
                )
            )
        if owns and not self.connection.serving_role:
            found.append(
                Warning(
                    "Till's role in PostgreSQL owns the tables and can disable row-level security.",
                    hint="Connect as another role. See docs/operations/postgresql.md.",
                    id="tenants.W002",
                )
            )
        if unprotected:
            found.append(
                Warning(
                    f"Without row-level security: {', '.join(unprotected)}.",
                    hint="Run `manage.py migrate`.",
                    id="tenants.W003",
                )
            )
        return found
