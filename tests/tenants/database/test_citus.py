"""Statements for a Citus cluster: distribution by `migrate`, and one tenant per statement.

These tests use a stand-in for Citus, which rejects what Citus rejects: references between tables of
which one is not distributed yet, queries in policies, unique keys without the tenant, and triggers.
"""

import re
from contextlib import contextmanager
from datetime import UTC, datetime

import pytest
from django.apps import apps
from django.core.management import call_command
from django.db import DatabaseError, connection, connections, transaction
from django.db.models import PositiveIntegerField
from django.test.utils import CaptureQueriesContext

from accounts.models import AuthSession, User
from accounts.services.pruning import prune
from orders.models import OrderLine, Product
from tenants.database.postgres.base import Cursor, DatabaseWrapper, is_in_transaction
from tenants.database.postgres.distribution import build_statements, sort_by_references
from tenants.events.delivery.queue import claim, create_deliveries, release
from tenants.events.outbox import publish
from tenants.models import AuditEvent, Store, Tenant
from tenants.scope import across_tenants, tenant_context, tenant_scope
from tests.factories.accounts import AuthSessionFactory, UserFactory
from tests.factories.orders import ProductFactory
from tests.factories.tenants import StoreFactory
from tests.orders.conftest import make_product, till  # noqa: F401
from tests.support.discovery import owned_models
from tests.support.relay import TOPIC, Listener
from tests.support.till import cash, line

LONG_AGO = datetime(2026, 1, 1, tzinfo=UTC)
SHARED = [Tenant._meta.db_table, User._meta.db_table]
# An audit event may have no tenant, so its table cannot be distributed.
OF_SHOPS = {model._meta.db_table for model in owned_models() if model is not AuditEvent}
EVERYTHING = {model._meta.db_table for model in apps.get_models()}
# A condition on the tenant, or the tenant column of a new row.
NAMES_TENANT = re.compile(
    r"""tenant_id"? (?:= |IN \()(?:'|%s)|\AINSERT INTO \S+ \([^)]*tenant_id"""
)
CALL = re.compile(r"SELECT create_(\w+)_table\('(\w+)'(?:, 'tenant_id', colocate_with => '(\w+)')?")
STAND_IN = """
CREATE SCHEMA stand_in;
CREATE TABLE stand_in.pg_dist_partition (logicalrelid regclass, partmethod "char", repmodel "char");
CREATE FUNCTION stand_in.create_distributed_table(relation regclass, shop text, colocate_with text)
RETURNS void LANGUAGE plpgsql AS $$ BEGIN
    ASSERT current_setting('citus.multi_shard_modify_mode') = 'sequential';
    ASSERT current_setting('citus.enable_unsafe_triggers') = 'on';
    ASSERT NOT EXISTS (SELECT FROM pg_constraint
        WHERE conrelid = relation AND contype = 'f' AND confrelid <> relation
        AND confrelid NOT IN (SELECT logicalrelid FROM pg_dist_partition)), 'order';
    ASSERT NOT EXISTS (SELECT FROM pg_constraint
        WHERE confrelid = relation AND contype = 'f' AND conrelid <> relation
        AND conrelid NOT IN (SELECT logicalrelid FROM pg_dist_partition WHERE partmethod = 'h')),
        'reference';
    ASSERT NOT EXISTS (SELECT FROM pg_policy WHERE polrelid = relation
        AND pg_get_expr(polqual, polrelid) LIKE '%SELECT%'), 'policy';
    ASSERT NOT EXISTS (SELECT FROM pg_index WHERE indrelid = relation AND indisunique
        AND pg_get_indexdef(indexrelid) NOT LIKE '%(' || shop || '%'), 'key';
    ASSERT colocate_with = 'none' OR colocate_with::regclass IN
        (SELECT logicalrelid FROM pg_dist_partition WHERE partmethod = 'h');
    INSERT INTO pg_dist_partition VALUES (relation, 'h', 's');
END $$;
CREATE FUNCTION stand_in.create_reference_table(relation regclass) RETURNS void LANGUAGE sql
AS $$ INSERT INTO stand_in.pg_dist_partition VALUES (relation, 'n', 't') $$;
SET LOCAL search_path = public, stand_in
"""
KEYS = """
SELECT conrelid::regclass::text, conname::text, pg_get_constraintdef(oid)
FROM pg_constraint WHERE contype = 'f' ORDER BY 1, 2
"""
PLACED = "SELECT logicalrelid::text, partmethod::text FROM pg_dist_partition"
# Citus moves shards in use with a role to which the policies must not apply.
NOT_MOVABLE = "SELECT relname FROM pg_class WHERE relforcerowsecurity"
WITH_A_QUERY = "SELECT tablename FROM pg_policies WHERE qual || with_check LIKE '%SELECT%'"


