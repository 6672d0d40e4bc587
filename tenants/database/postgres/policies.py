"""Row-level security: keys that begin with the tenant, and policies on every tenant table.

Tables are found in the catalog of the database instead of the models, so that databases of any
age get the same keys and policies. Every table with a `tenant_id` is a tenant table.
"""

from collections.abc import Iterable
from typing import Any

from django.apps import apps
from django.conf import settings

TENANT_COLUMN, ID_COLUMN = "tenant_id", "id"
POLICY = "tenant_isolation"
TENANT = "NULLIF(current_setting('app.tenant', true), '')::uuid"
ACROSS = "current_setting('app.across', true) = 'on'"


def using_and_check(condition: str) -> str:
    return f"USING ({condition}) WITH CHECK ({condition})"


# The subqueries are evaluated once per statement, not per row. Without a scope nothing matches.
RULE = using_and_check(f"tenant_id = (SELECT {TENANT}) OR (SELECT {ACROSS})")
# The same for Citus, which does not support subqueries in policies.
CLUSTER_RULE = using_and_check(f"tenant_id = {TENANT} OR {ACROSS}")
TABLES = """
SELECT c.relname, tenant.attnotnull, c.relrowsecurity AND c.relforcerowsecurity = %s,
    EXISTS (SELECT FROM pg_policy WHERE polrelid = c.oid AND polname = %s)
FROM pg_class c JOIN pg_attribute tenant ON tenant.attrelid = c.oid AND tenant.attname = 'tenant_id'
WHERE c.relkind = 'r' AND c.relnamespace = current_schema()::regnamespace AND NOT attisdropped
ORDER BY c.relname
"""
KEYS = """
SELECT c.relname, k.conname, k.contype::text, k.condeferrable, target.relname,
    ARRAY(SELECT attname::text FROM unnest(k.conkey) WITH ORDINALITY AS part (number, place)
        JOIN pg_attribute ON attrelid = k.conrelid AND attnum = number ORDER BY place)
FROM pg_constraint k
JOIN pg_class c ON c.oid = k.conrelid
LEFT JOIN pg_class target ON target.oid = k.confrelid
WHERE k.contype IN ('p', 'u', 'f') AND c.relnamespace = current_schema()::regnamespace
ORDER BY c.relname, k.conname
"""


class Key:
    """A constraint of the catalog: primary key (p), unique (u) or foreign key (f)."""

    def __init__(self, row: tuple[Any, ...]) -> None:
        self.table, self.name, self.kind, self.deferrable, self.target, self.columns = row

    def drop(self, editor: Any) -> None:
        table, name = map(editor.quote_name, (self.table, self.name))
        editor.execute(f"ALTER TABLE {table} DROP CONSTRAINT {name}")

    def make(self, editor: Any) -> None:
        """Create the key with the tenant column first."""
        quote = editor.quote_name
        columns = ", ".join(map(quote, [TENANT_COLUMN, *self.columns]))
        rule = {
            "p": f"PRIMARY KEY ({columns})",
            "u": f"UNIQUE ({columns})",
            "f": f"FOREIGN KEY ({columns}) REFERENCES {quote(self.target or '')} "
            f"({TENANT_COLUMN}, {ID_COLUMN})",
        }[self.kind]
        editor.execute(f"ALTER TABLE {quote(self.table)} ADD CONSTRAINT {quote(self.name)} {rule}")


def get_user_table() -> str:
    """Return the table of users, who may belong to a tenant or to none."""
    return str(apps.get_model(settings.AUTH_USER_MODEL)._meta.db_table)


def has_tenant_key(model: Any) -> bool:
    """Return whether every row has a tenant; also for historical models of migrations."""
    tenant = next((field for field in model._meta.local_fields if field.name == "tenant"), None)
    return tenant is not None and not tenant.null


class TenantConflictMixin:
    """Database operations whose ON CONFLICT names the tenant too, as the primary keys do."""

    def on_conflict_suffix_sql(
        self, fields: Any, on_conflict: Any, update_fields: Any, unique_fields: Iterable[str]
    ) -> str:
        unique = list(unique_fields)
        if unique == [ID_COLUMN] and has_tenant_key(fields[0].model):
            unique = [TENANT_COLUMN, ID_COLUMN]
        operations: Any = super()
        suffix: str = operations.on_conflict_suffix_sql(fields, on_conflict, update_fields, unique)
        return suffix


