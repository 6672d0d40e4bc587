"""Audit log page: read-only."""

from django.contrib import admin

from accounts.admin.filters import DayFilter, RecentDaysFilter
from accounts.admin.pages import RecordAdmin
from accounts.admin_site.site import shop_site
from tenants.audit import HASH_PREFIX
from tenants.models import AuditEvent


@admin.register(AuditEvent, site=shop_site)
class AuditEventAdmin(RecordAdmin):
    """Audit events of the tenant. Platform users are shown as `Platform`, without names."""

    list_display = ("created_at", "event", "who", "about", "address")
    list_filter = (RecentDaysFilter, DayFilter)
    search_fields = ("event__startswith",)
    search_help_text = "Start of the event name, such as log_in or user_."
    fields = ("created_at", "event", "who", "about", "facts", "address", "request_id")

    @admin.display(description="Who")
    def who(self, event: AuditEvent) -> str:
        if event.actor is None and event.actor_name.startswith(HASH_PREFIX):
            return "Unknown user"
        return event.actor_name or "System"

    @admin.display(description="Object")
    def about(self, event: AuditEvent) -> str:
        return event.target_name

    @admin.display(description="Address")
    def address(self, event: AuditEvent) -> str | None:
        return event.ip
