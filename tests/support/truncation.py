"""Empty the tables between tests that commit, including append-only tables.

Django's TRUNCATE would need the owner, rewrite each table and create all permissions again,
which takes a tenth of a second for each of some hundred tests.
"""

from collections.abc import Iterable

from django.db import connection, transaction

from tenants.scope import across_tenants

# Written by `migrate`.
KEPT = {"django_migrations", "django_content_type", "auth_permission"}
# Rolled-back rows still occupy space; tables above this size are vacuumed.
LARGE = 1_000_000


def empty_tables(_test: object = None) -> None:
    """Delete all rows that a test committed."""
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
    """Drop and recreate the triggers, because SQLite cannot disable them."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'")
        triggers = cursor.fetchall()
    return [
        *(f"DROP TRIGGER {name}" for name, _ in triggers),
        *statements,
        *(sql for _, sql in triggers),
    ]


def empty_postgres(tables: list[str]) -> None:
    """Delete with disabled triggers, including those of foreign keys and append-only tables."""
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
