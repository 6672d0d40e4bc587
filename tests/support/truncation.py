"""Emptying tables between tests that commit, also those whose rows nobody may delete.

Django's own way empties each table as a file of its own, logs in as the owner for it, and asks
for all permissions again: a tenth of a second for each of some hundred tests.
"""

from collections.abc import Iterable

from django.db import connection, transaction

from tenants.scope import across_tenants

# What `migrate` has written belongs to the tables, not to a test.
KEPT = {"django_migrations", "django_content_type", "auth_permission"}
# Rows that were rolled back lie there still; a table of this size is swept.
LARGE = 1_000_000


def empty_tables(_test: object = None) -> None:
    """Leave no row that a test committed."""
    tables = sorted(set(connection.introspection.table_names()) - KEPT)
    if connection.vendor == "sqlite":
        empty_sqlite(tables)
    else:
        empty_postgres(tables)


def empty_sqlite(tables: list[str]) -> None:
    asked = (f"SELECT '{name}' WHERE EXISTS (SELECT 1 FROM {name})" for name in tables)  # noqa: S608
    with connection.cursor() as cursor:
        cursor.execute(" UNION ALL ".join(asked))
        filled = [name for (name,) in cursor.fetchall()]
    with connection.constraint_checks_disabled(), transaction.atomic():
        run(without_triggers([f"DELETE FROM {name}" for name in filled]))  # noqa: S608


def without_triggers(statements: list[str]) -> list[str]:
    """SQLite cannot hold its triggers back: they go, and come again."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'")
        triggers = cursor.fetchall()
    return [
        *(f"DROP TRIGGER {name}" for name, _ in triggers),
        *statements,
        *(sql for _, sql in triggers),
    ]


def empty_postgres(tables: list[str]) -> None:
    """No trigger looks: neither those of references nor those that keep rows as they are."""
    with across_tenants(), transaction.atomic():
        run(["SET LOCAL session_replication_role = replica"])
        run(["; ".join(f"DELETE FROM {name}" for name in tables)])  # noqa: S608
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT relname FROM pg_class WHERE oid = ANY(%s::regclass[]) "
            "AND pg_relation_size(oid) > %s",
            [tables, LARGE],
        )
        large = [name for (name,) in cursor.fetchall()]
    run(f"VACUUM {name}" for name in large)


def run(statements: Iterable[str]) -> None:
    with connection.cursor() as cursor:
        for sql in statements:
            cursor.execute(sql)
