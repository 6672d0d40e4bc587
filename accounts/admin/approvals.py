"""Approvals page: read-only."""

from collections.abc import Callable
from typing import Any

from django.contrib import admin
from django.utils import timezone

from accounts.admin.filters import DayFilter, RecentDaysFilter
from accounts.admin.pages import RecordAdmin
from accounts.admin.tables import EMPTY, Table
from accounts.admin_site.site import shop_site
from accounts.models import EXPIRED, Approval
from tenants.scope import current_tenant

LinksBuilder = Callable[[Approval], Table]
# Functions of other apps that build tables of links to what an approval is for.
LINKS_BUILDERS: list[LinksBuilder] = []
STATUSES = [*Approval.Status.choices, (EXPIRED, "Expired")]


def approval_links(builder: LinksBuilder) -> LinksBuilder:
    """Register a function that builds a table of links below an approval."""
    LINKS_BUILDERS.append(builder)
    return builder


class ApprovalStatusFilter(admin.SimpleListFilter):
    """Filter by the current status, including expired approvals."""

    title = parameter_name = "status"

    def lookups(self, request: Any, model_admin: Any) -> Any:
        return STATUSES

    def queryset(self, request: Any, queryset: Any) -> Any:
        known = self.value() in dict(STATUSES)
        return queryset.in_status(self.value(), timezone.now()) if known else queryset


@admin.register(Approval, site=shop_site)
class ApprovalAdmin(RecordAdmin):
    """Approvals, newest first."""

    list_display = (
        "created_at",
        "action",
        "up_to",
        "method",
        "shown_as",
        "requested_by",
        "decided_by",
        "used_at",
    )
    list_filter = ("action", ApprovalStatusFilter, RecentDaysFilter, DayFilter)
    list_select_related = ("requested_by", "decided_by")
    fields = (
        "action",
        "up_to",
        "method",
        "about",
        "reason",
        "shown_as",
        "requested_by",
        "created_at",
        "asked_at",
        "decided_by",
        "decided_at",
        "expires_at",
        "used_at",
    )

    @admin.display(description="Maximum amount")
    def up_to(self, approval: Approval) -> Any:
        amount = approval.amount
        return EMPTY if amount is None else current_tenant().quantize_amount(amount)

    @admin.display(description="Status")
    def shown_as(self, approval: Approval) -> str:
        return dict(STATUSES)[approval.current_status]

    @admin.display(description="For")
    def about(self, approval: Approval) -> str:
        return ", ".join(f"{name} {pk}" for name, pk in sorted(approval.object.items()))

    @admin.display(description="Requested at")
    def asked_at(self, approval: Approval) -> str:
        return str(approval.terminal.register) if approval.terminal else EMPTY

    def build_tables(self, row: Approval) -> list[Table]:
        return [build_links(row) for build_links in LINKS_BUILDERS]

    def get_title(self, row: Approval) -> str:
        return f"{row.get_action_display()}, for {row.requested_by}"
