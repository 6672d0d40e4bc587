"""Pages of receipts, read-only, with hash chain entry and printed text."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest

from accounts.admin.pages import RecordAdmin
from accounts.admin.tables import Table
from accounts.admin_site.site import shop_site
from accounts.models import AuthSession, User
from orders.admin.amounts import to_currency
from orders.admin.documents import build_chain_table, build_text_table
from orders.admin.links import build_sale_links
from orders.admin.mailing import MailMixin, build_mail_button
from orders.admin.payment import ORDER_FILTERS, OrderedByOrder, SearchByOrder
from orders.admin.printing import (
    Button,
    PrintMixin,
    build_print_url,
    build_receipt_buttons,
)
from orders.models import ChainEntry, Order, Receipt, RegisterSeries
from orders.services.documents.document import Document
from orders.services.documents.email import email_receipt
from orders.services.documents.print import ensure_renderable, preview_document, print_document
from orders.services.documents.sale_receipt import build_gift_receipt, build_sale_receipt


@admin.register(Receipt, site=shop_site)
class ReceiptAdmin(MailMixin, PrintMixin, OrderedByOrder, SearchByOrder, RecordAdmin):
    """Receipts, those of the newest orders first."""

    counted, uncounted = frozenset({"receipt"}), frozenset({"gift-receipt"})
    list_display = ("number", "order", "amount", "register", "prints", "issued_at")
    list_filter = ORDER_FILTERS
    list_select_related = ("order", "register")
    fields = ("number", "order", "register", "issued_at", "prints")

    @admin.display(description="Total")
    def amount(self, receipt: Receipt) -> Any:
        return to_currency(receipt.order.total + receipt.order.cash_rounding)

    def get_title(self, row: Receipt) -> str:
        return f"Receipt {row.number} of {row.register}"

    def build_tables(self, row: Receipt) -> list[Table]:
        """Build the tables; showing the text does not count as a print."""
        order = Order.objects.with_receipt().get(pk=row.order_id)
        document = preview_document(build_sale_receipt(order), "text")
        return [
            build_sale_links(order, row),
            build_chain_table(ChainEntry.Kind.RECEIPT, row),
            build_text_table(document),
        ]

    def mail_row(self, row: Receipt, *, to: str, session: AuthSession, by: User) -> None:
        order = Order.objects.with_receipt().get(pk=row.order_id)
        email_receipt(order, to=to, session=session, by=by)

    def build_buttons(self, row: Receipt) -> list[Button]:
        return build_sale_buttons(row)

    def print_row(self, row: Receipt, kind: str, form: str, *, by: User) -> Document:
        order = Order.objects.with_receipt().get(pk=row.order_id)
        if kind == "gift-receipt":
            ensure_renderable(form)
            return build_gift_receipt(order).build_document()
        return print_document(build_sale_receipt(order), form, by=by)


def build_sale_buttons(receipt: Receipt) -> list[Button]:
    """Return the buttons that print the receipt of a sale, or its gift receipt."""
    return [
        *build_receipt_buttons(receipt),
        Button("Gift receipt", build_print_url(receipt, "gift-receipt")),
        build_mail_button(receipt),
    ]


@admin.register(RegisterSeries, site=shop_site)
class RegisterSeriesAdmin(RecordAdmin):
    """Current numbers of each register. For diagnosis only, so hidden from the index."""

    list_display = ("register", "last_order", "last_receipt", "last_z", "last_entry", "shift")
    list_select_related = ("register", "shift")
    ordering = ("register__number", "id")
    fields = (
        "register",
        "last_order",
        "last_receipt",
        "last_z",
        "last_device_sequence",
        "last_entry",
        "last_hash",
        "shift",
    )

    def has_module_permission(self, request: HttpRequest) -> bool:
        return False

    def get_title(self, row: RegisterSeries) -> str:
        return f"Numbers of {row.register}"
