"""`migrate` adds row-level security to an older database without loss of rows."""

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

# The last migrations without row-level security.
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


def run_sql(alias, sql, *params):
    with connections[alias].cursor() as cursor:
        cursor.execute(sql, params)
        return cursor.fetchall() if cursor.description else cursor.rowcount


@contextmanager
def older_database() -> Iterator[None]:
    """Create an empty database with Django's own backend as `connections["older"]`."""
    name = f"{connection.settings_dict['NAME']}_older"
    quoted = connection.ops.quote_name(name)
    owner = {**connection.settings_dict, **connection.settings_dict["OWNER"], "NAME": name}
    server = PlainPostgres({**owner, "NAME": None})
    with server.cursor() as cursor:
        cursor.execute(f"CREATE DATABASE {quoted}")
    connections["older"] = PlainPostgres({**owner, "OWNER": None}, "older")
    try:
        yield
    finally:
        connections["older"].close()
        del connections["older"]
        with server.cursor() as cursor:
            cursor.execute(f"DROP DATABASE {quoted}")
        server.close()


def use_our_backend() -> None:
    plain = connections["older"]
    plain.close()
    connections["older"] = DatabaseWrapper(plain.settings_dict, "older")


def create_shop(apps, slug):
    """Create a shop with a sale in the older schema and return the tenant."""

    def make(app, model, **values):
        return apps.get_model(app, model).objects.using("older").create(**values)

    shop = make("tenants", "Tenant", slug=slug, name=slug, currency="EUR")
    own = {"tenant": shop}
    store = make("tenants", "Store", name="Main", **own)
    register = make("tenants", "Register", name="Till 1", number=1, store=store, **own)
    person = make("accounts", "User", username="c1", username_key="c1", role="cashier", **own)
    make_product = make("orders", "Product", name="Apple", sku="APPLE", price=1, **own)
    make("orders", "Barcode", product=make_product, code="04252614", **own)
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


@pytest.mark.slow
def test_older_database_gets_row_level_security_without_loss():
    with older_database():
        executor = MigrationExecutor(connections["older"])
        apps = executor.migrate(BEFORE).apps
        ours, theirs = (create_shop(apps, slug) for slug in ("ours", "theirs"))
        tables = [table for table, name, _ in run_sql("older", SHAPE) if name.endswith("_pkey")]
        before = {table: read_rows(table) for table in tables}

        use_our_backend()
        call_command("migrate", database="older", verbosity=0)

        assert run_sql("older", SHAPE) == run_sql("default", SHAPE)
        check_rows(before)
        check_row_level_security(ours, theirs)
        with across_tenants():
            methods = "SELECT action, method, count(*)::int FROM accounts_approval GROUP BY 1, 2"
            keys = "SELECT code, key FROM orders_barcode"
            assert run_sql("older", keys) == [("04252614", "00042100005264")] * 2
            assert set(run_sql("older", methods)) == {("refund", "original", 2), ("void", "", 2)}


def read_rows(table):
    """Return the rows as dicts; later migrations may have added columns."""
    rows = run_sql("older", f"SELECT to_jsonb(each)::text FROM {table} AS each")  # noqa: S608
    return [json.loads(row) for (row,) in rows]


def check_rows(before):
    with across_tenants():
        for table, rows in before.items():
            after = read_rows(table)
            lost = [row for row in rows if not any(row.items() <= each.items() for each in after)]
            assert lost == [], table


def check_row_level_security(ours, theirs):
    """It applies to the owner as well, which is the only role here."""
    orders = "SELECT tenant_id FROM orders_order"
    assert run_sql("older", orders) == []
    with across_tenants():
        ((product,),) = run_sql(
            "older", "SELECT id FROM orders_product WHERE tenant_id = %s", ours.pk
        )
        for error in (IntegrityError, DatabaseError):
            with pytest.raises(error), transaction.atomic("older"):
                run_sql(
                    "older",
                    "UPDATE orders_orderline SET product_id = %s WHERE tenant_id = %s",
                    product,
                    theirs.pk,
                )
    with tenant_context(ours):
        assert run_sql("older", orders) == [(ours.pk,)]


def test_owner_connection_ends_after_the_migration():
    """Migrations run as the owner, and everything else as the serving role."""
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
