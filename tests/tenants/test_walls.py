"""The second wall at work: SQL that forgets the shop meets PostgreSQL, which does not."""

from contextlib import suppress

import pytest
from django.db import DatabaseError, IntegrityError, connection, transaction
from django.db.backends.postgresql.base import Cursor
from django.db.models import F
from django.db.transaction import TransactionManagementError

from orders.models import Order, OrderLine, Product
from tenants.exceptions import NoTenantScope
from tenants.ids import new_id
from tenants.models import Register, Store
from tenants.prepared import Prepared
from tenants.scope import across_tenants, deed, tenant_context, tenant_scope
from tests.architecture.walks import owned_models
from tests.factories.orders import ProductFactory
from tests.factories.tenants import StoreFactory, TenantFactory

pytestmark = [pytest.mark.postgres, pytest.mark.django_db]

COUNT = "SELECT count(*) FROM {}"
INSERT = "INSERT INTO {} (id, tenant_id) VALUES (%s, %s)"
WALLED = "violates row-level security policy"


def asked(sql, *params):
    with connection.cursor() as cursor:
        cursor.execute(sql, params)
        return cursor.fetchall() if cursor.description else cursor.rowcount


def told():
    ((tenant, across),) = asked(
        "SELECT current_setting('app.tenant', true), current_setting('app.across', true)"
    )
    return tenant or "", across or ""


def names():
    return {name for (name,) in asked("SELECT name FROM tenants_store")}


@pytest.fixture
def ours(shop):
    return StoreFactory(tenant=shop, name="Ours")


# --- without a scope --------------------------------------------------------------------------


def test_attack_155_without_a_scope_no_table_shows_a_row(foreign):
    tables = [model._meta.db_table for model in owned_models()]

    hidden = {table: asked(COUNT.format(table))[0][0] for table in tables}
    with across_tenants():
        there = {table: asked(COUNT.format(table))[0][0] for table in tables}

    assert set(hidden.values()) == {0}
    assert sum(count > 0 for count in there.values()) > len(tables) / 2


def test_attack_155_without_a_scope_no_table_takes_a_row(shop):
    for model in owned_models():
        table = model._meta.db_table
        with pytest.raises(DatabaseError, match=WALLED), transaction.atomic():
            asked(INSERT.format(table), new_id(), shop.pk)


def test_attack_159_a_job_without_a_scope_fails_and_changes_nothing(foreign):
    @deed
    def job():
        Product.objects.update(price=F("price") + 1)

    with pytest.raises(NoTenantScope):
        job()
    assert asked("UPDATE orders_product SET price = 0") == 0
    assert asked("DELETE FROM orders_barcode") == 0
    with tenant_scope(foreign.tenant):
        assert Product.objects.get(pk=foreign.product.pk).price == foreign.product.price
        assert foreign.barcode in foreign.product.barcodes.all()


# --- in a scope -------------------------------------------------------------------------------


def test_attack_156_no_row_is_moved_to_another_shop(shop, ours, other_shop):
    with tenant_scope(shop):
        with pytest.raises(DatabaseError, match=WALLED), transaction.atomic():
            asked("UPDATE tenants_store SET tenant_id = %s", other_shop.pk)
        assert Store.objects.get().tenant_id == shop.pk


def test_attack_156_no_row_is_written_for_another_shop(shop, other_shop):
    with tenant_scope(shop):
        for model in owned_models():
            table = model._meta.db_table
            with pytest.raises(DatabaseError, match=WALLED), transaction.atomic():
                asked(INSERT.format(table), new_id(), other_shop.pk)


def test_attack_156_no_row_refers_to_another_shops(shop, product, foreign):
    """Also where row-level security shows all of them: the keys hold by themselves."""
    with tenant_scope(shop), pytest.raises(IntegrityError), transaction.atomic():
        Register.objects.create(store=foreign.store, name="Theirs", number=7)
    take_theirs = "UPDATE orders_product SET category_id = %s WHERE id = %s"
    with across_tenants(), pytest.raises(IntegrityError, match="category"), transaction.atomic():
        asked(take_theirs, foreign.category.pk, product.pk)
    with tenant_scope(shop):
        assert not Register.objects.exists()


def test_attack_156_no_row_names_another_shops_person(shop, cashier, register, foreign):
    with tenant_scope(shop), pytest.raises(IntegrityError, match="cashier"), transaction.atomic():
        Order.objects.create(store=register.store, register=register, cashier=foreign.cashier)


def test_attack_156_what_another_shop_has_is_free_here_names_and_ids(shop, foreign):
    theirs = foreign.product

    ours = ProductFactory(tenant=shop, id=theirs.pk, sku=theirs.sku)

    with tenant_scope(shop):
        assert Product.objects.get().name == ours.name
        Product.objects.filter(pk=theirs.pk).update(name="Changed")
        ours.delete()
    with tenant_scope(foreign.tenant):
        assert Product.objects.get(pk=theirs.pk).name == theirs.name


