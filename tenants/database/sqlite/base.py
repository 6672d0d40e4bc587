"""Connection, operations and schema editor for composite keys of id and tenant."""

from typing import Any

from django.db.backends.sqlite3 import base, operations, schema

from tenants.database.postgres.policies import TenantConflictMixin, has_tenant_key
from tenants.database.sqlite.files import PrivateConnection
from tenants.database.sqlite.keys import add_tenant_to_keys

# Parts of it have no types.
Editor: Any = schema.DatabaseSchemaEditor


class DatabaseOperations(TenantConflictMixin, operations.DatabaseOperations):
    compiler_module = "tenants.database.sqlite.compiler"


class DatabaseSchemaEditor(Editor):  # type: ignore[misc]
    def table_sql(self, model: Any) -> tuple[str, list[Any]]:
        sql, params = super().table_sql(model)
        if not has_tenant_key(model):
            return sql, params
        targets = {
            target._meta.db_table
            for field in model._meta.local_fields
            if field.remote_field and has_tenant_key(target := field.remote_field.model)
        }
        return add_tenant_to_keys(sql, has_tenant_in_key=targets.__contains__), params

    def add_field(self, model: Any, field: Any) -> None:
        """Rebuild the table for a foreign key within a tenant, which has two columns."""
        target = field.remote_field and field.remote_field.model
        if target and has_tenant_key(model) and has_tenant_key(target):
            self._remake_table(model, create_field=field)
        else:
            super().add_field(model, field)

    def _remake_table(self, model: Any, *args: Any, **kwargs: Any) -> None:
        """Rebuild a table, and create its triggers again: SQLite drops them with the old table."""
        triggers = "SELECT sql FROM sqlite_master WHERE type = 'trigger' AND tbl_name = %s"
        with self.connection.cursor() as cursor:
            cursor.execute(triggers, [model._meta.db_table])
            statements = [sql for (sql,) in cursor.fetchall()]
        super()._remake_table(model, *args, **kwargs)
        for sql in statements:
            self.execute(sql, None)


class DatabaseWrapper(base.DatabaseWrapper):
    SchemaEditorClass = DatabaseSchemaEditor
    ops_class = DatabaseOperations

    def get_connection_params(self) -> dict[str, Any]:
        return {"factory": PrivateConnection, **super().get_connection_params()}
