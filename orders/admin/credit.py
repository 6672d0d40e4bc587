"""Pages of store credits: look up, block, unblock, and the entries of the balance."""

from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest

from accounts.admin.pages import ExactSearchMixin, RecordAdmin
from accounts.admin.tables import (
    Table,
    TableRow,
    admin_url_for,
    header_cells,
    number_cell,
    table_row,
    text_cell,
    total_row,
)
from accounts.admin_site.site import shop_site
from accounts.client_info import get_client_ip
from accounts.exceptions import TooManyAttempts
from accounts.security.rate_limits.policies import normalize_to_network
from orders.admin.amounts import amount_column, format_signed, format_time, sum_amounts
from orders.models import Payment, Refund, StoreCredit, StoreCreditEntry
from orders.services.documents.document import format_money
from orders.services.payments.store_credit import block_credit, look_up_credit, unblock_credit

MAX_ENTRIES = 200
ENTRIES = header_cells(("Time", "Type", "Reason", "By"), "Change")


@admin.register(StoreCredit, site=shop_site)
class StoreCreditAdmin(ExactSearchMixin, RecordAdmin):
    """Store credits, newest first."""

    list_display = ("masked_code", "shown_balance", "customer_name", "is_active", "created_at")
    list_filter = ("is_active",)
    search_help_text = "Enter the full code."
    actions = ("block", "unblock")
    fields = ("masked_code", "customer_name", "is_active", "created_at", "updated_at")

    @admin.display(description="Code")
    def masked_code(self, credit: StoreCredit) -> str:
        return credit.masked_code

    def search(self, request: Any, rows: Any, term: str) -> QuerySet[Any]:
        """Find the credit with this code. Wrong codes are rate-limited as in the API."""
        try:
            place = normalize_to_network(get_client_ip(request))
            look_up_credit(term, by=request.user, place=place)
        except TooManyAttempts as refusal:
            self.message_user(request, str(refusal), messages.ERROR)
            return rows.none()
        return rows.with_code(term)

    @admin.action(description="Block selected store credits")
    def block(self, request: HttpRequest, credits: QuerySet[Any]) -> None:
        for credit in credits:
            block_credit(credit.pk, by=request.user)
            self.message_user(request, f"{credit} is blocked.")

    @admin.action(description="Unblock selected store credits")
    def unblock(self, request: HttpRequest, credits: QuerySet[Any]) -> None:
        for credit in credits:
            unblock_credit(credit.pk, by=request.user)
            self.message_user(request, f"{credit} is unblocked.")

    shown_balance = amount_column("Balance", "balance")

    def build_tables(self, row: StoreCredit) -> list[Table]:
        return [build_entries_table(row)]


def build_entries_table(credit: StoreCredit) -> Table:
    """List the entries that make up the balance; the oldest of many are one line."""
    newest = credit.entries.select_related("by").order_by("-created_at", "-id")[:MAX_ENTRIES]
    entries = list(newest)[::-1]
    before = credit.balance - sum_amounts(entry.amount for entry in entries)
    older = (
        [table_row("", "Older entries", "", "", number_cell(format_signed(before)))]
        if before
        else []
    )
    sums = total_row("Balance", "", "", "", number_cell(format_money(credit.balance)))
    return Table(
        "Entries",
        (*older, *map(build_entry_line, entries), sums),
        head=ENTRIES,
    )


def build_entry_line(entry: StoreCreditEntry) -> TableRow:
    url = ""
    if entry.payment:
        url = admin_url_for(Payment, entry.payment)
    elif entry.refund:
        url = admin_url_for(Refund, entry.refund)
    return table_row(
        format_time(entry.created_at),
        text_cell(entry.get_type_display(), url),
        entry.reason,
        text_cell(entry.by),
        number_cell(format_signed(entry.amount)),
    )