def test_one_id_in_two_shops_joins_nobody_elses_rows(shop, foreign):
    """Across shops, too: the platform sees each row once, with its own parts."""
    line = foreign.line
    ProductFactory(tenant=shop, id=line.product_id, name="Ours")

    with across_tenants():
        found = OrderLine.objects.filter(pk=line.pk).select_related("product", "order")
        assert [each.product.tenant_id for each in found] == [line.tenant_id]
        assert not OrderLine.objects.filter(product__name="Ours").exists()


# --- scopes within scopes ---------------------------------------------------------------------


def test_a_scope_ends_where_it_is_left(shop, ours, foreign):
    assert told() == ("", "")
    with tenant_scope(shop):
        assert (told(), names()) == ((str(shop.pk), ""), {"Ours"})
        with tenant_scope(foreign.tenant):
            assert names() == {foreign.store.name}
        assert names() == {"Ours"}
        with across_tenants():
            assert names() == {"Ours", foreign.store.name}
        assert names() == {"Ours"}
    assert (told(), names()) == (("", ""), set())


def test_a_scope_ends_also_by_an_error(shop, ours, foreign):
    with tenant_scope(shop):
        for inner in (tenant_scope(foreign.tenant), across_tenants()):
            with suppress(ZeroDivisionError), inner:
                assert foreign.store.name in names()
                raise ZeroDivisionError
            assert (told(), names()) == ((str(shop.pk), ""), {"Ours"})


def test_attack_158_a_rolled_back_savepoint_keeps_the_right_shop(shop, ours, foreign):
    """What PostgreSQL forgets with a savepoint is told again."""
    with tenant_scope(shop):
        with pytest.raises(IntegrityError), transaction.atomic():
            Store.objects.create(name="Ours")
        assert names() == {"Ours"}
        with suppress(ZeroDivisionError), tenant_scope(foreign.tenant):
            assert names() == {foreign.store.name}
            raise ZeroDivisionError
        assert names() == {"Ours"}
    with tenant_scope(foreign.tenant):
        place = transaction.savepoint()
        with tenant_scope(shop):
            names()
        transaction.savepoint_rollback(place)
        assert names() == {foreign.store.name}


def test_a_savepoint_undone_by_hand_is_noticed(shop, ours, foreign):
    with tenant_scope(shop):
        names()
        asked("SAVEPOINT by_hand")
        with tenant_context(foreign.tenant):
            names()
            asked("rollback to savepoint by_hand")
            assert names() == {foreign.store.name}
        assert names() == {"Ours"}


# --- transactions, and none -------------------------------------------------------------------


@pytest.mark.django_db(transaction=True)
def test_outside_of_a_transaction_each_statement_has_its_scope(shop, ours, foreign):
    with tenant_context(shop):
        assert not connection.in_atomic_block
        assert (names(), Store.objects.get()) == ({"Ours"}, ours)
        Store.objects.create(name="More")
        with pytest.raises(DatabaseError, match=WALLED):
            asked("UPDATE tenants_store SET tenant_id = %s", foreign.tenant.pk)
        assert names() == {"Ours", "More"}
    assert (told(), names()) == (("", ""), set())


@pytest.mark.django_db(transaction=True)
def test_a_deed_of_several_transactions_has_its_scope_in_each(shop, foreign):
    @deed
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

    assert (told(), names()) == (("", ""), set())


@pytest.mark.django_db(transaction=True)
def test_attack_157_after_a_crash_the_connection_is_nobodys(
    client_of, admin, stranger, foreign, ours, monkeypatch
):
    """Both requests speak through one connection; the first dies inside its transaction."""
    backends = []

    def crash(*_args, **_more):
        backends.append(asked("SELECT pg_backend_pid()"))
        raise ZeroDivisionError

    mine, theirs = client_of(admin), client_of(stranger)
    mine.client.raise_request_exception = False
    with monkeypatch.context() as patch:
        patch.setattr("tenants.views.TenantScopedViewSet.paginate_queryset", crash)
        assert mine.get("stores/").status_code == 500

    assert (told(), names()) == (("", ""), set())
    assert [store["name"] for store in theirs.get("stores/").json()["results"]] == [
        foreign.store.name
    ]
    assert backends == [asked("SELECT pg_backend_pid()")]


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
        told()


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
    query = Prepared(lambda tenant, pk: Product.objects.filter(tenant=tenant, pk=pk))

    with pytest.raises(NoTenantScope):
        query.first(tenant=product.tenant_id, pk=product.pk)
    with tenant_scope(product.tenant):
        assert query.first(tenant=product.tenant_id, pk=product.pk) == product
