"""What happened in the shop, to be read and never changed."""

from datetime import timedelta
from typing import Any

from django.contrib import admin
from django.utils import timezone

from accounts.admin.pages import ShopAdmin
from accounts.models import Role
from accounts.web.site import shop_site
from tenants.audit import HASHED
from tenants.models import AuditEvent

DAYS = {"1": "Last 24 hours", "7": "Last 7 days", "30": "Last 30 days"}


class Recent(admin.SimpleListFilter):
    title = "time"
    parameter_name = "days"

    def lookups(self, request: Any, model_admin: Any) -> Any:
        return DAYS.items()

    def queryset(self, request: Any, queryset: Any) -> Any:
        if self.value() not in DAYS:
            return queryset
        return queryset.filter(created_at__gte=timezone.now() - timedelta(days=int(self.value())))


@admin.register(AuditEvent, site=shop_site)
class AuditEventAdmin(ShopAdmin):
    """The audit trail. Of the platform's people it tells that they did something, not who."""

    seen_by = Role.MANAGER
    list_display = ("created_at", "event", "who", "about", "address")
    list_filter = (Recent,)
    sortable_by = ()
    search_fields = ("event__startswith",)
    search_help_text = "The beginning of an event's name, such as log_in or user_."
    ordering = ("-created_at", "-id")
    fields = ("created_at", "event", "who", "about", "facts", "address", "request_id")

    @admin.display(description="Who")
    def who(self, event: AuditEvent) -> str:
        if event.actor is None and event.actor_name.startswith(HASHED):
            return "Somebody unknown"
        return event.actor_name or "Till itself"

    @admin.display(description="About")
    def about(self, event: AuditEvent) -> str:
        return event.target_name

    @admin.display(description="Address")
    def address(self, event: AuditEvent) -> str | None:
        return event.ip
