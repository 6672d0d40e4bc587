"""More than one machine: where the Citus extension is, `migrate` spreads the shops over a cluster.

Each shop's rows lie together on one machine, and what all of them refer to, shops and people, on
every machine. The tables are the same as on one PostgreSQL, and there none of this does anything.
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
# One connection to each machine, so that a transaction may make many tables; and the triggers of
# append-only tables, which look at nothing but their own row.
DISTRIBUTION_SETTINGS = """
SET LOCAL citus.multi_shard_modify_mode TO 'sequential';
SET LOCAL citus.enable_unsafe_triggers TO on
"""
TABLES = "SELECT relname FROM pg_class WHERE relnamespace = current_schema()::regnamespace"
# Without those that the extension only knows of: kept on one machine, but in reach of all.
DISTRIBUTED_TABLES = """
SELECT relname FROM pg_dist_partition JOIN pg_class ON pg_class.oid = logicalrelid
WHERE relnamespace = current_schema()::regnamespace AND (partmethod = 'h' OR repmodel = 't')
"""


def is_installed(connection: Any) -> bool:
    """Asked past Django's cursors: nobody's rows are meant, and nobody counts it."""
    connection.ensure_connection()
    # This may begin a transaction, which was told nothing yet.
    connection.session_variables = None
    with connection.wrap_database_errors, connection.connection.cursor() as cursor:
        return bool(cursor.execute(IS_INSTALLED).fetchone()[0])


def is_in_use(cursor: Any) -> bool:
    """Before that, migrations are those of one machine, which may change more of a table."""
    cursor.execute(DISTRIBUTED_TABLES)
    return bool(cursor.fetchall())


def distribute(editor: Any) -> None:
    """Place what is not placed yet."""
    with editor.connection.cursor() as cursor:
        cursor.execute(DISTRIBUTION_SETTINGS)
        cursor.execute(TABLES)
        tables = {name for (name,) in cursor.fetchall()}
        cursor.execute(DISTRIBUTED_TABLES)
        placed = {name for (name,) in cursor.fetchall()}
        walled = {name for name, *_, has_policy in list_tenant_tables(cursor) if has_policy}
    for sql in statements(apps.get_models(), tables, placed, walled):
        editor.execute(sql, None)


def statements(
    models: Iterable[Any],
    tables: Collection[str],
    placed: Collection[str],
    walled: Collection[str] = (),
) -> list[str]:
    """What is left to do, what others refer to first. Names of tables are our own."""
    shops = {model._meta.db_table: model for model in models if has_tenant_key(model)}
    in_order = [table for table in sort_by_references(shops.values()) if table in tables]
    together = next((table for table in in_order if table in shops and table in placed), "none")
    found: list[str] = []
    for table in in_order:
        if table in placed:
            continue
        if table not in shops:
            found.append(f"SELECT create_reference_table('{table}')")
            continue
        if table in walled:
            found.append(f"ALTER POLICY {POLICY} ON {table} {CLUSTER_RULE}")
        found.append(
            f"SELECT create_distributed_table('{table}', '{TENANT_COLUMN}', "
            f"colocate_with => '{together}')"
        )
        together = table if together == "none" else together
    return found


def sort_by_references(models: Iterable[Any]) -> list[str]:
    """The tables of these models and of whatever they refer to, each after its own references."""
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
