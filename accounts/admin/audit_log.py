"""What happened in the shop, to be read and never changed."""

from django.contrib import admin

from accounts.admin.filters import DayFilter, RecentDaysFilter
from accounts.admin.pages import ShopAdmin
from accounts.admin_site.site import shop_site
from accounts.models import Role
from tenants.audit import HASH_PREFIX
from tenants.models import AuditEvent


@admin.register(AuditEvent, site=shop_site)
class AuditEventAdmin(ShopAdmin):
    """The audit trail. Of the platform's people it tells that they did something, not who."""

    view_role = Role.MANAGER
    list_display = ("created_at", "event", "who", "about", "address")
    list_filter = (RecentDaysFilter, DayFilter)
    sortable_by = ()
    search_fields = ("event__startswith",)
    search_help_text = "The beginning of an event's name, such as log_in or user_."
    ordering = ("-created_at", "-id")
    fields = ("created_at", "event", "who", "about", "facts", "address", "request_id")

    @admin.display(description="Who")
    def who(self, event: AuditEvent) -> str:
        if event.actor is None and event.actor_name.startswith(HASH_PREFIX):
            return "Somebody unknown"
        return event.actor_name or "Till itself"

    @admin.display(description="About")
    def about(self, event: AuditEvent) -> str:
        return event.target_name

    @admin.display(description="Address")
    def address(self, event: AuditEvent) -> str | None:
        return event.ip
