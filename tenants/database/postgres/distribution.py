"""Citus: `migrate` distributes tenants over a cluster if the extension is installed.

All rows of a tenant are on one node; tenants and users are reference tables on every node. Without
the extension this module has no effect, and the tables are the same.
"""

from collections.abc import Collection, Iterable
from graphlib import TopologicalSorter
from typing import Any, NamedTuple

from django.apps import apps

from tenants.database.postgres.policies import (
    CLUSTER_RULE,
    POLICY,
    TENANT_COLUMN,
    has_tenant_key,
    list_tenant_tables,
)

IS_INSTALLED = "SELECT EXISTS (SELECT FROM pg_extension WHERE extname = 'citus')"
# One connection to each node, so that a transaction can create many tables. The triggers of
# append-only tables are safe, because they read only their own row.
DISTRIBUTION_SETTINGS = """
SET LOCAL citus.multi_shard_modify_mode TO 'sequential';
SET LOCAL citus.enable_unsafe_triggers TO on
"""
TABLES = "SELECT relname FROM pg_class WHERE relnamespace = current_schema()::regnamespace"
# Excludes local tables that Citus only has metadata of.
DISTRIBUTED_TABLES = """
SELECT relname FROM pg_dist_partition JOIN pg_class ON pg_class.oid = logicalrelid
WHERE relnamespace = current_schema()::regnamespace AND (partmethod = 'h' OR repmodel = 't')
"""
FOREIGN_KEYS = """
SELECT c.relname, k.conname, target.relname, pg_get_constraintdef(k.oid)
FROM pg_constraint k
JOIN pg_class c ON c.oid = k.conrelid
JOIN pg_class target ON target.oid = k.confrelid
WHERE k.contype = 'f' AND k.conparentid = 0 AND c.relnamespace = current_schema()::regnamespace
ORDER BY c.relname, k.conname
"""


class ForeignKey(NamedTuple):
    """A foreign key of the catalog."""

    table: str
    name: str
    target: str
    definition: str


def is_installed(connection: Any) -> bool:
    """Return whether Citus is installed, queried without a tenant and outside of query counts."""
    connection.ensure_connection()
    # The query may begin a transaction, in which the session variables are not set yet.
    connection.session_variables = None
    with connection.wrap_database_errors, connection.connection.cursor() as cursor:
        return bool(cursor.execute(IS_INSTALLED).fetchone()[0])


def is_in_use(cursor: Any) -> bool:
    """Return whether any table is distributed yet. Before, migrations are less restricted."""
    cursor.execute(DISTRIBUTED_TABLES)
    return bool(cursor.fetchall())


def distribute(editor: Any) -> None:
    """Distribute the tables that are not distributed yet.

    A table can refer to a distributed table only when it is distributed itself. So the foreign keys
    of these tables are dropped, and created again when all tables are distributed.
    """
    with editor.connection.cursor() as cursor:
        cursor.execute(DISTRIBUTION_SETTINGS)
        cursor.execute(TABLES)
        tables = {name for (name,) in cursor.fetchall()}
        cursor.execute(DISTRIBUTED_TABLES)
        distributed = {name for (name,) in cursor.fetchall()}
        protected = {name for name, *_, has_policy in list_tenant_tables(cursor) if has_policy}
        cursor.execute(FOREIGN_KEYS)
        keys = [ForeignKey(*row) for row in cursor.fetchall()]
    found = build_statements(apps.get_models(), tables, distributed, protected)
    placed = sort_by_references(list_tenant_models(apps.get_models()).values())
    for sql in wrap_in_keys(found, keys, {*placed} - distributed):
        editor.execute(sql, None)


def wrap_in_keys(
    statements: list[str], keys: Iterable[ForeignKey], tables: Collection[str]
) -> list[str]:
    """Return the statements without foreign keys of and to these tables while they run."""
    affected = [key for key in keys if key.table in tables or key.target in tables]
    return [
        *(f"ALTER TABLE {key.table} DROP CONSTRAINT {key.name}" for key in affected),
        *statements,
        *(
            f"ALTER TABLE {key.table} ADD CONSTRAINT {key.name} {key.definition}"
            for key in affected
        ),
    ]


def list_tenant_models(models: Iterable[Any]) -> dict[str, Any]:
    """Return the models of tables that are distributed, by the name of the table."""
    return {model._meta.db_table: model for model in models if has_tenant_key(model)}


def build_statements(
    models: Iterable[Any],
    tables: Collection[str],
    distributed: Collection[str],
    protected: Collection[str] = (),
) -> list[str]:
    """Return the SQL for the remaining tables, referenced tables first."""
    tenant_models = list_tenant_models(models)
    in_order = [table for table in sort_by_references(tenant_models.values()) if table in tables]
    colocated = next(
        (table for table in in_order if table in tenant_models and table in distributed), "none"
    )
    found: list[str] = []
    for table in in_order:
        if table in distributed:
            continue
        if table not in tenant_models:
            found.append(f"SELECT create_reference_table('{table}')")
            continue
        if table in protected:
            found.append(f"ALTER POLICY {POLICY} ON {table} {CLUSTER_RULE}")
        found.append(
            f"SELECT create_distributed_table('{table}', '{TENANT_COLUMN}', "
            f"colocate_with => '{colocated}')"
        )
        colocated = table if colocated == "none" else colocated
    return found


def sort_by_references(models: Iterable[Any]) -> list[str]:
    """Return the tables of the models and of their references, referenced tables first."""
    references: dict[str, list[str]] = {}
    waiting = list(models)
    while waiting:
        model = waiting.pop(0)
        targets = {
            field.remote_field.model._meta.db_table: field.remote_field.model
            for field in model._meta.local_fields
            if field.remote_field
        }
        targets.pop(model._meta.db_table, None)
        references[model._meta.db_table] = list(targets)
        waiting += [target for table, target in targets.items() if table not in references]
    return list(TopologicalSorter(references).static_order())
