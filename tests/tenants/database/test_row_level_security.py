"""Row-level security isolates tenants for SQL that omits the tenant."""

from contextlib import suppress

import pytest
from django.db import DatabaseError, IntegrityError, transaction
from django.db.models import F

from orders.models import Order, OrderLine, Product
from orders.services.reports.summary import rebuild_summary
from tenants.exceptions import NoTenantScope
from tenants.ids import new_id
from tenants.models import Register, Store
from tenants.scope import across_tenants, atomic_with_retry, tenant_context, tenant_scope
from tests.factories.customers import CustomerFactory, CustomerGroupFactory
from tests.factories.modifier_list import ModifierFactory
from tests.factories.orders import ProductFactory
from tests.factories.price_list import PriceFactory
from tests.factories.stock_count import StockCountLineFactory
from tests.factories.stock_transfer import StockTransferLineFactory
from tests.factories.tenants import StoreFactory
from tests.support.discovery import owned_models
from tests.support.policies import (
    COUNT,
    INSERT,
    RLS_VIOLATION,
    names,
    read_session_variables,
    run_sql,
)

pytestmark = [pytest.mark.postgres, pytest.mark.django_db]


@pytest.fixture
def ours(shop):
    return StoreFactory(tenant=shop, name="Ours")


# --- without a scope --------------------------------------------------------------------------


def test_attack_155_no_table_shows_rows_without_a_scope(foreign):
    tables = [model._meta.db_table for model in owned_models()]
    PriceFactory(product=foreign.product)
    ModifierFactory(tenant=foreign.tenant)
    CustomerFactory(tenant=foreign.tenant, group=CustomerGroupFactory(tenant=foreign.tenant))
    StockTransferLineFactory(tenant=foreign.tenant)
    StockCountLineFactory(tenant=foreign.tenant)
    with tenant_context(foreign.tenant):
        rebuild_summary()

    hidden = {table: run_sql(COUNT.format(table))[0][0] for table in tables}
    with across_tenants():
        visible = {table: run_sql(COUNT.format(table))[0][0] for table in tables}

    assert set(hidden.values()) == {0}
    assert sum(count > 0 for count in visible.values()) >= len(tables) / 2


def test_attack_155_no_table_accepts_rows_without_a_scope(shop):
    for model in owned_models():
        table = model._meta.db_table
        with pytest.raises(DatabaseError, match=RLS_VIOLATION), transaction.atomic():
            run_sql(INSERT.format(table), new_id(), shop.pk)


def test_attack_159_job_without_a_scope_fails_and_changes_nothing(foreign):
    @atomic_with_retry
    def job():
        Product.objects.update(price=F("price") + 1)

    with pytest.raises(NoTenantScope):
        job()
    assert run_sql("UPDATE orders_product SET price = 0") == 0
    assert run_sql("DELETE FROM orders_barcode") == 0
    with tenant_scope(foreign.tenant):
        assert Product.objects.get(pk=foreign.product.pk).price == foreign.product.price
        assert foreign.barcode in foreign.product.barcodes.all()


# --- in a scope -------------------------------------------------------------------------------


def test_attack_156_row_cannot_be_moved_to_another_shop(shop, ours, other_shop):
    with tenant_scope(shop):
        with pytest.raises(DatabaseError, match=RLS_VIOLATION), transaction.atomic():
            run_sql("UPDATE tenants_store SET tenant_id = %s", other_shop.pk)
        assert Store.objects.get().tenant_id == shop.pk


def test_attack_156_row_cannot_be_inserted_for_another_shop(shop, other_shop):
    with tenant_scope(shop):
        for model in owned_models():
            table = model._meta.db_table
            with pytest.raises(DatabaseError, match=RLS_VIOLATION), transaction.atomic():
                run_sql(INSERT.format(table), new_id(), other_shop.pk)


def test_attack_156_row_cannot_reference_a_row_of_another_shop(shop, product, foreign):
    """Also across tenants, because the foreign keys include the tenant."""
    with tenant_scope(shop), pytest.raises(IntegrityError), transaction.atomic():
        Register.objects.create(store=foreign.store, name="Theirs", number=7)
    take_theirs = "UPDATE orders_product SET category_id = %s WHERE id = %s"
    with across_tenants(), pytest.raises(IntegrityError, match="category"), transaction.atomic():
        run_sql(take_theirs, foreign.category.pk, product.pk)
    with tenant_scope(shop):
        assert not Register.objects.exists()


def test_attack_156_row_cannot_reference_a_user_of_another_shop(shop, cashier, register, foreign):
    with tenant_scope(shop), pytest.raises(IntegrityError, match="cashier"), transaction.atomic():
        Order.objects.create(store=register.store, register=register, cashier=foreign.cashier)


def test_attack_156_names_and_ids_of_another_shop_can_be_used(shop, foreign):
    theirs = foreign.product

    ours = ProductFactory(tenant=shop, id=theirs.pk, sku=theirs.sku)

    with tenant_scope(shop):
        assert Product.objects.get().name == ours.name
        Product.objects.filter(pk=theirs.pk).update(name="Changed")
        ours.delete()
    with tenant_scope(foreign.tenant):
        assert Product.objects.get(pk=theirs.pk).name == theirs.name


def test_joins_of_equal_ids_stay_in_their_tenant(shop, foreign):
    """Also across tenants: each row is joined with rows of its own tenant only."""
    line = foreign.line
    ProductFactory(tenant=shop, id=line.product_id, name="Ours")

    with across_tenants():
        found = OrderLine.objects.filter(pk=line.pk).select_related("product", "order")
        assert [each.product.tenant_id for each in found] == [line.tenant_id]
        assert not OrderLine.objects.filter(product__name="Ours").exists()


# --- nested scopes -----------------------------------------------------------------------------


def test_inner_scope_ends_and_restores_the_outer_one(shop, ours, foreign):
    assert read_session_variables() == ("", "")
    with tenant_scope(shop):
        assert (read_session_variables(), names()) == ((str(shop.pk), ""), {"Ours"})
        with tenant_scope(foreign.tenant):
            assert names() == {foreign.store.name}
        assert names() == {"Ours"}
        with across_tenants():
            assert names() == {"Ours", foreign.store.name}
        assert names() == {"Ours"}
    assert (read_session_variables(), names()) == (("", ""), set())


def test_exception_ends_a_scope(shop, ours, foreign):
    with tenant_scope(shop):
        for inner in (tenant_scope(foreign.tenant), across_tenants()):
            with suppress(ZeroDivisionError), inner:
                assert foreign.store.name in names()
                raise ZeroDivisionError
            assert (read_session_variables(), names()) == ((str(shop.pk), ""), {"Ours"})


def test_attack_158_rolled_back_savepoint_keeps_the_tenant(shop, ours, foreign):
    """PostgreSQL resets the session variables with a savepoint, so they are set again."""
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


def test_savepoint_rolled_back_by_raw_sql_is_noticed(shop, ours, foreign):
    with tenant_scope(shop):
        names()
        run_sql("SAVEPOINT by_hand")
        with tenant_context(foreign.tenant):
            names()
            run_sql("rollback to savepoint by_hand")
            assert names() == {foreign.store.name}
        assert names() == {"Ours"}
