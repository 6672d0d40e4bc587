"""The second wall, where transactions begin and end: how long a scope lasts in PostgreSQL."""

from contextlib import suppress

import pytest
from django.db import DatabaseError, connection
from django.db.backends.postgresql.base import Cursor
from django.db.transaction import TransactionManagementError

from orders.models import Product
from tenants.database.compiled_queries import CompiledQuery
from tenants.exceptions import NoTenantScope
from tenants.ids import new_id
from tenants.models import Store
from tenants.scope import atomic_with_retry, tenant_context, tenant_scope
from tests.factories.tenants import StoreFactory, TenantFactory
from tests.support.policies import WALLED, names, read_session_variables, run_sql

pytestmark = [pytest.mark.postgres, pytest.mark.django_db]


@pytest.fixture
def ours(shop):
    return StoreFactory(tenant=shop, name="Ours")


# --- transactions, and none -------------------------------------------------------------------


@pytest.mark.django_db(transaction=True)
def test_outside_of_a_transaction_each_statement_has_its_scope(shop, ours, foreign):
    with tenant_context(shop):
        assert not connection.in_atomic_block
        assert (names(), Store.objects.get()) == ({"Ours"}, ours)
        Store.objects.create(name="More")
        with pytest.raises(DatabaseError, match=WALLED):
            run_sql("UPDATE tenants_store SET tenant_id = %s", foreign.tenant.pk)
        assert names() == {"Ours", "More"}
    assert (read_session_variables(), names()) == (("", ""), set())


@pytest.mark.django_db(transaction=True)
def test_a_deed_of_several_transactions_has_its_scope_in_each(shop, foreign):
    @atomic_with_retry
    def add(name):
        Store.objects.create(name=name)
        return names()

    with tenant_context(shop):
        assert add("One") == {"One"}
        assert add("Two") == {"One", "Two"}


@pytest.mark.django_db(transaction=True)
def test_nothing_of_a_scope_outlives_its_transaction(shop, ours):
    with suppress(ZeroDivisionError), tenant_scope(shop):
        assert names() == {"Ours"}
        raise ZeroDivisionError

    assert (read_session_variables(), names()) == (("", ""), set())


@pytest.mark.django_db(transaction=True)
def test_attack_157_after_a_crash_the_connection_is_nobodys(
    client_of, admin, foreign_admin, foreign, ours, monkeypatch
):
    """Both requests speak through one connection; the first dies inside its transaction."""
    backends = []

    def crash(*_args, **_more):
        backends.append(run_sql("SELECT pg_backend_pid()"))
        raise ZeroDivisionError

    mine, theirs = client_of(admin), client_of(foreign_admin)
    mine.client.raise_request_exception = False
    with monkeypatch.context() as patch:
        patch.setattr("tenants.api.views.TenantScopedViewSet.paginate_queryset", crash)
        assert mine.get("stores/").status_code == 500

    assert (read_session_variables(), names()) == (("", ""), set())
    assert [store["name"] for store in theirs.get("stores/").json()["results"]] == [
        foreign.store.name
    ]
    assert backends == [run_sql("SELECT pg_backend_pid()")]


# --- what it costs ----------------------------------------------------------------------------


def test_a_scope_is_told_once_and_in_no_message_of_its_own(shop, monkeypatch):
    sent = []
    execute = Cursor.execute
    monkeypatch.setattr(
        Cursor, "execute", lambda self, sql, *rest: sent.append(sql) or execute(self, sql, *rest)
    )

    with tenant_context(shop):
        for _ in range(3):
            Store.objects.count()

    assert [sql.partition(";")[0] for sql in sent if "app." in sql] == [
        f"SET LOCAL app.tenant = '{shop.pk}'"
    ]
    assert len(sent) == 3


def test_many_rows_at_once_and_copies_have_their_scope(shop):
    rows = [(new_id(), shop.pk, name) for name in ("One", "Two")]
    with tenant_scope(shop):
        with connection.cursor() as cursor:
            cursor.executemany(
                "INSERT INTO tenants_store (id, tenant_id, version, created_at, updated_at, name, "
                "address, timezone, day_starts_at, is_active) VALUES "
                "(%s, %s, 1, now(), now(), %s, '', '', '00:00', true)",
                rows,
            )
        with (
            connection.cursor() as cursor,
            cursor.copy("COPY tenants_store (name) TO STDOUT") as out,
        ):
            assert set(b"".join(out).split()) == {b"One", b"Two"}


def test_a_shop_is_named_by_its_id_alone():
    shop = TenantFactory.build()
    shop.pk = "x'; RESET ROLE; --"

    with tenant_context(shop), pytest.raises(TypeError):
        read_session_variables()


@pytest.mark.django_db(transaction=True)
def test_rows_that_come_piece_by_piece_have_their_scope_or_are_refused(shop, ours, foreign):
    def pieces():
        with connection.chunked_cursor() as cursor:
            cursor.execute("SELECT name FROM tenants_store")
            return cursor.fetchmany(10)

    with tenant_scope(shop):
        with tenant_context(foreign.tenant):
            assert names() == {foreign.store.name}
        assert pieces() == [("Ours",)]
    with tenant_context(shop), pytest.raises(TransactionManagementError):
        pieces()
    assert pieces() == []


def test_a_query_that_was_prepared_is_refused_without_a_scope(product):
    query = CompiledQuery(lambda tenant, pk: Product.objects.filter(tenant=tenant, pk=pk))

    with pytest.raises(NoTenantScope):
        query.first(tenant=product.tenant_id, pk=product.pk)
    with tenant_scope(product.tenant):
        assert query.first(tenant=product.tenant_id, pk=product.pk) == product
