"""Schema editor: applies keys and policies of tenant tables after every migration."""

from contextlib import ExitStack
from typing import Any

from django.db.backends.ddl_references import Columns, Statement
from django.db.backends.postgresql import schema
from django.db.transaction import atomic

from tenants.database.postgres import distribution, policies
from tenants.database.postgres.policies import TENANT_COLUMN, has_tenant_key
from tenants.scope import across_tenants

# Parts of it have no types.
Editor: Any = schema.DatabaseSchemaEditor


class DatabaseSchemaEditor(Editor):  # type: ignore[misc]
    # Foreign keys are created last, when the composite keys that they need exist.
    sql_create_column_inline_fk = None

    def __enter__(self) -> Any:
        super().__enter__()
        # Migrations run in the scope of all tenants. Non-atomic ones enter their scopes themselves.
        self.scope = ExitStack()
        if self.atomic_migration:
            self.scope.enter_context(across_tenants())
            if self.connection.features.is_distributed and not self.collect_sql:
                self.execute(distribution.DISTRIBUTION_SETTINGS, None)
        return self

    def __exit__(self, exc_type: Any, exc_value: Any, traceback: Any) -> None:
        with self.scope:
            if exc_type is None and not self.collect_sql:
                self.apply_policies()
            super().__exit__(exc_type, exc_value, traceback)

    def apply_policies(self) -> None:
        with atomic(self.connection.alias), across_tenants():
            policies.set_keys(self)
            if self.is_of_cluster():
                # New tables are distributed before they reference distributed tables.
                distribution.distribute(self)
            for sql in self.deferred_sql:
                self.execute(sql, None)
            self.deferred_sql.clear()
            policies.set_policies(self)

    def is_of_cluster(self) -> bool:
        with self.connection.cursor() as cursor:
            return self.connection.features.is_distributed and distribution.is_in_use(cursor)

    def add_field(self, model: Any, field: Any) -> None:
        """Add a column; on a cluster its check is a statement of its own, as Citus requires."""
        check = field.db_parameters(connection=self.connection)["check"]
        if not check or not self.is_of_cluster():
            super().add_field(model, field)
            return
        self.sql_check_constraint = ""
        super().add_field(model, field)
        del self.sql_check_constraint
        # The name that PostgreSQL gives to the check of a column.
        table = model._meta.db_table
        name = self.quote_name(f"{table}_{field.column}_check")
        self.execute(
            f"ALTER TABLE {self.quote_name(table)} ADD CONSTRAINT {name} CHECK ({check})", None
        )

    def _create_fk_sql(self, model: Any, field: Any, suffix: str) -> Statement:
        """Add the tenant column to foreign keys between rows of a tenant, and to its users."""
        statement: Statement = super()._create_fk_sql(model, field, suffix)
        if policies.refers_within_tenant(model, field):
            for part in ("column", "to_column"):
                columns: Any = statement.parts[part]
                statement.parts[part] = Columns(
                    columns.table, [TENANT_COLUMN, *columns.columns], self.quote_name
                )
        return statement

    def _constraint_names(
        self, model: Any, column_names: Any = None, *args: Any, **kinds: Any
    ) -> Any:
        """Find keys that begin with the tenant column too when Django looks for one column."""
        names = super()._constraint_names(model, column_names, *args, **kinds)
        keys = any(kinds.get(kind) for kind in ("unique", "primary_key", "foreign_key"))
        if column_names and keys and has_tenant_key(model):
            names += super()._constraint_names(
                model, [TENANT_COLUMN, *column_names], *args, **kinds
            )
        return names