def parse_calls(found):
    return [CALL.match(sql).groups() for sql in found if not sql.startswith("ALTER POLICY")]


# --- statements --------------------------------------------------------------------------------


def test_tenant_tables_are_distributed_after_the_tables_they_reference():
    found = parse_calls(build_statements(apps.get_models(), EVERYTHING, distributed=()))

    kinds = {table: kind for kind, table, _ in found}
    assert kinds == dict.fromkeys(SHARED, "reference") | dict.fromkeys(OF_SHOPS, "distributed")
    places = {table: place for place, (_, table, _) in enumerate(found)}
    for model in owned_models():
        for field in model._meta.local_fields:
            target = field.remote_field and field.remote_field.model._meta.db_table
            if target and model is not AuditEvent and model is not field.remote_field.model:
                assert places[target] < places[model._meta.db_table], field
    (first, *others) = [call for call in found if call[0] == "distributed"]
    assert first[2] == "none"
    assert {colocated for *_, colocated in others} == {first[1]}


def test_only_existing_undistributed_tables_are_distributed():
    placed = {*SHARED, "tenants_store"}
    new = {"orders_product", "orders_category"}

    found = build_statements(
        apps.get_models(), {*placed, *new}, placed, protected={"orders_product"}
    )

    assert set(parse_calls(found)) == {("distributed", table, "tenants_store") for table in new}
    assert next(sql for sql in found if "orders_product" in sql).startswith("ALTER POLICY")
    assert build_statements(apps.get_models(), EVERYTHING, EVERYTHING) == []


def test_self_reference_is_not_a_cycle():
    assert sort_by_references([Tenant, *owned_models()])[0] == Tenant._meta.db_table


# --- stand-in cluster --------------------------------------------------------------------------


@contextmanager
def cluster():
    """Connect as owner to the tables with the stand-in, and roll back at the end."""
    database = connection.settings_dict
    who = {**database, **database["OWNER"], "NAME": database["NAME"], "OWNER": None}
    wrapper = connections["cluster"] = DatabaseWrapper(who, "cluster")
    wrapper.features.is_distributed = True
    try:
        with transaction.atomic("cluster"), wrapper.cursor() as cursor:
            cursor.execute(STAND_IN)
            yield cursor
            transaction.set_rollback(True, "cluster")
    finally:
        wrapper.close()
        del connections["cluster"]


@pytest.mark.postgres
@pytest.mark.django_db
def test_migrate_distributes_existing_tables_once():
    with cluster() as cursor:
        cursor.execute(KEYS)
        keys = cursor.fetchall()
        for _ in range(2):
            call_command("migrate", database="cluster", verbosity=0)
            cursor.execute(PLACED)
            placed = cursor.fetchall()

            assert len(placed) == len(SHARED) + len(OF_SHOPS)
            assert {name for name, kind in placed if kind == "n"} == set(SHARED)
            assert {name for name, kind in placed if kind == "h"} == OF_SHOPS
            cursor.execute(KEYS)
            assert cursor.fetchall() == keys
            cursor.execute(NOT_MOVABLE)
            assert cursor.fetchall() == []
        cursor.execute(WITH_A_QUERY)
        assert cursor.fetchall() == [(AuditEvent._meta.db_table,)]


@pytest.mark.postgres
@pytest.mark.django_db
def test_later_migration_distributes_its_new_tables():
    def placed_by(sql):
        cursor.execute(sql)
        with connections["cluster"].schema_editor():
            pass
        cursor.execute(PLACED)
        return set(cursor.fetchall())

    with cluster() as cursor:
        assert placed_by("SELECT 1") == set()
        call_command("migrate", database="cluster", verbosity=0)
        cursor.execute(PLACED)
        everything = set(cursor.fetchall())
        as_if_new = "DELETE FROM pg_dist_partition WHERE logicalrelid = 'orders_barcode'::regclass"
        assert placed_by(as_if_new) == everything


