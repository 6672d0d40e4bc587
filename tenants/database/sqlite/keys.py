"""Keys of a shop's rows on SQLite: an id is unique in its shop, not in the installation.

A client makes ids of its own. Were they unique in the installation, an id that another shop uses
would be answered differently from one that nobody uses. As on PostgreSQL the key is of the id and
the shop, and references between rows of shops name both.

Tables are written as Django writes them, so that their text can be rewritten.
"""

import re
from collections.abc import Callable, Iterator
from typing import Any

from django.db import transaction

SHOP_COLUMN = re.compile(r'"tenant_id" char\(32\) NOT NULL')
ID_COLUMN = '"id" char(32) NOT NULL PRIMARY KEY'
COLUMN = re.compile(r'"(?P<name>\w+)" ')
REFERENCE = re.compile(
    r' REFERENCES "(?P<table>\w+)" \("id"\)(?P<when> DEFERRABLE INITIALLY DEFERRED)'
)
TABLES = "SELECT name, sql FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"
DEPENDENT_OBJECTS = (
    "SELECT sql FROM sqlite_master WHERE tbl_name = %s AND type <> 'table' AND sql IS NOT NULL"
)


def is_tenant_table(sql: str) -> bool:
    """Whether each row of this table has a shop, and an id of this kind."""
    return SHOP_COLUMN.search(sql) is not None and '"id" char(32) NOT NULL' in sql


def add_tenant_to_keys(sql: str, *, has_shop_in_key: Callable[[str], bool]) -> str:
    """Return CREATE TABLE with the shop in its primary key, its references and its unique columns.

    References stay as they are to tables whose rows have no shop, or not always one.
    """
    head, _, body = sql.partition("(")
    parts, keys = [], []
    for part in split(body.rstrip().removesuffix(")")):
        column, *of_column = _without_key(part, has_shop_in_key)
        parts.append(column)
        keys += of_column
    return f"{head}({', '.join([*parts, *keys])})"


def _without_key(part: str, has_shop_in_key: Callable[[str], bool]) -> list[str]:
    """Return a column without the keys in it that lack the shop, and those keys with the shop."""
    if part == ID_COLUMN:
        # The id first: who knows only the id of a row finds it by the same index.
        return [part.removesuffix(" PRIMARY KEY"), 'PRIMARY KEY ("id", "tenant_id")']
    column, reference = COLUMN.match(part), REFERENCE.search(part)
    if column is None or reference is None or column["name"] == "tenant_id":
        return [part]
    name, keys = column["name"], []
    if " UNIQUE" in part:
        keys.append(f'UNIQUE ("tenant_id", "{name}")')
    if has_shop_in_key(reference["table"]):
        part = REFERENCE.sub("", part)
        keys.append(
            f'FOREIGN KEY ("{name}", "tenant_id") '
            f'REFERENCES "{reference["table"]}" ("id", "tenant_id"){reference["when"]}'
        )
    return [part.replace(" UNIQUE", ""), *keys]


def split(body: str) -> Iterator[str]:
    """The columns and constraints of a table: what stands between commas outside of brackets."""
    depth, quote, begin = 0, "", 0
    for place, sign in enumerate(body):
        if quote:
            quote = "" if sign == quote else quote
        elif sign in "'\"":
            quote = sign
        elif sign == "," and not depth:
            yield body[begin:place].strip()
            begin = place + 1
        else:
            depth += (sign == "(") - (sign == ")")
    yield body[begin:].strip()


def upgrade_older_tables(connection: Any) -> None:
    """Give the tables of a database from before these keys what new ones have, with every row."""
    with connection.cursor() as cursor:
        cursor.execute(TABLES)
        tables = {name: sql for name, sql in cursor.fetchall() if is_tenant_table(sql)}
    older = {name: sql for name, sql in tables.items() if ID_COLUMN in sql}
    if not older:
        return
    # Neither can be changed within a transaction.
    with connection.cursor() as cursor:
        cursor.execute("PRAGMA foreign_keys = OFF")
        cursor.execute("PRAGMA legacy_alter_table = ON")
    try:
        with transaction.atomic(connection.alias), connection.cursor() as cursor:
            for name, sql in older.items():
                rebuild_table(
                    cursor, name, add_tenant_to_keys(sql, has_shop_in_key=tables.__contains__)
                )
            connection.check_constraints()
    finally:
        with connection.cursor() as cursor:
            cursor.execute("PRAGMA legacy_alter_table = OFF")
            cursor.execute("PRAGMA foreign_keys = ON")


def rebuild_table(cursor: Any, name: str, sql: str) -> None:
    """Remake a table with its indexes and triggers, as SQLite's documentation says."""
    cursor.execute(DEPENDENT_OBJECTS, [name])
    beside = [statement for (statement,) in cursor.fetchall()]
    cursor.execute(sql.replace(f'"{name}"', f'"new__{name}"', 1))
    cursor.execute(f'INSERT INTO "new__{name}" SELECT * FROM "{name}"')  # noqa: S608
    cursor.execute(f'DROP TABLE "{name}"')
    cursor.execute(f'ALTER TABLE "new__{name}" RENAME TO "{name}"')
    for statement in beside:
        cursor.execute(statement)
