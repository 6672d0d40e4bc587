"""Pages of payments, read-only, with their refunds."""

from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest

from accounts.admin.filters import DayFilter, PlaceFilter, RecentDaysFilter
from accounts.admin.pages import ExactSearchMixin, RecordAdmin
from accounts.admin.tables import (
    Table,
    TableRow,
    admin_url,
    header_cells,
    number_cell,
    table_row,
    text_cell,
    total_row,
)
from accounts.admin_site.site import shop_site
from orders.admin.amounts import amount_column, format_deduction, to_currency
from orders.admin.links import ShiftParameterFilter
from orders.models import Payment, Payout
from orders.services.documents.document import format_money
from orders.services.order_search import build_order_condition
from orders.services.payments.capture import resolve_payment
from tenants.exceptions import DomainError
from tenants.models import Register, Store
from tenants.scope import current_tenant


class OrderedByOrder(admin.ModelAdmin):
    """Lists rows by the time of their order, newest first, which has an index."""

    ordering: Any = ("-order__created_at", "-order_id", "-id")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        rows = super().get_queryset(request)
        # Repeats the tenant on the order, because its index starts with the tenant.
        return rows.filter(order__tenant=current_tenant())


SEARCH_HELP = (
    "Enter an order number such as 1-79, a receipt number, a total such as 22.72, or the "
    "customer's name or e-mail address."
)


class SearchByOrder(ExactSearchMixin):
    """Search by the order: its number, receipt number, total or customer."""

    search_help_text = SEARCH_HELP

    def search(self, request: HttpRequest, rows: Any, term: str) -> QuerySet[Any]:
        # Repeats the tenant on the order, because its indexes start with the tenant.
        condition = build_order_condition(term, "order__")
        return rows.filter(condition, order__tenant=current_tenant())


class OrderStoreFilter(PlaceFilter):
    title = parameter_name = "store"
    field = "order__store"
    model = Store


class OrderRegisterFilter(PlaceFilter):
    title = parameter_name = "register"
    field = "order__register"
    model = Register


class RecentOrderFilter(RecentDaysFilter):
    title = "order time"
    moment = "order__created_at"


class OrderDayFilter(DayFilter):
    title = "order day"
    moment = "order__created_at"


ORDER_FILTERS = (RecentOrderFilter, OrderDayFilter, OrderStoreFilter, OrderRegisterFilter)


@admin.register(Payment, site=shop_site)
class PaymentAdmin(OrderedByOrder, SearchByOrder, RecordAdmin):
    """Payments, those of the newest orders first."""

    list_display = (
        "order",
        "method",
        "status",
        "shown_amount",
        "refunded",
        "register",
        "created_at",
    )
    list_display_links = ("method",)
    list_filter = ("method", "status", "late_capture", *ORDER_FILTERS, ShiftParameterFilter)
    list_select_related = ("order__register",)
    actions = ("resolve",)
    fields = (
        "order",
        "method",
        "entry",
        "reader",
        "status",
        "reason",
        "late_capture",
        "taken_by",
        "shift",
        "shown_reference",
        "gateway_reference",
        "created_at",
        "returned_at",
        "returned_in",
    )

    shown_amount = amount_column("Amount", "amount")

    @admin.action(description="Look up the outcome of selected payments")
    def resolve(self, request: Any, payments: QuerySet[Payment]) -> None:
        """Ask the gateway or the card reader's provider for outcomes that are not known yet."""
        for payment in payments:
            level, outcome = self.look_up(payment, by=request.user)
            self.message_user(request, f"{payment.order}: {payment}: {outcome}", level)

    def look_up(self, payment: Payment, *, by: Any) -> tuple[int, str]:
        try:
            order = resolve_payment(payment.pk, by=by)
        except DomainError as refusal:
            return messages.ERROR, str(refusal)
        found = next(each for each in order.loaded_payments if each.pk == payment.pk)
        is_open = found.is_in_progress or found.late_capture == Payment.LateCapture.FAILED
        shown = [found.get_status_display(), found.get_late_capture_display()]
        return messages.WARNING if is_open else messages.SUCCESS, ". ".join(filter(None, shown))

    @admin.display(description="Reference")
    def shown_reference(self, payment: Payment) -> str:
        return payment.shown_reference

    @admin.display(description="Refunded")
    def refunded(self, payment: Payment) -> Any:
        return to_currency(payment.refunded_total) if payment.refunded_total else None

    @admin.display(description="Register")
    def register(self, payment: Payment) -> str:
        return str(payment.order.register)

    def get_title(self, row: Payment) -> str:
        return f"{row.get_method_display()} {format_money(row.amount)} for {row.order}"

    def build_tables(self, row: Payment) -> list[Table]:
        return [build_amount_table(row), build_refunds_table(row)]


def build_amount_table(payment: Payment) -> Table:
    lines = []
    if payment.tendered is not None:
        lines = [
            table_row("Received", number_cell(format_money(payment.tendered))),
            table_row("Change", number_cell(format_deduction(payment.change))),
        ]
    counts = payment.status == Payment.Status.CAPTURED
    note = "" if counts else "Not counted: only captured payments count."
    return Table(
        "Amount",
        (*lines, total_row("Amount paid", number_cell(format_money(payment.amount)))),
        note=note,
    )


def build_refunds_table(payment: Payment) -> Table:
    payouts = list(payment.payouts.select_related("refund").order_by("pk"))
    sums = (
        total_row("Refunded", "", "", number_cell(format_money(payment.refunded_total))),
        total_row("Not refunded", "", "", number_cell(format_money(payment.refundable_amount))),
    )
    return Table(
        "Refunds",
        (*map(build_payout_row, payouts), *sums) if payouts else (),
        head=header_cells(("Refund", "Method", "Status"), "Amount"),
        nothing="No refunds.",
    )


def build_payout_row(payout: Payout) -> TableRow:
    number = payout.refund.receipt_number
    return table_row(
        text_cell(f"Receipt {number}" if number else "No receipt", admin_url(payout.refund)),
        payout.get_method_display(),
        payout.get_status_display(),
        number_cell(format_money(payout.paid)),
    )
