"""No row without a shop, no query without a scope, no view outside of it."""

from typing import Any

import pytest
from django.contrib import admin
from django.db import models
from rest_framework import mixins
from rest_framework.views import APIView
from rest_framework.viewsets import ViewSetMixin

from tenants.admin import TenantScopedAdmin
from tenants.api.views import TenantScopedViewSet
from tenants.exceptions import NoTenantScope
from tenants.models import TenantManager
from tenants.scope import across_tenants, tenant_context
from tests.factories.tenants import TenantFactory
from tests.support.discovery import our_models, owned_models, routes

# The shop itself; people, who may also belong to the platform; and how often somebody tried to
# get in, which is counted for shops that do not exist and for addresses that try at many.
NOT_OWNED = {"tenants.Tenant", "accounts.User", "accounts.Throttle"}
# The same people, sorted for the pages of the admin.
PROXIES = {"accounts.Cashier", "accounts.StaffMember", "accounts.ShopSettings"}
# What happened at the door of a shop that does not exist has no shop.
ALSO_OF_NOBODY = {"tenants.AuditEvent"}
# What the relay, and who looks after it, asks of all shops at once; they hold only what is left
# to be done.
OF_EVERY_SHOP = {
    "outbox_to_relay",
    "delivery_to_try",
    "delivery_dead",
    "payment_underway",
    "payout_underway",
}
# Views of no rows, or of the one row of the shop itself.
PLAIN_VIEWS = {
    "LogInView",
    "LogOutEverywhereView",
    "LogOutView",
    "MeView",
    "MetricsView",
    "OwnPasswordView",
    "PinLogInView",
    "PinUsersView",
    "ReauthView",
    "RefreshView",
    "RevokeView",
    "SignupView",
    "TenantView",
    "VerifyView",
    # The pages about the API, the same for everybody.
    "DocsView",
    "KeysView",
    "SchemaView",
}
# Admin pages of what belongs to no shop.
PLATFORM_ADMINS = {"accounts.User", "tenants.Tenant"}

owned = pytest.mark.parametrize("model", owned_models(), ids=lambda model: model.__name__)


def starts_with_tenant(fields: Any) -> bool:
    return bool(fields) and fields[0].lstrip("-") == "tenant"


def test_every_model_belongs_to_a_shop_but_those_that_cannot():
    labels = {model._meta.label for model in our_models()}

    assert labels - {model._meta.label for model in owned_models()} == NOT_OWNED | PROXIES


@owned
@pytest.mark.parametrize("name", ["_default_manager", "_base_manager"])
def test_no_manager_answers_without_a_scope(model, name):
    manager = getattr(model, name)

    assert isinstance(manager, TenantManager)
    with pytest.raises(NoTenantScope):
        manager.all()


@owned
@pytest.mark.parametrize("name", ["_default_manager", "_base_manager"])
def test_every_manager_asks_for_the_shop_in_scope_alone(model, name):
    shop = TenantFactory.build()

    with tenant_context(shop):
        query = getattr(model, name).all().query
    with across_tenants():
        of_all = getattr(model, name).all().query

    assert [(each.lhs.target.name, each.rhs) for each in query.where.children] == [
        ("tenant", shop.pk)
    ]
    assert not of_all.where


@owned
def test_a_model_has_no_other_managers(model):
    assert {manager.name for manager in model._meta.managers} == {"objects"}


@owned
def test_the_tenant_of_a_row_is_always_there_and_not_for_forms(model):
    tenant = model._meta.get_field("tenant")

    assert (tenant.null, tenant.editable) == (model._meta.label in ALSO_OF_NOBODY, False)
    assert tenant.remote_field.on_delete is models.PROTECT


@owned
def test_what_is_unique_is_unique_in_its_shop(model):
    """A shop must not learn from a refusal what another one has."""
    unique = [
        each.fields for each in model._meta.constraints if isinstance(each, models.UniqueConstraint)
    ]
    alone = [
        field.name
        for field in model._meta.local_fields
        if field.unique and not field.primary_key and not field.one_to_one
    ]

    assert [fields for fields in unique if not starts_with_tenant(fields)] == []
    assert alone == []
    assert not model._meta.unique_together


@owned
def test_every_index_begins_with_the_shop_or_follows_a_foreign_key(model):
    alone = [
        field.name
        for field in model._meta.local_fields
        if field.db_index and field.remote_field is None and not field.primary_key
    ]

    assert [
        each.fields
        for each in model._meta.indexes
        if not starts_with_tenant(each.fields) and each.name not in OF_EVERY_SHOP
    ] == []
    assert alone == []


@owned
def test_rows_refer_to_others_without_tables_that_nobody_scopes(model):
    assert not model._meta.local_many_to_many


# --- views ------------------------------------------------------------------------------------

VIEWS = {route.view for route in routes() if route.view is not None}
VIEWSETS = sorted(
    (view for view in VIEWS if issubclass(view, ViewSetMixin)), key=lambda view: view.__name__
)
viewsets = pytest.mark.parametrize("viewset", VIEWSETS, ids=lambda viewset: viewset.__name__)


def test_every_other_view_is_known():
    plain = {view.__name__ for view in VIEWS if not issubclass(view, ViewSetMixin)}

    assert plain == PLAIN_VIEWS
    assert all(issubclass(view, APIView) for view in VIEWS)


@viewsets
def test_every_viewset_is_scoped_and_nothing_comes_before_the_scope(viewset):
    assert issubclass(viewset, TenantScopedViewSet)
    for name in ("initial", "in_scope", "dispatch", "get_queryset", "get_object"):
        assert getattr(viewset, name) is getattr(TenantScopedViewSet, name), name


@viewsets
def test_no_viewset_writes_in_ways_of_its_framework(viewset):
    """They would save a row as it was sent, without version, constraints or services."""
    theirs = {each for each in vars(mixins).values() if isinstance(each, type)}

    assert not theirs.intersection(viewset.__mro__)


@viewsets
def test_every_viewset_names_its_model_and_who_may_ask(viewset):
    assert viewset.model in our_models()
    assert "permission_classes" in vars(viewset)
    assert viewset.queryset is None, "a queryset of the class would be made outside of any scope"


# --- admin ------------------------------------------------------------------------------------


def test_every_admin_page_is_scoped_or_known():
    scoped, others = set(), set()
    for model, page in admin.site._registry.items():
        (scoped if isinstance(page, TenantScopedAdmin) else others).add(model._meta.label)

    assert scoped
    assert scoped <= {model._meta.label for model in owned_models()}
    assert others <= PLATFORM_ADMINS
