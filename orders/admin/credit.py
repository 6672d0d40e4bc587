"""What the shop owes to customers, to look at, and why it is so much."""

from typing import Any

from django.contrib import admin

from accounts.admin.pages import ShopAdmin
from accounts.admin.tables import Line, Table, figure, head, line, page_at, total, words
from accounts.models import Role
from accounts.web.site import shop_site
from orders.admin.amounts import added, moment, signed
from orders.admin.catalog import in_currency
from orders.models import Payment, Refund, StoreCredit, StoreCreditEntry
from orders.services.papers import money

MOST_ENTRIES = 200
ENTRIES = head(("Time", "What", "Reason", "By"), "Change")


@admin.register(StoreCredit, site=shop_site)
class StoreCreditAdmin(ShopAdmin):
    """Gift cards and money owed, the newest first."""

    seen_by = Role.MANAGER
    list_display = ("code", "left", "customer_name", "is_active", "created_at")
    list_filter = ("is_active",)
    search_fields = ("code__exact",)
    search_help_text = "The whole code, as the customer has it."
    sortable_by = ()
    ordering = ("-created_at", "-id")
    fields = ("code", "customer_name", "is_active", "created_at", "updated_at")

    @admin.display(description="Balance")
    def left(self, credit: StoreCredit) -> Any:
        return in_currency(credit.balance)

    def tables(self, row: StoreCredit) -> list[Table]:
        return [why(row)]


def why(credit: StoreCredit) -> Table:
    """The balance is the sum of its entries; of very many the oldest are one line."""
    newest = credit.entries.select_related("by").order_by("-created_at", "-id")[:MOST_ENTRIES]
    entries = list(newest)[::-1]
    before = credit.balance - added(entry.amount for entry in entries)
    older = [line("", "Older entries", "", "", figure(signed(before)))] if before else []
    sums = total("Balance", "", "", "", figure(money(credit.balance)))
    return Table(
        "Why the balance is what it is",
        (*older, *map(entry_line, entries), sums),
        head=ENTRIES,
    )


def entry_line(entry: StoreCreditEntry) -> Line:
    url = ""
    if entry.payment:
        url = page_at(Payment, entry.payment)
    elif entry.refund:
        url = page_at(Refund, entry.refund)
    return line(
        moment(entry.created_at),
        words(entry.get_type_display(), url),
        entry.reason,
        words(entry.by),
        figure(signed(entry.amount)),
    )
