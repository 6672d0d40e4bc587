"""The refunds, to look at: what was taken back, and how the money went."""

from typing import Any

from django.contrib import admin

from accounts.admin.filters import OfRegister, OfStore, OnDay, Recent
from accounts.admin.pages import ShopAdmin
from accounts.admin.tables import Line, Table, figure, head, line, page_of, total, words
from accounts.admin_site.site import shop_site
from accounts.models import Role
from orders.admin.amounts import name_of_tax, signed
from orders.admin.catalog import in_currency
from orders.admin.documents import seal_of, text_of
from orders.admin.payment import SoughtByOrder
from orders.models import ChainEntry, Payout, Refund, RefundLine
from orders.services.documents.document import money, short
from orders.services.documents.print import previewed
from orders.services.documents.refund_receipt import refund_receipt_of

BACK = head(("Item",), "Quantity", "Taxes", "Money")
PAID_OUT = head(("Way", "Status", "Reference"), "Amount", "Handed over")


@admin.register(Refund, site=shop_site)
class RefundAdmin(SoughtByOrder, ShopAdmin):
    """What was taken back, newest first."""

    seen_by = Role.MANAGER
    list_display = ("created_at", "order", "status", "amount", "reason", "register", "by")
    list_display_links = ("created_at",)
    list_filter = ("status", Recent, OnDay, OfStore, OfRegister)
    list_select_related = ("order", "register", "by")
    sortable_by = ()
    ordering = ("-created_at", "-id")
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
    )

    @admin.display(description="Amount")
    def amount(self, refund: Refund) -> Any:
        return in_currency(refund.total + refund.cash_rounding)

    def named(self, row: Refund) -> str:
        return f"{money(row.total + row.cash_rounding)} of {row.order}"

    def tables(self, row: Refund) -> list[Table]:
        refund = Refund.objects.with_receipt().get(pk=row.pk)
        tables = [taken_back(refund), paid_out(refund)]
        if refund.status != Refund.Status.DONE:
            return tables
        paper = previewed(refund_receipt_of(refund), "text")
        return [*tables, seal_of(ChainEntry.Kind.REFUND, refund), text_of(paper)]


def taken_back(refund: Refund) -> Table:
    """At the prices and taxes of the sale; the rounding is that of the coins."""
    backs = sorted(refund.loaded_lines, key=lambda back: back.line.position)
    taxes = [f"{name_of_tax(tax)} {money(tax['amount'])}" for tax in refund.taxes]
    lines = [
        *map(back_line, backs),
        total("Goods", "", figure(money(refund.tax_total), *taxes), figure(money(refund.total))),
    ]
    if refund.cash_rounding:
        back = money(refund.total + refund.cash_rounding)
        lines += [
            line("Cash rounding", "", "", figure(signed(refund.cash_rounding))),
            total("Money back", "", "", figure(back)),
        ]
    return Table("What came back", tuple(lines), head=BACK)


def back_line(back: RefundLine) -> Line:
    where = "to the shelf" if back.restock else "not to the shelf"
    return line(
        words(back.line.name, "", where if back.quantity else "only money"),
        figure(short(back.quantity) if back.quantity else None),
        figure(money(back.tax_total)),
        figure(money(back.total)),
    )


def paid_out(refund: Refund) -> Table:
    payouts = sorted(refund.loaded_payouts, key=lambda payout: payout.pk)
    handed = sum(payout.paid for payout in payouts)
    return Table(
        "How the money went",
        (*map(payout_line, payouts), total("Together", "", "", "", figure(money(handed))))
        if payouts
        else (),
        head=PAID_OUT,
        nothing="No money went.",
    )


def payout_line(payout: Payout) -> Line:
    return line(
        words(
            payout.get_method_display(),
            page_of(payout.payment),
            *filter(None, [payout.get_entry_display()]),
        ),
        payout.get_status_display(),
        payout.gateway_reference or payout.shown_reference,
        figure(money(payout.amount)),
        figure(money(payout.paid)),
    )
