"""Pages of receipts, read-only, with hash chain entry and printed text."""

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from accounts.admin.pages import ExactSearchMixin, RecordAdmin
from accounts.admin.tables import Table
from accounts.admin_site.site import shop_site
from orders.admin.amounts import to_currency
from orders.admin.documents import build_chain_table, build_text_table
from orders.admin.payment import ORDER_FILTERS, OrderedByOrder
from orders.models import ChainEntry, Order, Receipt, RegisterSeries
from orders.services.documents.print import preview_document
from orders.services.documents.sale_receipt import build_sale_receipt
from tenants.models import Register

# Fits the integer column on every database.
MAX_DIGITS = 15


@admin.register(Receipt, site=shop_site)
class ReceiptAdmin(OrderedByOrder, ExactSearchMixin, RecordAdmin):
    """Receipts, those of the newest orders first."""

    list_display = ("number", "order", "amount", "register", "prints", "issued_at")
    list_filter = ORDER_FILTERS
    list_select_related = ("order", "register")
    search_help_text = "Enter the full receipt number. All registers are searched."
    fields = ("number", "order", "register", "issued_at", "prints")

    def search(self, request: Any, rows: Any, term: str) -> QuerySet[Any]:
        """Search the number at every register, as the index requires."""
        if not (term.isascii() and term.isdigit() and len(term) <= MAX_DIGITS):
            return rows.none()
        registers = list(Register.objects.values_list("pk", flat=True))
        return rows.filter(number=int(term), register__in=registers)

    @admin.display(description="Total")
    def amount(self, receipt: Receipt) -> Any:
        return to_currency(receipt.order.total + receipt.order.cash_rounding)

    def get_title(self, row: Receipt) -> str:
        return f"Receipt {row.number} of {row.register}"

    def build_tables(self, row: Receipt) -> list[Table]:
        """Build the tables; showing the text does not count as a print."""
        order = Order.objects.with_receipt().get(pk=row.order_id)
        document = preview_document(build_sale_receipt(order), "text")
        return [build_chain_table(ChainEntry.Kind.RECEIPT, row), build_text_table(document)]


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
