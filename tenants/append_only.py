"""Append-only tables: triggers that reject updates and deletes."""

from typing import Any

from django.db.migrations.operations.base import Operation

# Row-level triggers; on PostgreSQL only the owner of the tables may TRUNCATE.
SQLITE = """
CREATE TRIGGER {table}_no_{verb} BEFORE {verb} ON {table} {when}
BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END
"""
POSTGRES_FUNCTION = """
CREATE OR REPLACE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN RAISE EXCEPTION '% is append-only', TG_TABLE_NAME USING ERRCODE = 'restrict_violation'; END
$$
"""
POSTGRES = """
CREATE TRIGGER {table}_append_only BEFORE UPDATE OR DELETE ON {table}
FOR EACH ROW {when} EXECUTE FUNCTION refuse_change()
"""


class AppendOnly(Operation):
    """Migration operation that makes a table append-only.

    `when` limits it to rows for which a SQL condition on OLD is true on both databases.
    """

    reduces_to_sql = True
    reversible = True

    def __init__(self, table: str, when: str = "") -> None:
        self.table = table
        self.when = when

    def state_forwards(self, app_label: str, state: Any) -> None:
        """Leave the models as they are."""

    def database_forwards(self, app_label: str, editor: Any, old: Any, new: Any) -> None:
        when = f"WHEN ({self.when})" if self.when else ""
        if editor.connection.vendor == "postgresql":
            editor.execute(POSTGRES_FUNCTION, None)
            editor.execute(POSTGRES.format(table=self.table, when=when))
        else:
            for verb in ("UPDATE", "DELETE"):
                editor.execute(SQLITE.format(table=self.table, verb=verb, when=when))

    def database_backwards(self, app_label: str, editor: Any, old: Any, new: Any) -> None:
        if editor.connection.vendor == "postgresql":
            editor.execute(f"DROP TRIGGER {self.table}_append_only ON {self.table}")
        else:
            for verb in ("UPDATE", "DELETE"):
                editor.execute(f"DROP TRIGGER {self.table}_no_{verb}")

    def describe(self) -> str:
        return f"Refuse changes of {self.table}" + (f" where {self.when}" if self.when else "")
