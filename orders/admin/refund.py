"""Pages of refunds, read-only, with their lines and payouts."""

from typing import Any

from django.contrib import admin

from accounts.admin.filters import DayFilter, RecentDaysFilter, RegisterFilter, StoreFilter
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
from accounts.models import AuthSession, User
from orders.admin.amounts import describe_tax, format_signed, to_currency
from orders.admin.documents import build_chain_table, build_text_table
from orders.admin.links import ShiftParameterFilter, build_sale_links
from orders.admin.mailing import MailMixin, build_mail_button
from orders.admin.payment import SEARCH_HELP
from orders.admin.printing import Button, PrintMixin, build_receipt_buttons
from orders.models import ChainEntry, Payout, Refund, RefundLine
from orders.services.documents.document import Document, format_money
from orders.services.documents.email import email_refund_receipt
from orders.services.documents.print import preview_document, print_document
from orders.services.documents.refund_receipt import build_refund_receipt
from orders.services.order_search import build_refund_condition
from tenants.api.formats import format_number

LINE_COLUMNS = header_cells(("Item",), "Quantity", "Taxes", "Amount")
PAYOUT_COLUMNS = header_cells(("Method", "Status", "Reference"), "Amount", "Paid out")


@admin.register(Refund, site=shop_site)
class RefundAdmin(MailMixin, PrintMixin, ExactSearchMixin, RecordAdmin):
    """Refunds, newest first."""

    counted = frozenset({"receipt"})
    search_help_text = SEARCH_HELP
    list_display = ("created_at", "order", "status", "amount", "reason", "register", "by")
    list_display_links = ("created_at",)
    list_filter = (
        "status",
        RecentDaysFilter,
        DayFilter,
        StoreFilter,
        RegisterFilter,
        ShiftParameterFilter,
    )
    list_select_related = ("order", "register", "by")
    fields = (
        "order",
        "status",
        "reason",
        "by",
        "approved_by",
        "store",
        "register",
        "shift",
        "receipt_number",
        "prints",
        "created_at",
        "completed_at",
        "reversed_at",
        "reversed_in",
        "replaces",
    )

    def search(self, request: Any, rows: Any, term: str) -> Any:
        return rows.filter(build_refund_condition(term))

    @admin.display(description="Amount")
    def amount(self, refund: Refund) -> Any:
        return to_currency(refund.total + refund.cash_rounding)

    def get_title(self, row: Refund) -> str:
        return f"{format_money(row.total + row.cash_rounding)} of {row.order}"

    def build_tables(self, row: Refund) -> list[Table]:
        refund = Refund.objects.with_receipt().get(pk=row.pk)
        tables = [
            build_lines_table(refund),
            build_payouts_table(refund),
            build_sale_links(refund.order, refund),
        ]
        if refund.receipt_number is None:
            return tables
        document = preview_document(build_refund_receipt(refund), "text")
        kinds = [
            ChainEntry.Kind.REFUND,
            *([ChainEntry.Kind.REVERSAL] if refund.reversed_at else []),
        ]
        return [
            *tables,
            *(build_chain_table(kind, refund) for kind in kinds),
            build_text_table(document),
        ]

    def build_buttons(self, row: Refund) -> list[Button]:
        if not row.receipt_number:
            return []
        return [*build_receipt_buttons(row), build_mail_button(row)]

    def mail_row(self, row: Refund, *, to: str, session: AuthSession, by: User) -> None:
        email_refund_receipt(row, to=to, session=session, by=by)

    def print_row(self, row: Refund, kind: str, form: str, *, by: User) -> Document:
        refund = Refund.objects.with_receipt().get(pk=row.pk)
        return print_document(build_refund_receipt(refund), form, by=by)


def build_lines_table(refund: Refund) -> Table:
    """Build the table of refunded lines, at the prices and taxes of the sale."""
    backs = sorted(refund.loaded_lines, key=lambda back: back.line.position)
    taxes = [f"{describe_tax(tax)} {format_money(tax['amount'])}" for tax in refund.taxes]
    lines = [
        *map(build_line_row, backs),
        total_row(
            "Goods",
            "",
            number_cell(format_money(refund.tax_total), *taxes),
            number_cell(format_money(refund.total)),
        ),
    ]
    if refund.cash_rounding:
        back = format_money(refund.total + refund.cash_rounding)
        lines += [
            table_row("Cash rounding", "", "", number_cell(format_signed(refund.cash_rounding))),
            total_row("Total paid out", "", "", number_cell(back)),
        ]
    return Table("Refunded lines", tuple(lines), head=LINE_COLUMNS)


def build_line_row(back: RefundLine) -> TableRow:
    where = "restocked" if back.restock else "not restocked"
    return table_row(
        text_cell(back.line.name, "", where if back.quantity else "amount only"),
        number_cell(format_number(back.quantity) if back.quantity else None),
        number_cell(format_money(back.tax_total)),
        number_cell(format_money(back.total)),
    )


def build_payouts_table(refund: Refund) -> Table:
    payouts = sorted(refund.loaded_payouts, key=lambda payout: payout.pk)
    handed = sum(payout.paid for payout in payouts)
    return Table(
        "Payouts",
        (
            *map(build_payout_row, payouts),
            total_row("Total", "", "", "", number_cell(format_money(handed))),
        )
        if payouts
        else (),
        head=PAYOUT_COLUMNS,
        nothing="No payouts.",
    )


def build_payout_row(payout: Payout) -> TableRow:
    return table_row(
        text_cell(
            payout.get_method_display(),
            admin_url(payout.payment) if payout.payment else "",
            *filter(None, [payout.get_entry_display()]),
        ),
        payout.get_status_display(),
        payout.gateway_reference or payout.shown_reference,
        number_cell(format_money(payout.amount)),
        number_cell(format_money(payout.paid)),
    )
