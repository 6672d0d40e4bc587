"""Every model has a tenant, every query a scope, and every view runs in it."""

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

# Tenants; users, who may also belong to the platform; and rate-limit counters, which also
# exist for unknown shops and for addresses.
NOT_OWNED = {"tenants.Tenant", "accounts.User", "accounts.Throttle"}
# Proxy models for pages of the admin.
PROXIES = {"accounts.Cashier", "accounts.StaffMember", "accounts.ShopSettings"}
# Log-in attempts at unknown shops have no tenant.
WITH_NULLABLE_TENANT = {"tenants.AuditEvent"}
# Indexes for queries of the relay across all shops; they contain only rows with pending
# work.
CROSS_TENANT_INDEXES = {
    "outbox_to_relay",
    "delivery_to_try",
    "delivery_dead",
    "payment_late_capture",
    "payment_underway",
    "payout_underway",
}
# Views without rows, or of the current tenant only.
PLAIN_VIEWS = {
    "ImageView",
    "LogInView",
    "LogOutEverywhereView",
    "LogOutView",
    "MeView",
    "MetricsView",
    "OwnPasswordView",
    "PaymentEventView",
    "PairView",
    "PinLogInView",
    "PinUsersView",
    "ReauthView",
    "RefreshView",
    "RevokeView",
    "SignupView",
    "TenantView",
    "ThumbnailView",
    "VerifyView",
    # Documentation pages.
    "DocsView",
    "KeysView",
    "SchemaView",
}
# Admin pages of models without a tenant.
PLATFORM_ADMINS = {"accounts.User", "tenants.Tenant"}

owned = pytest.mark.parametrize("model", owned_models(), ids=lambda model: model.__name__)


def starts_with_tenant(fields: Any) -> bool:
    return bool(fields) and fields[0].lstrip("-") == "tenant"


def test_every_model_has_a_tenant_except_known_ones():
    labels = {model._meta.label for model in our_models()}

    assert labels - {model._meta.label for model in owned_models()} == NOT_OWNED | PROXIES


@owned
@pytest.mark.parametrize("name", ["_default_manager", "_base_manager"])
def test_managers_raise_without_a_scope(model, name):
    manager = getattr(model, name)

    assert isinstance(manager, TenantManager)
    with pytest.raises(NoTenantScope):
        manager.all()


@owned
@pytest.mark.parametrize("name", ["_default_manager", "_base_manager"])
def test_managers_filter_by_the_tenant_in_scope(model, name):
    shop = TenantFactory.build()

    with tenant_context(shop):
        query = getattr(model, name).all().query
    with across_tenants():
        unscoped = getattr(model, name).all().query

    assert [(each.lhs.target.name, each.rhs) for each in query.where.children] == [
        ("tenant", shop.pk)
    ]
    assert not unscoped.where


@owned
def test_models_have_only_the_tenant_manager(model):
    assert {manager.name for manager in model._meta.managers} == {"objects"}


@owned
def test_tenant_field_is_required_protected_and_not_editable(model):
    tenant = model._meta.get_field("tenant")

    assert (tenant.null, tenant.editable) == (model._meta.label in WITH_NULLABLE_TENANT, False)
    assert tenant.remote_field.on_delete is models.PROTECT


@owned
def test_unique_constraints_start_with_the_tenant(model):
    """Otherwise a rejected duplicate would reveal a row of another shop."""
    unique = [
        each.fields for each in model._meta.constraints if isinstance(each, models.UniqueConstraint)
    ]
    single_fields = [
        field.name
        for field in model._meta.local_fields
        if field.unique and not field.primary_key and not field.one_to_one
    ]

    assert [fields for fields in unique if not starts_with_tenant(fields)] == []
    assert single_fields == []
    assert not model._meta.unique_together


@owned
def test_indexes_start_with_the_tenant_or_follow_a_foreign_key(model):
    single_fields = [
        field.name
        for field in model._meta.local_fields
        if field.db_index and field.remote_field is None and not field.primary_key
    ]

    assert [
        each.fields
        for each in model._meta.indexes
        if not starts_with_tenant(each.fields) and each.name not in CROSS_TENANT_INDEXES
    ] == []
    assert single_fields == []


@owned
def test_models_have_no_many_to_many_tables(model):
    assert not model._meta.local_many_to_many


# --- views ------------------------------------------------------------------------------------

VIEWS = {route.view for route in routes() if route.view is not None}
VIEWSETS = sorted(
    (view for view in VIEWS if issubclass(view, ViewSetMixin)), key=lambda view: view.__name__
)
viewsets = pytest.mark.parametrize("viewset", VIEWSETS, ids=lambda viewset: viewset.__name__)


def test_views_without_viewset_are_known():
    plain = {view.__name__ for view in VIEWS if not issubclass(view, ViewSetMixin)}

    assert plain == PLAIN_VIEWS
    assert all(issubclass(view, APIView) for view in VIEWS)


@viewsets
def test_viewsets_are_scoped_before_anything_else(viewset):
    assert issubclass(viewset, TenantScopedViewSet)
    for name in ("initial", "in_scope", "dispatch", "get_queryset", "get_object"):
        assert getattr(viewset, name) is getattr(TenantScopedViewSet, name), name


@viewsets
def test_viewsets_do_not_use_drf_write_mixins(viewset):
    """They would save rows without version checks, constraints and services."""
    theirs = {each for each in vars(mixins).values() if isinstance(each, type)}

    assert not theirs.intersection(viewset.__mro__)


@viewsets
def test_viewsets_define_model_and_permissions(viewset):
    assert viewset.model in our_models()
    assert "permission_classes" in vars(viewset)
    assert viewset.queryset is None, "a class attribute would be built without a tenant scope"


# --- admin ------------------------------------------------------------------------------------


def test_admin_pages_are_scoped_or_known():
    scoped, others = set(), set()
    for model, page in admin.site._registry.items():
        (scoped if isinstance(page, TenantScopedAdmin) else others).add(model._meta.label)

    assert scoped
    assert scoped <= {model._meta.label for model in owned_models()}
    assert others <= PLATFORM_ADMINS
