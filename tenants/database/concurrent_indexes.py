"""Migration operations that build indexes while the shops go on selling.

An index that is built as usual locks its table against writing until it is complete. On PostgreSQL
these operations build it concurrently, outside of a transaction, so that their migration needs
`atomic = False`. After an interruption the migration can be repeated: what was left of the index is
dropped first.
"""

from typing import Any

from django.db.migrations import AddConstraint, AddIndex
from django.db.models import Index

UNIQUE_SQL = "ALTER TABLE {table} ADD CONSTRAINT {name} UNIQUE USING INDEX {name}"


class BuildIndex(AddIndex):
    """Add an index without locking its table."""

    def database_forwards(self, app_label: str, editor: Any, old: Any, new: Any) -> None:
        if not can_build_concurrently(editor):
            super().database_forwards(app_label, editor, old, new)
            return
        drop_index(editor, self.index.name)
        model = new.apps.get_model(app_label, self.model_name)
        editor.add_index(model, self.index, concurrently=True)

    def describe(self) -> str:
        return f"{super().describe()}, concurrently"


class BuildUniqueConstraint(AddConstraint):
    """Add a unique constraint of fields without locking its table."""

    def database_forwards(self, app_label: str, editor: Any, old: Any, new: Any) -> None:
        if not can_build_concurrently(editor):
            super().database_forwards(app_label, editor, old, new)
            return
        constraint: Any = self.constraint
        model = new.apps.get_model(app_label, self.model_name)
        table, name = map(editor.quote_name, (model._meta.db_table, constraint.name))
        if not constraint.condition:
            # A unique constraint with a condition is an index and no constraint.
            editor.execute(f"ALTER TABLE {table} DROP CONSTRAINT IF EXISTS {name}", None)
        drop_index(editor, constraint.name)
        index = Index(
            fields=constraint.fields, name=constraint.name, condition=constraint.condition
        )
        sql = str(index.create_sql(model, editor, concurrently=True))
        editor.execute(sql.replace("CREATE INDEX", "CREATE UNIQUE INDEX", 1), None)
        if not constraint.condition:
            editor.execute(UNIQUE_SQL.format(table=table, name=name), None)

    def describe(self) -> str:
        return f"{super().describe()}, concurrently"


class BuildCheckConstraint(AddConstraint):
    """Add a check constraint, and check the stored rows without locking their table."""

    def database_forwards(self, app_label: str, editor: Any, old: Any, new: Any) -> None:
        if not can_build_concurrently(editor):
            super().database_forwards(app_label, editor, old, new)
            return
        constraint: Any = self.constraint
        model = new.apps.get_model(app_label, self.model_name)
        table, name = map(editor.quote_name, (model._meta.db_table, constraint.name))
        editor.execute(f"ALTER TABLE {table} DROP CONSTRAINT IF EXISTS {name}", None)
        editor.execute(f"{constraint.create_sql(model, editor)} NOT VALID", None)
        editor.execute(f"ALTER TABLE {table} VALIDATE CONSTRAINT {name}", None)

    def describe(self) -> str:
        return f"{super().describe()}, checked while it is in use"


def can_build_concurrently(editor: Any) -> bool:
    """Return whether the database builds indexes concurrently, and the migration is not atomic."""
    connection = editor.connection
    is_postgres: bool = connection.vendor == "postgresql"
    return is_postgres and not connection.in_atomic_block and not connection.features.is_distributed


def drop_index(editor: Any, name: str) -> None:
    editor.execute(f"DROP INDEX CONCURRENTLY IF EXISTS {editor.quote_name(name)}", None)
