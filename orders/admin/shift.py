"""Pages of shifts and cash movements, read-only."""

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from accounts.admin.filters import DayFilter, RecentDaysFilter, RegisterFilter, StoreFilter
from accounts.admin.pages import RecordAdmin
from accounts.admin.tables import Table
from accounts.admin_site.site import shop_site
from accounts.models import AuthSession, User
from orders.admin.amounts import amount_column, to_currency
from orders.admin.links import build_shift_links
from orders.admin.mailing import MailMixin, build_mail_button
from orders.admin.printing import (
    Button,
    PrintMixin,
    build_counted_buttons,
    build_print_buttons,
)
from orders.admin.shift_breakdown import build_tables
from orders.exceptions import ShiftNotInState
from orders.models import CashMovement, Shift
from orders.services.documents.cash_movement import count_slip_prints, print_cash_movement_slip
from orders.services.documents.document import Document
from orders.services.documents.email import email_shift_report
from orders.services.documents.print import ensure_renderable
from orders.services.documents.z_report import build_x_document, build_z_document


@admin.register(Shift, site=shop_site)
class ShiftAdmin(MailMixin, PrintMixin, RecordAdmin):
    """Shifts, newest first."""

    mailed = "report"
    mail_hint = "It has the figures of the shift. An X report has those of when it is sent."
    uncounted = frozenset({"x-report", "z-report"})
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
        return [*build_tables(row), build_shift_links(row)]

    def build_buttons(self, row: Shift) -> list[Button]:
        if row.status == Shift.Status.CLOSED:
            buttons = build_print_buttons(row, "z-report", "Print Z")
        else:
            buttons = build_print_buttons(row, "x-report", "Print X")
        return [*buttons, build_mail_button(row)]

    def mail_row(self, row: Shift, *, to: str, session: AuthSession, by: User) -> None:
        email_shift_report(row, to=to, session=session, by=by)

    def print_row(self, row: Shift, kind: str, form: str, *, by: User) -> Document:
        if (row.status == Shift.Status.CLOSED) != (kind == "z-report"):
            raise ShiftNotInState(shift_status=row.status)
        ensure_renderable(form)
        return build_z_document(row) if kind == "z-report" else build_x_document(row)


@admin.register(CashMovement, site=shop_site)
class CashMovementAdmin(PrintMixin, RecordAdmin):
    """Cash movements, newest first."""

    counted = frozenset({"slip"})
    list_display = ("created_at", "type", "shown_amount", "reason", "by", "approved_by", "shift")
    list_filter = ("type", RecentDaysFilter, DayFilter)
    list_select_related = ("by", "approved_by", "shift")
    fields = ("type", "shown_amount", "reason", "by", "approved_by", "shift", "created_at")

    shown_amount = amount_column("Amount", "amount")

    def get_title(self, row: CashMovement) -> str:
        return f"{row.get_type_display()}: {to_currency(row.amount)}"

    def build_buttons(self, row: CashMovement) -> list[Button]:
        return build_counted_buttons(row, "slip", count_slip_prints(row))

    def print_row(self, row: CashMovement, kind: str, form: str, *, by: User) -> Document:
        ensure_renderable(form)
        return print_cash_movement_slip(row, row.shift, by=by)