@pytest.mark.postgres
@pytest.mark.django_db
def test_new_column_and_its_check_are_two_statements():
    field = PositiveIntegerField(null=True)
    field.set_attributes_from_name("counted_at_once")
    with cluster() as cursor:
        call_command("migrate", database="cluster", verbosity=0)
        with (
            connections["cluster"].schema_editor() as editor,
            CaptureQueriesContext(connections["cluster"]) as captured,
        ):
            editor.add_field(Product, field)
        cursor.execute(
            "SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE conname = %s",
            ["orders_product_counted_at_once_check"],
        )
        assert cursor.fetchall() == [("CHECK ((counted_at_once >= 0))",)]

    added = [query["sql"] for query in captured if "ADD" in query["sql"]]
    assert ["CHECK" in sql for sql in added] == [False, True]


@pytest.mark.postgres
@pytest.mark.django_db
def test_server_without_citus_is_not_distributed():
    assert connection.features.is_distributed is False


# --- settings in messages of their own ---------------------------------------------------------


@pytest.fixture
def sent(monkeypatch):
    """Return the texts that are sent to the database, as on a cluster."""
    monkeypatch.setattr(connection.features, "is_distributed", True)
    found = []
    execute = Cursor.execute

    def record(cursor, query, *args, **options):
        found.append(query)
        return execute(cursor, query, *args, **options)

    monkeypatch.setattr(Cursor, "execute", record)
    return found


def read_tenant(suffix=""):
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT current_setting('app.tenant', true){suffix}")
        return cursor.fetchone()[0]


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
def test_setting_is_a_statement_of_its_own_in_a_transaction(shop, other_shop, sent):
    with tenant_scope(shop):
        first, second = read_tenant(), read_tenant()
        with tenant_context(other_shop):
            third = read_tenant()

    assert (first, second, third) == (str(shop.pk), str(shop.pk), str(other_shop.pk))
    settings = [text for text in sent if "SET" in text.split()]
    assert settings == [f"SET LOCAL app.tenant = '{each.pk}'" for each in (shop, other_shop)]


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
def test_setting_outside_of_a_transaction_opens_one_for_its_statement(shop, sent):
    with tenant_context(shop):
        assert read_tenant() == str(shop.pk)
        assert Store.objects.count() == 0
    assert not read_tenant()

    assert sent[0] == "BEGIN"
    assert sent[1] == f"SET LOCAL app.tenant = '{shop.pk}'"
    assert sent[3] == "COMMIT"
    assert [text for text in sent if "SET LOCAL" in text and ";" in text] == []
    assert not is_in_transaction(connection.connection)


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("suffix", [" / 0", "; SELECT 1 / 0"])
def test_failed_statement_outside_of_a_transaction_leaves_none_open(shop, sent, suffix):
    with tenant_context(shop):
        with pytest.raises(DatabaseError):
            read_tenant(f"::int{suffix}" if suffix.startswith(" ") else suffix)
        assert not is_in_transaction(connection.connection)
        assert read_tenant() == str(shop.pk)


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
def test_several_statements_follow_their_setting(shop, sent):
    with tenant_scope(shop), connection.cursor() as cursor:
        cursor.execute("SELECT 1; SELECT current_setting('app.tenant')")
        cursor.nextset()
        assert cursor.fetchone() == (str(shop.pk),)

    assert f"SET LOCAL app.tenant = '{shop.pk}'" in sent


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
def test_key_of_a_request_is_saved_without_a_setting(till, make_product, sent):  # noqa: F811
    order = till.order(line(make_product("2.50")), payments=[cash("2.50")])
    answer = till.post("orders/", order, Idempotency_Key="key-1")

    assert answer.status_code == 201
    assert any("UPDATE tenants_idempotencykey SET status" in text for text in sent)
    assert [text for text in sent if "SET LOCAL" in text and ";" in text] == []


