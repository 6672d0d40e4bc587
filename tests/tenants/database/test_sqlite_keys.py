"""On SQLite the keys include the tenant as well, and older databases are converted."""

import sqlite3
from contextlib import closing

import pytest
from django.core.management import call_command
from django.db import IntegrityError, connection, connections, transaction
from django.db.backends.sqlite3.base import DatabaseWrapper as PlainSQLite
from django.db.migrations.executor import MigrationExecutor

from tenants.database.sqlite.base import DatabaseWrapper
from tenants.database.sqlite.keys import split_definitions
from tenants.scope import tenant_scope
from tests.factories.orders import OrderFactory, OrderLineFactory, ProductFactory

# The table names come from the catalog of the database.
# ruff: noqa: S608
pytestmark = [pytest.mark.sqlite, pytest.mark.django_db]
OURS = {"tenants", "accounts", "orders"}


def read_schema(cursor):
    """Return columns, references, indexes and triggers of each table, independent of order."""
    found = {}
    cursor.execute(
        "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite%'"
    )
    for (table,) in cursor.fetchall():
        columns = cursor.execute(f"PRAGMA table_info('{table}')").fetchall()
        references = cursor.execute(f"PRAGMA foreign_key_list('{table}')").fetchall()
        indexes = cursor.execute(f"PRAGMA index_list('{table}')").fetchall()
        triggers = cursor.execute(
            f"SELECT sql FROM sqlite_master WHERE type = 'trigger' AND tbl_name = '{table}'"
        ).fetchall()
        found[table] = (
            {column[1:] for column in columns},
            {row[2:] for row in references},
            {
                (unique, origin, partial, read_indexed(cursor, name))
                for _, name, unique, origin, partial in indexes
            },
            set(triggers),
        )
    return found


def read_indexed(cursor, name):
    """Return the columns of an index in its order; their places in the table may differ."""
    info = cursor.execute(f"PRAGMA index_info('{name}')").fetchall()
    return tuple(column for _, _, column in info)


def read_rows(cursor):
    cursor.execute(
        "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite%'"
    )
    tables = [name for (name,) in cursor.fetchall() if name.split("_")[0] in OURS]
    return {table: sorted(map(repr, cursor.execute(f"SELECT * FROM {table}"))) for table in tables}


@pytest.fixture
def file(tmp_path):
    """Create a database with Django's own backend."""
    file = tmp_path / "older.sqlite3"
    connections["older"] = PlainSQLite({**connection.settings_dict, "NAME": str(file)}, "older")
    try:
        executor = MigrationExecutor(connections["older"])
        executor.migrate(executor.loader.graph.leaf_nodes())
        yield file
    finally:
        connections["older"].close()
        del connections["older"]


def copy_rows(here, older):
    """Copy values as SQL literals, without conversion."""
    older.execute("PRAGMA foreign_keys = OFF")
    for table, (columns, *_) in read_schema(here).items():
        if table.split("_")[0] in OURS:
            names = [f'"{column[0]}"' for column in columns]
            here.execute(f"SELECT {', '.join(f'quote({name})' for name in names)} FROM {table}")
            for row in here.fetchall():
                older.execute(f"INSERT INTO {table} ({', '.join(names)}) VALUES ({', '.join(row)})")
    older.commit()


@pytest.mark.slow
def test_older_database_keeps_its_rows_and_gets_the_keys(file, cashier, register, shop):
    order = OrderFactory(cashier=cashier, register=register)
    OrderLineFactory(order=order, product=ProductFactory(tenant=shop))
    with connection.cursor() as here, closing(sqlite3.connect(file)) as older:
        copy_rows(here, older)
        before, plain = read_rows(older.cursor()), read_schema(older.cursor())
    connections["older"].close()
    connections["older"] = DatabaseWrapper({**connection.settings_dict, "NAME": str(file)}, "older")

    for dry_run in ({"check_unapplied": True}, {"plan": True}):
        call_command("migrate", database="older", verbosity=0, **dry_run)
        with closing(sqlite3.connect(file)) as older:
            assert read_schema(older.cursor()) == plain
    for _ in range(2):
        call_command("migrate", database="older", verbosity=0)

    with connection.cursor() as here, closing(sqlite3.connect(file)) as older:
        assert len(before["orders_orderline"]) == 1
        assert read_rows(older.cursor()) == before
        assert read_schema(older.cursor()) == read_schema(here) != plain
        assert older.execute("PRAGMA foreign_key_check").fetchall() == []
        assert older.execute("PRAGMA integrity_check").fetchall() == [("ok",)]


def test_row_cannot_reference_a_row_of_another_shop(foreign, cashier, register, shop):
    """The database enforces the constraint without the application."""
    order = OrderFactory(cashier=cashier, register=register)
    line = OrderLineFactory(order=order, product=ProductFactory(tenant=shop))
    line.order_id = foreign.order.pk

    with tenant_scope(shop), transaction.atomic():
        line.save_changes("order_id")
        with pytest.raises(IntegrityError):
            connection.check_constraints()
        transaction.set_rollback(True)


@pytest.mark.parametrize(
    ("body", "parts"),
    [
        ("a, b", ["a", "b"]),
        ("\"a\" int DEFAULT (1, 2), CHECK (\"b\" IN ('x,y', '('))", None),
        ('"a,b" text, "c" text', ['"a,b" text', '"c" text']),
    ],
)
def test_definitions_are_split_at_top_level_commas(body, parts):
    found = list(split_definitions(body))

    assert found == parts if parts else len(found) == 2
