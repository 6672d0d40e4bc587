"""Composite keys of id and tenant on SQLite, made by rewriting Django's CREATE TABLE.

Ids may come from clients. If they were unique across tenants, a conflict would reveal the ids of
other tenants. As on PostgreSQL, ids are unique within a tenant, and foreign keys between tenant
rows include the tenant.
"""

import re
from collections.abc import Callable, Iterator
from typing import Any

from django.db import transaction

TENANT_COLUMN = re.compile(r'"tenant_id" char\(32\) NOT NULL')
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
    """Return whether every row of the table has a tenant and a UUID as its id."""
    return TENANT_COLUMN.search(sql) is not None and '"id" char(32) NOT NULL' in sql


def add_tenant_to_keys(sql: str, *, has_tenant_in_key: Callable[[str], bool]) -> str:
    """Return CREATE TABLE with the tenant in primary key, foreign keys and unique columns.

    Foreign keys to tables without a required tenant stay unchanged.
    """
    head, _, body = sql.partition("(")
    parts, keys = [], []
    for part in split_definitions(body.rstrip().removesuffix(")")):
        column, *of_column = _extend_keys_by_tenant(part, has_tenant_in_key)
        parts.append(column)
        keys += of_column
    return f"{head}({', '.join([*parts, *keys])})"


def _extend_keys_by_tenant(part: str, has_tenant_in_key: Callable[[str], bool]) -> list[str]:
    """Return a column definition without its keys, then its keys extended by the tenant."""
    if part == ID_COLUMN:
        # The id comes first, so that the index also serves queries by id alone.
        return [part.removesuffix(" PRIMARY KEY"), 'PRIMARY KEY ("id", "tenant_id")']
    column, reference = COLUMN.match(part), REFERENCE.search(part)
    if column is None or reference is None or column["name"] == "tenant_id":
        return [part]
    name, keys = column["name"], []
    if " UNIQUE" in part:
        keys.append(f'UNIQUE ("tenant_id", "{name}")')
    if has_tenant_in_key(reference["table"]):
        part = REFERENCE.sub("", part)
        keys.append(
            f'FOREIGN KEY ("{name}", "tenant_id") '
            f'REFERENCES "{reference["table"]}" ("id", "tenant_id"){reference["when"]}'
        )
    return [part.replace(" UNIQUE", ""), *keys]


def split_definitions(body: str) -> Iterator[str]:
    """Yield the columns and constraints: the parts between commas outside of parentheses."""
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
    """Rebuild the tables of older databases with composite keys, keeping all rows."""
    with connection.cursor() as cursor:
        cursor.execute(TABLES)
        tables = {name: sql for name, sql in cursor.fetchall() if is_tenant_table(sql)}
    older = {name: sql for name, sql in tables.items() if ID_COLUMN in sql}
    if not older:
        return
    # These pragmas cannot be changed within a transaction.
    with connection.cursor() as cursor:
        cursor.execute("PRAGMA foreign_keys = OFF")
        cursor.execute("PRAGMA legacy_alter_table = ON")
    try:
        with transaction.atomic(connection.alias), connection.cursor() as cursor:
            for name, sql in older.items():
                rebuild_table(
                    cursor, name, add_tenant_to_keys(sql, has_tenant_in_key=tables.__contains__)
                )
            connection.check_constraints()
    finally:
        with connection.cursor() as cursor:
            cursor.execute("PRAGMA legacy_alter_table = OFF")
            cursor.execute("PRAGMA foreign_keys = ON")


def rebuild_table(cursor: Any, name: str, sql: str) -> None:
    """Rebuild a table with its indexes and triggers, as sqlite.org/lang_altertable.html says."""
    cursor.execute(DEPENDENT_OBJECTS, [name])
    dependents = [statement for (statement,) in cursor.fetchall()]
    cursor.execute(sql.replace(f'"{name}"', f'"new__{name}"', 1))
    cursor.execute(f'INSERT INTO "new__{name}" SELECT * FROM "{name}"')  # noqa: S608
    cursor.execute(f'DROP TABLE "{name}"')
    cursor.execute(f'ALTER TABLE "new__{name}" RENAME TO "{name}"')
    for statement in dependents:
        cursor.execute(statement)
