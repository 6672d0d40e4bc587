"""Tenant scopes: no query without one, only rows of the tenant with one, all only explicitly."""

import asyncio
from contextlib import suppress

import pytest
from django.apps import apps
from django.db import transaction

from accounts.models import User
from tenants.exceptions import NoTenantScope
from tenants.models import Store, TenantOwned
from tenants.models.owned import TenantManager
from tenants.scope import (
    across_tenants,
    current_tenant,
    current_tenant_id,
    has_scope,
    tenant_context,
    tenant_scope,
)
from tests.factories.accounts import PlatformUserFactory, UserFactory
from tests.factories.tenants import StoreFactory
from tests.support.parallel import run_concurrently

OWNED = [model for model in apps.get_models() if issubclass(model, TenantOwned)]


@pytest.fixture
def store(shop):
    return StoreFactory(tenant=shop, name="Ours")


# --- without a scope --------------------------------------------------------------------------

QUERIES = {
    "all": lambda manager: manager.all(),
    "get": lambda manager: manager.get(),
    "filter": lambda manager: manager.filter(pk=None),
    "count": lambda manager: manager.count(),
    "exists": lambda manager: manager.exists(),
    "first": lambda manager: manager.first(),
    "update": lambda manager: manager.update(version=2),
    "delete": lambda manager: manager.all().delete(),
    "create": lambda manager: manager.create(),
    "bulk_create": lambda manager: manager.bulk_create([]),
    "raw rows": lambda manager: manager.values_list("pk"),
}


@pytest.mark.once
@pytest.mark.parametrize("query", QUERIES)
@pytest.mark.parametrize("model", OWNED, ids=lambda model: model.__name__)
def test_every_query_without_a_scope_raises(model, query, db):
    for manager in (model._default_manager, model._base_manager):
        with pytest.raises(NoTenantScope):
            QUERIES[query](manager)


@pytest.mark.parametrize("model", OWNED, ids=lambda model: model.__name__)
def test_every_manager_of_a_tenant_model_is_scoped(model):
    assert all(isinstance(manager, TenantManager) for manager in model._meta.managers)
    assert isinstance(model._base_manager, TenantManager)


def test_creating_saving_and_reloading_without_a_scope_raise(store):
    with pytest.raises(NoTenantScope):
        Store(name="New")
    with pytest.raises(NoTenantScope):
        store.save()
    with pytest.raises(NoTenantScope):
        store.delete()
    with pytest.raises(NoTenantScope):
        store.refresh_from_db()
    with pytest.raises(NoTenantScope):
        list(store.registers.all())


def test_missing_scope_is_a_runtime_error():
    assert issubclass(NoTenantScope, RuntimeError)


def test_current_tenant_without_a_scope_raises():
    assert not has_scope()
    with pytest.raises(NoTenantScope):
        current_tenant()
    with pytest.raises(NoTenantScope):
        current_tenant_id()


# --- with a scope ---------------------------------------------------------------------------------


@pytest.mark.parametrize("enter", [tenant_scope, tenant_context])
def test_scope_shows_only_rows_of_its_tenant(enter, shop, store, foreign):
    with enter(shop):
        assert list(Store.objects.all()) == [store]
        assert not Store.objects.filter(pk=foreign.store.pk).exists()
        assert current_tenant() is shop
        assert current_tenant_id() == shop.pk
    with enter(foreign.tenant):
        assert list(Store.objects.all()) == [foreign.store]


def test_bulk_update_changes_only_rows_of_the_tenant(shop, store, foreign):
    with tenant_scope(shop):
        assert Store.objects.update(address="Here") == 1

    with across_tenants():
        assert Store.objects.get(pk=foreign.store.pk).address == "LEAKMARK_B_ADDRESS"


def test_new_row_belongs_to_the_tenant_in_scope(shop):
    with tenant_scope(shop):
        store = Store.objects.create(name="New")

    assert store.tenant_id == shop.pk


