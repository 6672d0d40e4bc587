"""Migration operations that build indexes while the shops go on selling.

An index that is built as usual locks its table against writing until it is complete. On PostgreSQL
these operations build it concurrently, outside of a transaction, so that their migration needs
`atomic = False`. After an interruption the migration can be repeated: what was left of the index is
dropped first.
"""

from abc import abstractmethod
from collections.abc import Iterator
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


class BuildConstraint(AddConstraint):
    """Add a constraint by statements of its own where the database can build concurrently."""

    suffix: str

    def database_forwards(self, app_label: str, editor: Any, old: Any, new: Any) -> None:
        if not can_build_concurrently(editor):
            super().database_forwards(app_label, editor, old, new)
            return
        model = new.apps.get_model(app_label, self.model_name)
        table, name = map(editor.quote_name, (model._meta.db_table, self.constraint.name))
        for sql in self.build_statements(editor, model, table, name):
            editor.execute(sql, None)

    @abstractmethod
    def build_statements(self, editor: Any, model: Any, table: str, name: str) -> Iterator[str]:
        """Yield the statements, with quoted names."""

    def describe(self) -> str:
        return f"{super().describe()}, {self.suffix}"


class BuildUniqueConstraint(BuildConstraint):
    """Add a unique constraint of fields without locking its table."""

    suffix = "concurrently"

    def build_statements(self, editor: Any, model: Any, table: str, name: str) -> Iterator[str]:
        constraint: Any = self.constraint
        # A unique constraint with a condition is an index and no constraint.
        if not constraint.condition:
            yield f"ALTER TABLE {table} DROP CONSTRAINT IF EXISTS {name}"
        drop_index(editor, constraint.name)
        index = Index(
            fields=constraint.fields, name=constraint.name, condition=constraint.condition
        )
        sql = str(index.create_sql(model, editor, concurrently=True))
        yield sql.replace("CREATE INDEX", "CREATE UNIQUE INDEX", 1)
        if not constraint.condition:
            yield UNIQUE_SQL.format(table=table, name=name)


class BuildCheckConstraint(BuildConstraint):
    """Add a check constraint, and check the stored rows without locking their table."""

    suffix = "checked while it is in use"

    def build_statements(self, editor: Any, model: Any, table: str, name: str) -> Iterator[str]:
        yield f"ALTER TABLE {table} DROP CONSTRAINT IF EXISTS {name}"
        yield f"{self.constraint.create_sql(model, editor)} NOT VALID"
        yield f"ALTER TABLE {table} VALIDATE CONSTRAINT {name}"


def can_build_concurrently(editor: Any) -> bool:
    """Return whether the database builds indexes concurrently, and the migration is not atomic."""
    connection = editor.connection
    is_postgres: bool = connection.vendor == "postgresql"
    return is_postgres and not connection.in_atomic_block and not connection.features.is_distributed


def drop_index(editor: Any, name: str) -> None:
    editor.execute(f"DROP INDEX CONCURRENTLY IF EXISTS {editor.quote_name(name)}", None)
