"""A database from before the walls gets them from `migrate`, with every row that it has."""

import json
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from django.core.management import call_command
from django.db import DatabaseError, IntegrityError, connection, connections, transaction
from django.db.backends.postgresql.base import DatabaseWrapper as PlainPostgres
from django.db.migrations.executor import MigrationExecutor
from django.utils import timezone

from tenants.database.postgres.base import DatabaseWrapper
from tenants.database.postgres.roles import as_owner
from tenants.scope import across_tenants, tenant_context

pytestmark = [pytest.mark.postgres, pytest.mark.django_db]

# The last migrations of a database that knew nothing of walls.
BEFORE = [
    ("tenants", "0003_idempotency_and_outbox"),
    ("accounts", "0006_terminals_more"),
    ("orders", "0004_search"),
]
AMOUNTS = "list_price unit_price gross discount_total net tax_total total".split()
SHAPE = """
SELECT conrelid::regclass::text, conname, pg_get_constraintdef(oid) FROM pg_constraint
WHERE connamespace = current_schema()::regnamespace AND contype IN ('p', 'u', 'f')
UNION ALL SELECT tablename, policyname, qual || with_check FROM pg_policies
UNION ALL SELECT tablename, indexname, indexdef FROM pg_indexes WHERE schemaname = current_schema()
UNION ALL SELECT relname, 'forced', relforcerowsecurity::text FROM pg_class
    WHERE relkind = 'r' AND relnamespace = current_schema()::regnamespace
ORDER BY 1, 2, 3
"""


def asked(alias, sql, *params):
    with connections[alias].cursor() as cursor:
        cursor.execute(sql, params)
        return cursor.fetchall() if cursor.description else cursor.rowcount


@contextmanager
def as_before() -> Iterator[None]:
    """`connections["older"]` is an empty database, spoken to by Django's own backend."""
    name = f"{connection.settings_dict['NAME']}_older"
    quoted = connection.ops.quote_name(name)
    owner = {**connection.settings_dict, **connection.settings_dict["OWNER"], "NAME": name}
    nobody = PlainPostgres({**owner, "NAME": None})
    with nobody.cursor() as cursor:
        cursor.execute(f"CREATE DATABASE {quoted}")
    connections["older"] = PlainPostgres({**owner, "OWNER": None}, "older")
    try:
        yield
    finally:
        connections["older"].close()
        del connections["older"]
        with nobody.cursor() as cursor:
            cursor.execute(f"DROP DATABASE {quoted}")
        nobody.close()


def with_our_backend() -> None:
    plain = connections["older"]
    plain.close()
    connections["older"] = DatabaseWrapper(plain.settings_dict, "older")


def create_shop(apps, slug):
    """A sale and what it needs, as the older database takes it; gives how many rows are where."""

    def make(app, model, **values):
        return apps.get_model(app, model).objects.using("older").create(**values)

    shop = make("tenants", "Tenant", slug=slug, name=slug, currency="EUR")
    own = {"tenant": shop}
    store = make("tenants", "Store", name="Main", **own)
    register = make("tenants", "Register", name="Till 1", number=1, store=store, **own)
    person = make("accounts", "User", username="c1", username_key="c1", role="cashier", **own)
    make_product = make("orders", "Product", name="Apple", sku="APPLE", price=1, **own)
    places = {"store": store, "register": register, "cashier": person}
    order = make("orders", "Order", number="1-1", **places, **own)
    amounts = dict.fromkeys(AMOUNTS, 1)
    sold = {"order": order, "product": make_product, "position": 1, "quantity": 1, **amounts}
    make("orders", "OrderLine", sku="APPLE", name="Apple", tracks_stock=True, **sold, **own)
    make("orders", "RegisterSeries", register=register, **own)
    make("tenants", "AuditEvent", event="log_in", **own)
    later = {"object": {}, "requested_by": person, "expires_at": timezone.now()}
    for action in ("refund", "void"):
        make("accounts", "Approval", action=action, **later, **own)
    return shop


def test_an_older_database_gets_the_walls_without_loss():
    with as_before():
        executor = MigrationExecutor(connections["older"])
        apps = executor.migrate(BEFORE).apps
        ours, theirs = (create_shop(apps, slug) for slug in ("ours", "theirs"))
        tables = [table for table, name, _ in asked("older", SHAPE) if name.endswith("_pkey")]
        before = {table: rows_of(table) for table in tables}

        with_our_backend()
        call_command("migrate", database="older", verbosity=0)

        assert asked("older", SHAPE) == asked("default", SHAPE)
        check_rows(before)
        check_walls(ours, theirs)
        with across_tenants():
            methods = "SELECT action, method, count(*)::int FROM accounts_approval GROUP BY 1, 2"
            assert set(asked("older", methods)) == {("refund", "original", 2), ("void", "", 2)}


def rows_of(table):
    """Each as what its columns hold; later migrations may have added some."""
    rows = asked("older", f"SELECT to_jsonb(each)::text FROM {table} AS each")  # noqa: S608
    return [json.loads(row) for (row,) in rows]


def check_rows(before):
    with across_tenants():
        for table, rows in before.items():
            after = rows_of(table)
            lost = [row for row in rows if not any(row.items() <= each.items() for each in after)]
            assert lost == [], table


def check_walls(ours, theirs):
    """Also against the owner, who is the only one here."""
    orders = "SELECT tenant_id FROM orders_order"
    assert asked("older", orders) == []
    with across_tenants():
        ((product,),) = asked(
            "older", "SELECT id FROM orders_product WHERE tenant_id = %s", ours.pk
        )
        for error in (IntegrityError, DatabaseError):
            with pytest.raises(error), transaction.atomic("older"):
                asked(
                    "older",
                    "UPDATE orders_orderline SET product_id = %s WHERE tenant_id = %s",
                    product,
                    theirs.pk,
                )
    with tenant_context(ours):
        assert asked("older", orders) == [(ours.pk,)]


def test_an_owner_is_logged_in_only_as_long_as_needed():
    """No migration is left to the role that serves, and no sale to the one that owns."""
    wrapper = DatabaseWrapper({**connection.settings_dict}, "default")
    try:
        with as_owner(wrapper):
            with wrapper.cursor() as cursor:
                cursor.execute("SELECT current_user")
                assert cursor.fetchone()[0] == wrapper.settings_dict["OWNER"]["USER"]
            assert wrapper.serving_role == connection.settings_dict["USER"]
        with wrapper.cursor() as cursor:
            cursor.execute("SELECT current_user")
            assert cursor.fetchone()[0] == connection.settings_dict["USER"]
    finally:
        wrapper.close()
