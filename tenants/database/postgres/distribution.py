"""Citus: `migrate` distributes tenants over a cluster if the extension is installed.

All rows of a tenant are on one node; tenants and users are reference tables on every node. Without
the extension this module has no effect, and the tables are the same.
"""

from collections.abc import Collection, Iterable
from graphlib import TopologicalSorter
from typing import Any

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


def is_installed(connection: Any) -> bool:
    """Return whether Citus is installed, queried without a tenant and outside of query counts."""
    connection.ensure_connection()
    # The query may begin a transaction, in which no settings are known.
    connection.session_variables = None
    with connection.wrap_database_errors, connection.connection.cursor() as cursor:
        return bool(cursor.execute(IS_INSTALLED).fetchone()[0])


def is_in_use(cursor: Any) -> bool:
    """Return whether any table is distributed yet. Before, migrations are less restricted."""
    cursor.execute(DISTRIBUTED_TABLES)
    return bool(cursor.fetchall())


def distribute(editor: Any) -> None:
    """Distribute the tables that are not distributed yet."""
    with editor.connection.cursor() as cursor:
        cursor.execute(DISTRIBUTION_SETTINGS)
        cursor.execute(TABLES)
        tables = {name for (name,) in cursor.fetchall()}
        cursor.execute(DISTRIBUTED_TABLES)
        distributed = {name for (name,) in cursor.fetchall()}
        protected = {name for name, *_, has_policy in list_tenant_tables(cursor) if has_policy}
    for sql in build_statements(apps.get_models(), tables, distributed, protected):
        editor.execute(sql, None)


def build_statements(
    models: Iterable[Any],
    tables: Collection[str],
    distributed: Collection[str],
    protected: Collection[str] = (),
) -> list[str]:
    """Return the SQL for the remaining tables, referenced tables first."""
    tenant_models = {model._meta.db_table: model for model in models if has_tenant_key(model)}
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
