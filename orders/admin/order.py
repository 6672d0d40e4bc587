"""Pages of orders, read-only."""

from typing import Any

from django.contrib import admin

from accounts.admin.filters import (
    AmountFilter,
    CashierFilter,
    DayFilter,
    RecentDaysFilter,
    RegisterFilter,
    StoreFilter,
)
from accounts.admin.pages import ExactSearchMixin, RecordAdmin
from accounts.admin.tables import Table
from accounts.admin_site.site import shop_site
from orders.admin.amounts import amount_column, to_currency
from orders.admin.links import ShiftParameterFilter, build_sale_links
from orders.admin.order_breakdown import build_tables
from orders.admin.payment import SEARCH_HELP
from orders.admin.printing import Button, ButtonsMixin
from orders.admin.receipt import build_sale_buttons
from orders.models import Flag, Order, Receipt
from orders.services.order_search import build_order_condition

# Fields that are hidden when empty, with the column that says whether they are.
OPTIONAL_FIELDS = {
    "customer_name": "customer_name",
    "note": "note",
    "external_id": "external_id",
    "receipt_number": "receipt_number",
    "completed_at": "completed_at",
    "voided_at": "voided_at",
    "void_reason": "void_reason",
    "noticed": "flags",
    "approved": "gift_approved_by_id",
}


@admin.register(Order, site=shop_site)
class OrderAdmin(ButtonsMixin, ExactSearchMixin, RecordAdmin):
    """Orders, newest first."""

    list_display = ("number", "status", "amount", "store", "register", "cashier", "created_at")
    list_filter = (
        "status",
        RecentDaysFilter,
        DayFilter,
        StoreFilter,
        RegisterFilter,
        CashierFilter,
        AmountFilter,
        ShiftParameterFilter,
    )
    list_select_related = ("store", "register", "cashier")
    sortable_by = ("amount",)
    search_help_text = SEARCH_HELP
    fields = (
        "number",
        "status",
        "store",
        "register",
        "shift",
        "cashier",
        "customer_name",
        "note",
        "external_id",
        "receipt_number",
        "created_at",
        "completed_at",
        "voided_at",
        "void_reason",
        "noticed",
        "approved",
    )

    def search(self, request: Any, rows: Any, term: str) -> Any:
        return rows.filter(build_order_condition(term))

    def get_fields(self, request: Any, obj: Any = None) -> Any:
        """Return the fields without the optional ones that are empty."""
        fields = super().get_fields(request, obj)
        return [
            each
            for each in fields
            if each not in OPTIONAL_FIELDS or getattr(obj, OPTIONAL_FIELDS[each])
        ]

    amount = amount_column("Total", "total")

    @admin.display(description="Please check")
    def noticed(self, order: Order) -> str:
        return "; ".join(str(Flag(flag).label) for flag in order.flag_codes)

    @admin.display(description="Approved discount")
    def approved(self, order: Order) -> str:
        return f"{to_currency(order.approved_gift)} by {order.gift_approved_by}"

    def build_tables(self, row: Order) -> list[Table]:
        order = Order.objects.with_details().get(pk=row.pk)
        return [*build_tables(order), build_sale_links(order, order)]

    def build_buttons(self, row: Order) -> list[Button]:
        receipt = Receipt.objects.filter(order=row).first()
        return build_sale_buttons(receipt) if receipt else []
