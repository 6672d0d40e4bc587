"""Stores and registers pages: managers view, admins edit."""

from typing import Any

from django.contrib import admin

from accounts.admin.pages import ShopAdmin
from accounts.admin_site.site import shop_site
from accounts.models import Role, User
from accounts.serializers.shop import RegisterChange, RegisterInput, StoreInput
from accounts.services.terminals import end_sessions_at_inactive
from tenants import services
from tenants.models import Register, Store
from tenants.scope import atomic_with_retry


class PlaceAdmin(ShopAdmin):
    """Base page of stores and registers; deactivation ends their sessions."""

    view_role, edit_role = Role.MANAGER, Role.ADMIN
    list_filter: Any = ("is_active",)
    search_fields = ("name",)

    @atomic_with_retry
    def change(self, row: Any, given: dict[str, Any], *, expected_version: int, by: User) -> Any:
        name = str(self.opts.model_name)
        place = services.save_audited_row(
            row, given, expected_version=expected_version, by=by, name=name
        )
        end_sessions_at_inactive(place)
        return place


@admin.register(Store, site=shop_site)
class StoreAdmin(PlaceAdmin):
    """Stores of the tenant."""

    add_input = change_input = StoreInput
    list_display = ("name", "address", "timezone", "day_starts_at", "is_active")
    ordering = ("name",)
    fields = ("name", "address", "timezone", "day_starts_at", "is_active")

    def add(self, given: dict[str, Any], *, by: User) -> Any:
        return services.save_audited_row(Store(), given, by=by, name="store")


@admin.register(Register, site=shop_site)
class RegisterAdmin(PlaceAdmin):
    """Registers. A register never changes its store, as receipt numbers depend on it."""

    add_input, change_input = RegisterInput, RegisterChange
    list_display = ("number", "name", "store", "is_active")
    list_display_links = ("number", "name")
    list_select_related = ("store",)
    ordering = ("number",)
    fields = ("store", "name", "is_active")

    def get_fields(self, request: Any, obj: Any = None) -> Any:
        fields = super().get_fields(request, obj)
        return fields if obj is None else ("number", *fields)

    def get_readonly_fields(self, request: Any, obj: Any = None) -> Any:
        return () if obj is None else ("number", "store")

    def add(self, given: dict[str, Any], *, by: User) -> Any:
        return services.create_register(**given, by=by)
