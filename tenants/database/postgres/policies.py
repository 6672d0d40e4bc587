"""The walls themselves: keys that begin with the shop, and policies on every shop's table.

Read from the database's own catalog and not from models, so that a database of any age, and any
table that somebody adds, gets the same: whatever has a `tenant_id` is a shop's.
"""

from typing import Any

from django.apps import apps
from django.conf import settings

TENANT_COLUMN, ID_COLUMN = "tenant_id", "id"
POLICY = "tenant_isolation"
TENANT = "NULLIF(current_setting('app.tenant', true), '')::uuid"
ACROSS = "current_setting('app.across', true) = 'on'"


def using_and_check(condition: str) -> str:
    return f"USING ({condition}) WITH CHECK ({condition})"


# Each part is computed once for a statement, not for each row; without a scope it is never true.
RULE = using_and_check(f"tenant_id = (SELECT {TENANT}) OR (SELECT {ACROSS})")
# The same where Citus is, which takes no query within a policy.
CLUSTER_RULE = using_and_check(f"tenant_id = {TENANT} OR {ACROSS}")
TABLES = """
SELECT c.relname, shop.attnotnull, c.relrowsecurity AND c.relforcerowsecurity,
    EXISTS (SELECT FROM pg_policy WHERE polrelid = c.oid AND polname = %s)
FROM pg_class c JOIN pg_attribute shop ON shop.attrelid = c.oid AND shop.attname = 'tenant_id'
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
    """A primary key (p), a unique one (u) or a foreign one (f), as the catalog has it."""

    def __init__(self, row: tuple[Any, ...]) -> None:
        self.table, self.name, self.kind, self.deferrable, self.target, self.columns = row

    def drop(self, editor: Any) -> None:
        table, name = map(editor.quote_name, (self.table, self.name))
        editor.execute(f"ALTER TABLE {table} DROP CONSTRAINT {name}")

    def make(self, editor: Any) -> None:
        """The same, with the shop before its columns."""
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
    """The table of those who may belong to a shop, or to none."""
    return str(apps.get_model(settings.AUTH_USER_MODEL)._meta.db_table)


def has_tenant_key(model: Any) -> bool:
    """Whether each row belongs to a shop; also for models as migrations know them."""
    shop = next((field for field in model._meta.local_fields if field.name == "tenant"), None)
    return shop is not None and not shop.null


def refers_within_tenant(model: Any, field: Any) -> bool:
    target = field.remote_field.model
    return (
        has_tenant_key(model)
        and field.column != TENANT_COLUMN
        and (has_tenant_key(target) or target._meta.db_table == get_user_table())
    )


def list_tenant_tables(cursor: Any) -> list[tuple[str, bool, bool, bool]]:
    """Name, whether each row has a shop, whether security is forced, whether the policy is there.

    People are looked up before anybody knows the shop: they have none of this.
    """
    cursor.execute(TABLES, [POLICY])
    return [row for row in cursor.fetchall() if row[0] != get_user_table()]


def set_keys(editor: Any) -> None:
    """No row can refer to another shop's, and no two shops get into each other's way."""
    with editor.connection.cursor() as cursor:
        tables = list_tenant_tables(cursor)
        cursor.execute(KEYS)
        keys = [Key(row) for row in cursor.fetchall()]
    keyed = {name for name, has_shop, *_ in tables if has_shop}
    loose = [
        key for key in keys if key.table in keyed and lacks_tenant(key, keyed | {get_user_table()})
    ]
    of_people = [key for key in keys if key.table == get_user_table()]
    if any(key.deferrable for key in keys):
        editor.execute("SET CONSTRAINTS ALL IMMEDIATE")
    if of_people and not any(key.columns == [TENANT_COLUMN, ID_COLUMN] for key in of_people):
        Key(
            (get_user_table(), f"{get_user_table()}_of_tenant", "u", False, None, [ID_COLUMN])
        ).make(editor)
    rebuild_keys(editor, loose)
    for key in keys:
        if key.deferrable and key not in loose:
            make_not_deferrable(editor, key)


def lacks_tenant(key: Key, targets: set[str]) -> bool:
    """Whether a key of a shop's table goes without the shop, and could cross to another."""
    return TENANT_COLUMN not in key.columns and (key.kind != "f" or key.target in targets)


def rebuild_keys(editor: Any, keys: list[Key]) -> None:
    """References go before what they refer to, and come after it."""
    in_order = sorted(keys, key=lambda key: "puf".index(key.kind))
    for key in reversed(in_order):
        key.drop(editor)
    for key in in_order:
        key.make(editor)
        if key.kind == "p":
            index_ids(editor, key.table)


def index_ids(editor: Any, table: str) -> None:
    """For those who know a row before its shop: a token's bearer, and the platform."""
    quote = editor.quote_name
    editor.execute(f"CREATE INDEX {quote(f'{table}_by_id')} ON {quote(table)} ({ID_COLUMN})")


def make_not_deferrable(editor: Any, key: Key) -> None:
    table, name = map(editor.quote_name, (key.table, key.name))
    editor.execute(f"ALTER TABLE {table} ALTER CONSTRAINT {name} NOT DEFERRABLE")


def set_policies(editor: Any) -> None:
    """Nobody sees or writes a row but those of the shop in scope, the owner included."""
    with editor.connection.cursor() as cursor:
        tables = list_tenant_tables(cursor)
    rule = CLUSTER_RULE if editor.connection.features.is_distributed else RULE
    for name, _, is_forced, has_policy in tables:
        table = editor.quote_name(name)
        if not has_policy:
            editor.execute(f"CREATE POLICY {POLICY} ON {table} {rule}")
        if not is_forced:
            editor.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
            editor.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
