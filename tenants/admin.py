"""The admin for the people who run the installation: every shop, and nothing deleted."""

from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from tenants.models import Register, Store, Tenant


class PlatformAdmin(admin.ModelAdmin):
    """What all pages have in common: no row is made or deleted here, and every change counts."""

    show_full_result_count = False
    list_per_page = 50

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest) -> bool:
        """Only the filters on the page: Django would let one guess at any column, hashes too."""
        return lookup.partition("__")[0] in self.get_list_filter(request)

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        obj.save_changes(*form.changed_data)


class TenantScopedAdmin(PlatformAdmin):
    """Rows that belong to a shop, shown with the shop."""

    list_select_related: Any = ("tenant",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return super().get_queryset(request).visible_to(request.user)

    def get_form(
        self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any
    ) -> Any:
        """Offer no row of another shop than the one that is open."""
        form = super().get_form(request, obj, change, **kwargs)
        for field in form.base_fields.values():
            if isinstance(field, forms.ModelChoiceField):
                rows = field.queryset
                field.queryset = rows.filter(tenant=obj.tenant) if obj else rows.none()
        return form


class ReadOnly:
    """To look at; what it is comes from the shop."""

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


@admin.register(Tenant)
class TenantAdmin(PlatformAdmin):
    """Shops are opened by `create_tenant` or by sign-up; here they are suspended and renamed."""

    list_display = ("slug", "name", "currency", "is_active", "created_at")
    list_filter = ("is_active", "currency")
    search_fields = ("slug", "name")
    ordering = ("slug",)
    fields = ("id", "slug", "name", "country", "currency", "timezone", "is_active", "created_at")
    readonly_fields = ("id", "slug", "currency", "created_at")


@admin.register(Store)
class StoreAdmin(TenantScopedAdmin):
    list_display = ("name", "tenant", "is_active")
    list_filter = ("is_active",)
    search_fields = ("name", "tenant__slug")
    ordering = ("tenant__slug", "name")
    fields = ("id", "tenant", "name", "address", "timezone", "day_starts_at", "is_active")
    readonly_fields = ("id", "tenant")


@admin.register(Register)
class RegisterAdmin(TenantScopedAdmin):
    list_display = ("name", "number", "store", "tenant", "is_active")
    list_filter = ("is_active",)
    list_select_related = ("tenant", "store")
    search_fields = ("name", "tenant__slug")
    ordering = ("tenant__slug", "number")
    fields = ("id", "tenant", "store", "number", "name", "is_active")
    # A till stays in its store: its receipts are numbered there.
    readonly_fields = ("id", "tenant", "store", "number")
