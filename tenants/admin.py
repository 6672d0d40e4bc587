"""The admin for the people who run the installation: every shop, and nothing deleted."""

from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from tenants import audit
from tenants.models import AuditEvent, Register, Store, Tenant
from tenants.scope import tenant_context


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
        """Saved with a version more, and written down in the books of the shop."""
        changed = {
            name: {"from": audit.plain(form.initial.get(name)), "to": form.cleaned_data[name]}
            for name in form.changed_data
        }
        with tenant_context(shop_of(obj)):
            obj.save_changes(*form.changed_data)
            event = self.event_of(changed)
            audit.record(event, actor=request.user, target=obj, changes=changed)

    def event_of(self, changed: dict[str, Any]) -> str:
        return f"{self.opts.model_name}_changed"


def shop_of(row: Any) -> Tenant:
    return row if isinstance(row, Tenant) else row.tenant


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

    def event_of(self, changed: dict[str, Any]) -> str:
        if "is_active" not in changed:
            return "settings_changed"
        return "tenant_restored" if changed["is_active"]["to"] else "tenant_suspended"


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


@admin.register(AuditEvent)
class AuditEventAdmin(ReadOnly, TenantScopedAdmin):
    """What happened in every shop, and at the doors of none: to look at, the newest first."""

    list_display = ("created_at", "event", "tenant", "actor_name", "target_name", "ip")
    search_fields = ("event", "actor_name", "target_name", "request_id", "tenant__slug")
    # Ids are made in the order of time, and have an index across the shops.
    ordering = ("-id",)
    fields = (
        "id",
        "created_at",
        "event",
        "tenant",
        "actor",
        "actor_name",
        "target_type",
        "target",
        "target_name",
        "facts",
        "session",
        "ip",
        "request_id",
    )
