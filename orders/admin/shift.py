"""Pages of shifts and cash movements, read-only."""

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from accounts.admin.filters import DayFilter, RecentDaysFilter, RegisterFilter, StoreFilter
from accounts.admin.pages import RecordAdmin
from accounts.admin.tables import Table
from accounts.admin_site.site import shop_site
from orders.admin.amounts import amount_column, to_currency
from orders.admin.shift_breakdown import build_tables
from orders.models import CashMovement, Shift


@admin.register(Shift, site=shop_site)
class ShiftAdmin(RecordAdmin):
    """Shifts, newest first."""

    list_display = ("created_at", "register", "status", "opened_by", "closed_at", "z", "over_short")
    list_filter = ("status", RecentDaysFilter, DayFilter, StoreFilter, RegisterFilter)
    list_select_related = ("register", "opened_by")
    fields = (
        "register",
        "store",
        "status",
        "z_number",
        "created_at",
        "opened_by",
        "ended_at",
        "ended_by",
        "closed_at",
        "closed_by",
        "note",
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        """Leave out the large columns that the list does not show."""
        return super().get_queryset(request).defer("z_report", "denominations")

    @admin.display(description="Z number")
    def z(self, shift: Shift) -> int | None:
        return shift.z_number

    @admin.display(description="Cash over or short")
    def over_short(self, shift: Shift) -> str | None:
        cash = (each["difference"] for each in shift.counted if each["method"] == "cash")
        return next(cash, None)

    def get_title(self, row: Shift) -> str:
        return f"{row.register}: {row}"

    def build_tables(self, row: Shift) -> list[Table]:
        return build_tables(row)


@admin.register(CashMovement, site=shop_site)
class CashMovementAdmin(RecordAdmin):
    """Cash movements, newest first."""

    list_display = ("created_at", "type", "shown_amount", "reason", "by", "approved_by", "shift")
    list_filter = ("type", RecentDaysFilter, DayFilter)
    list_select_related = ("by", "approved_by", "shift")
    fields = ("type", "shown_amount", "reason", "by", "approved_by", "shift", "created_at")

    shown_amount = amount_column("Amount", "amount")

    def get_title(self, row: CashMovement) -> str:
        return f"{row.get_type_display()}: {to_currency(row.amount)}"
