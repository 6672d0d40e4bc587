"""Database operations for composite keys and tenant settings."""

import re
from typing import Any

from django.db.backends.postgresql import operations

from tenants.database.postgres.policies import (
    TenantConflictMixin,
)
from tenants.database.postgres.roles import as_owner

# The tenant settings that `base` sends before a statement.
SCOPE_SETTINGS = re.compile(r"\A(?:SET LOCAL app\.\w+ = '[^']*'; )+")


class DatabaseOperations(TenantConflictMixin, operations.DatabaseOperations):
    compiler_module = "tenants.database.postgres.compiler"

    def last_executed_query(self, cursor: Any, sql: Any, params: Any) -> Any:
        """Return the statement without the tenant settings, for logs and query counts."""
        executed = super().last_executed_query(cursor, sql, params)
        return executed and SCOPE_SETTINGS.sub("", executed)

    def deferrable_sql(self) -> str:
        return ""

    def execute_sql_flush(self, sql_list: Any) -> None:
        """Empty tables as the owner; the serving role may not."""
        with as_owner(self.connection):
            super().execute_sql_flush(sql_list)
