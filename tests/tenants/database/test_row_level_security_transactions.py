"""Row-level security and transactions: how long a scope lasts in PostgreSQL."""

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
from tests.support.policies import RLS_VIOLATION, names, read_session_variables, run_sql

pytestmark = [pytest.mark.postgres, pytest.mark.django_db]


@pytest.fixture
def ours(shop):
    return StoreFactory(tenant=shop, name="Ours")


# --- with and without transactions -------------------------------------------------------------


@pytest.mark.django_db(transaction=True)
def test_statement_outside_of_a_transaction_has_the_scope(shop, ours, foreign):
    with tenant_context(shop):
        assert not connection.in_atomic_block
        assert (names(), Store.objects.get()) == ({"Ours"}, ours)
        Store.objects.create(name="More")
        with pytest.raises(DatabaseError, match=RLS_VIOLATION):
            run_sql("UPDATE tenants_store SET tenant_id = %s", foreign.tenant.pk)
        assert names() == {"Ours", "More"}
    assert (read_session_variables(), names()) == (("", ""), set())


@pytest.mark.django_db(transaction=True)
def test_every_transaction_of_a_request_has_the_scope(shop, foreign):
    @atomic_with_retry
    def add(name):
        Store.objects.create(name=name)
        return names()

    with tenant_context(shop):
        assert add("One") == {"One"}
        assert add("Two") == {"One", "Two"}


@pytest.mark.django_db(transaction=True)
@pytest.mark.slow
def test_scope_does_not_outlive_its_transaction(shop, ours):
    with suppress(ZeroDivisionError), tenant_scope(shop):
        assert names() == {"Ours"}
        raise ZeroDivisionError

    assert (read_session_variables(), names()) == (("", ""), set())


@pytest.mark.django_db(transaction=True)
def test_attack_157_connection_has_no_tenant_after_a_failed_request(
    client_of, admin, foreign_admin, foreign, ours, monkeypatch
):
    """Both requests use one connection; the first fails inside its transaction."""
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


# --- cost --------------------------------------------------------------------------------------


@pytest.mark.one_server
def test_scope_is_set_once_and_without_an_extra_message(shop, monkeypatch):
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


def test_executemany_and_copy_have_the_scope(shop):
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


def test_tenant_id_must_be_a_uuid():
    shop = TenantFactory.build()
    shop.pk = "x'; RESET ROLE; --"

    with tenant_context(shop), pytest.raises(TypeError):
        read_session_variables()


@pytest.mark.django_db(transaction=True)
def test_server_side_cursor_needs_a_transaction_for_its_scope(shop, ours, foreign):
    def fetch_chunk():
        with connection.chunked_cursor() as cursor:
            cursor.execute("SELECT name FROM tenants_store")
            return cursor.fetchmany(10)

    with tenant_scope(shop):
        with tenant_context(foreign.tenant):
            assert names() == {foreign.store.name}
        assert fetch_chunk() == [("Ours",)]
    with tenant_context(shop), pytest.raises(TransactionManagementError):
        fetch_chunk()
    assert fetch_chunk() == []


def test_compiled_query_without_a_scope_is_refused(product):
    query = CompiledQuery(lambda tenant, pk: Product.objects.filter(tenant=tenant, pk=pk))

    with pytest.raises(NoTenantScope):
        query.first(tenant=product.tenant_id, pk=product.pk)
    with tenant_scope(product.tenant):
        assert query.first(tenant=product.tenant_id, pk=product.pk) == product