def test_row_of_another_shop_cannot_be_saved_or_reloaded(shop, foreign):
    foreign.store.name = "Taken"

    with tenant_scope(shop):
        with pytest.raises(NoTenantScope):
            foreign.store.save()
        with pytest.raises(NoTenantScope):
            foreign.store.save_changes("name")
        with pytest.raises(Store.DoesNotExist):
            foreign.store.refresh_from_db()

    with across_tenants():
        assert Store.objects.get(pk=foreign.store.pk).name == "LEAKMARK_B_STORE"


def test_row_cannot_change_its_tenant(shop, store, other_shop):
    store.tenant = other_shop

    with tenant_scope(shop), pytest.raises(NoTenantScope):
        store.save()


def test_related_managers_are_scoped(shop, register, foreign):
    with tenant_scope(shop):
        assert list(register.store.registers.all()) == [register]
        assert list(foreign.store.registers.all()) == []


# --- nested and concurrent scopes --------------------------------------------------------------


def test_inner_scope_ends_and_restores_the_outer_one(shop, other_shop):
    with tenant_scope(shop):
        with tenant_scope(other_shop):
            assert current_tenant() is other_shop
            with across_tenants(), pytest.raises(NoTenantScope):
                current_tenant()
            assert current_tenant() is other_shop
        assert current_tenant() is shop
    assert not has_scope()


@pytest.mark.parametrize("enter", [tenant_scope, tenant_context])
def test_exception_ends_a_scope(enter, shop):
    with suppress(ZeroDivisionError), enter(shop):
        raise ZeroDivisionError

    assert not has_scope()


def test_rolled_back_savepoint_keeps_the_scope(shop, store):
    with tenant_scope(shop):
        with suppress(ZeroDivisionError), transaction.atomic():
            Store.objects.create(name="Gone")
            raise ZeroDivisionError
        assert list(Store.objects.all()) == [store]
        assert current_tenant() is shop


@pytest.mark.django_db(transaction=True)
def test_new_thread_has_no_scope(shop):
    with tenant_context(shop):
        outcomes = run_concurrently([has_scope, Store.objects.count])

    assert outcomes[0] is False
    assert isinstance(outcomes[1], NoTenantScope)


def test_concurrent_tasks_have_separate_scopes(shop, other_shop):
    seen = []

    async def work(tenant):
        with tenant_context(tenant):
            await asyncio.sleep(0)
            seen.append(current_tenant())

    async def both():
        await asyncio.gather(work(shop), work(other_shop))

    asyncio.run(both())
    assert seen == [shop, other_shop]


def test_across_tenants_shows_all_rows_and_creates_none(shop, store, foreign):
    with across_tenants():
        assert set(Store.objects.all()) == {store, foreign.store}
        with pytest.raises(NoTenantScope):
            Store(name="Whose?")


# --- users -------------------------------------------------------------------------------------


def test_users_without_a_scope_are_platform_users_only(shop, cashier):
    root = PlatformUserFactory(username="root")

    assert list(User.objects.all()) == [root]
    assert User.objects.get_by_natural_key("ROOT") == root
    with pytest.raises(User.DoesNotExist):
        User.objects.get_by_natural_key("c1")


def test_natural_key_finds_only_platform_users(shop, cashier):
    with tenant_scope(shop), pytest.raises(User.DoesNotExist):
        User.objects.get_by_natural_key("c1")
    with across_tenants(), pytest.raises(User.DoesNotExist):
        User.objects.get_by_natural_key("c1")


def test_scope_shows_only_users_of_its_tenant(shop, cashier, foreign):
    PlatformUserFactory()

    with tenant_scope(shop):
        assert list(User.objects.all()) == [cashier]
    with across_tenants():
        assert User.objects.count() == 5


def test_tenants_themselves_are_not_scoped(shop, other_shop):
    """A tenant must be loaded before its scope can be entered."""
    UserFactory(tenant=shop)
    with tenant_scope(shop):
        assert type(shop).objects.count() == 2