def refers_within_tenant(model: Any, field: Any) -> bool:
    target = field.remote_field.model
    return (
        has_tenant_key(model)
        and field.column != TENANT_COLUMN
        and (has_tenant_key(target) or target._meta.db_table == get_user_table())
    )


def list_tenant_tables(
    cursor: Any, *, is_distributed: bool = False
) -> list[tuple[str, bool, bool, bool]]:
    """Return for each tenant table its name and three flags.

    They tell whether the tenant is required, whether row-level security is on as `set_policies`
    leaves it and whether the policy exists. Users are excluded, because a log-in finds them before
    the tenant is known.
    """
    cursor.execute(TABLES, [not is_distributed, POLICY])
    return [row for row in cursor.fetchall() if row[0] != get_user_table()]


def set_keys(editor: Any) -> None:
    """Add the tenant to all keys, so that references and ids stay within a tenant."""
    with editor.connection.cursor() as cursor:
        tables = list_tenant_tables(cursor)
        cursor.execute(KEYS)
        keys = [Key(row) for row in cursor.fetchall()]
    tenant_tables = {name for name, has_tenant, *_ in tables if has_tenant}
    incomplete = [
        key
        for key in keys
        if key.table in tenant_tables and lacks_tenant(key, tenant_tables | {get_user_table()})
    ]
    of_users = [key for key in keys if key.table == get_user_table()]
    if any(key.deferrable for key in keys):
        editor.execute("SET CONSTRAINTS ALL IMMEDIATE")
    if of_users and not any(key.columns == [TENANT_COLUMN, ID_COLUMN] for key in of_users):
        Key(
            (get_user_table(), f"{get_user_table()}_of_tenant", "u", False, None, [ID_COLUMN])
        ).make(editor)
    rebuild_keys(editor, incomplete)
    for key in keys:
        if key.deferrable and key not in incomplete:
            make_not_deferrable(editor, key)


def lacks_tenant(key: Key, targets: set[str]) -> bool:
    """Return whether a key of a tenant table lacks the tenant and could cross tenants."""
    return TENANT_COLUMN not in key.columns and (key.kind != "f" or key.target in targets)


def rebuild_keys(editor: Any, keys: list[Key]) -> None:
    """Drop foreign keys first and create them last."""
    ordered = sorted(keys, key=lambda key: "puf".index(key.kind))
    for key in reversed(ordered):
        key.drop(editor)
    for key in ordered:
        key.make(editor)
        if key.kind == "p":
            index_ids(editor, key.table)


def index_ids(editor: Any, table: str) -> None:
    """Index ids for queries without a tenant: tokens and platform staff."""
    quote = editor.quote_name
    editor.execute(f"CREATE INDEX {quote(f'{table}_by_id')} ON {quote(table)} ({ID_COLUMN})")


def make_not_deferrable(editor: Any, key: Key) -> None:
    table, name = map(editor.quote_name, (key.table, key.name))
    editor.execute(f"ALTER TABLE {table} ALTER CONSTRAINT {name} NOT DEFERRABLE")


def set_policies(editor: Any) -> None:
    """Create the policies and force row-level security, also for the owner.

    Not for the owner on Citus, which moves a shard in use with a role of the owner: PostgreSQL
    stops logical replication into a table whose policies apply to its role.
    """
    is_distributed = editor.connection.features.is_distributed
    with editor.connection.cursor() as cursor:
        tables = list_tenant_tables(cursor, is_distributed=is_distributed)
    rule, force = (CLUSTER_RULE, "NO FORCE") if is_distributed else (RULE, "FORCE")
    for name, _, is_on, has_policy in tables:
        table = editor.quote_name(name)
        if not has_policy:
            editor.execute(f"CREATE POLICY {POLICY} ON {table} {rule}")
        if not is_on:
            editor.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
            editor.execute(f"ALTER TABLE {table} {force} ROW LEVEL SECURITY")