# --- work across tenants -----------------------------------------------------------------------


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
def test_relay_locks_the_rows_of_one_tenant_at_a_time(product, foreign, sent, monkeypatch):
    subscriber = Listener()
    for shop in (product.tenant, foreign.tenant):
        with tenant_scope(shop):
            for number in range(3):
                publish(TOPIC, number=number)
    sent.clear()

    assert create_deliveries([subscriber]) >= 6
    claimed = claim()

    assert {each.tenant_id for each in claimed} == {product.tenant_id, foreign.tenant.pk}
    assert len({each.next_attempt_at for each in claimed}) == 1
    locking = [text for text in sent if "FOR NO KEY UPDATE" in text]
    assert len(locking) == 4
    assert [text for text in locking if not NAMES_TENANT.search(text)] == []
    release(claimed)
    assert len(claim()) == len(claimed)


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
def test_rows_are_pruned_tenant_by_tenant(shop, foreign, sent):
    for user in (UserFactory(tenant=shop), foreign.admin):
        for _ in range(2):
            session = AuthSessionFactory(user=user)
            with tenant_scope(user.tenant):
                AuthSession.objects.filter(pk=session.pk).update(revoked_at=LONG_AGO)
    sent.clear()

    assert prune().sessions == 4

    deletes = [text for text in sent if text.startswith('DELETE FROM "accounts_authsession"')]
    assert len(deletes) == 2
    assert [text for text in deletes if not NAMES_TENANT.search(text)] == []


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
def test_pruning_ends_if_nothing_can_be_deleted(foreign, sent, monkeypatch):
    with tenant_scope(foreign.tenant):
        AuthSession.objects.update(revoked_at=LONG_AGO)
    monkeypatch.setattr("accounts.services.pruning._delete", lambda rows: 0)

    assert prune().sessions == 0


# --- statements for one node -------------------------------------------------------------------


@pytest.mark.postgres
@pytest.mark.django_db
def test_every_statement_of_a_sale_in_a_cluster_names_the_tenant(till, make_product, monkeypatch):  # noqa: F811
    monkeypatch.setattr(connection.features, "is_distributed", True)
    lines = [line(make_product("2.50")), line(make_product("1.25"))]

    with CaptureQueriesContext(connection) as captured:
        answer = till.sell(*lines, payments=[cash("3.75")])

    assert (answer.status_code, answer.json()["total"]) == (201, "3.75")
    statements = [sql for query in captured for sql in query["sql"].split(";")]
    touching = [sql for sql in statements if any(table in sql for table in OF_SHOPS)]
    assert len(touching) > len(OF_SHOPS) / 4
    assert [sql for sql in touching if not NAMES_TENANT.search(sql)] == []
    assert [sql for sql in statements if sql.startswith("INSERT") and "SELECT" in sql] == []
    assert OrderLine._meta.db_table in "".join(
        sql for sql in statements if sql.startswith("INSERT")
    )


@pytest.mark.postgres
@pytest.mark.django_db
def test_bulk_insert_in_a_cluster_uses_values(shop, monkeypatch):
    monkeypatch.setattr(connection.features, "is_distributed", True)

    with tenant_scope(shop), CaptureQueriesContext(connection) as captured:
        Store.objects.bulk_create([Store(name="One"), Store(name="Two")])
        assert Store.objects.count() == 2

    (insert,) = [query["sql"] for query in captured if query["sql"].startswith("INSERT")]
    assert " VALUES (" in insert
    assert "UNNEST" not in insert


@pytest.mark.postgres
@pytest.mark.django_db
def test_row_is_deleted_by_tenant_and_id(shop):
    store = StoreFactory(tenant=shop)

    with tenant_scope(shop), CaptureQueriesContext(connection) as captured:
        store.delete()
        assert not Store.objects.exists()

    deleted = [query["sql"] for query in captured if query["sql"].startswith("DELETE")]
    assert [sql for sql in deleted if "tenant_id" not in sql] == []
    assert any('"tenants_store"' in sql for sql in deleted)


@pytest.mark.postgres
@pytest.mark.django_db
def test_saving_across_tenants_keeps_the_other_row_of_the_same_id(shop, foreign):
    theirs = foreign.product
    ours = ProductFactory(tenant=shop, id=theirs.pk, name="Ours")

    with across_tenants():
        ours.name = "Changed"
        ours.save_changes("name")
        names = Product.objects.filter(pk=theirs.pk).values_list("name", flat=True)
        assert sorted(names) == sorted(["Changed", theirs.name])


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
def test_transaction_that_starts_with_the_citus_check_keeps_the_tenant(shop):
    """The check runs at the first insert and must not lose the session variables."""
    with tenant_scope(shop):
        assert not Store.objects.exists()
    connection.features.__dict__.pop("is_distributed", None)

    with tenant_scope(shop):
        made = Store.objects.bulk_create([Store(name="Second")])

    assert len(made) == 1
