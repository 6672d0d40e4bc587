"""The payments, to look at: what became of each, and what of it went back."""

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from accounts.admin.filters import OfPlace, OnDay, Recent
from accounts.admin.pages import ShopAdmin
from accounts.admin.tables import Line, Table, figure, head, line, page_of, total, words
from accounts.admin_site.site import shop_site
from accounts.models import Role
from orders.admin.amounts import format_deduction
from orders.admin.catalog import to_currency
from orders.models import Order, Payment, Payout
from orders.services.documents.document import format_money
from tenants.models import Register, Store
from tenants.scope import current_tenant


class OrderedByOrder(admin.ModelAdmin):
    """What belongs to an order is listed as orders are, newest first: their index finds it."""

    ordering: Any = ("-order__created_at", "-order_id", "-id")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        rows = super().get_queryset(request)
        # Said of the order too, where the index begins with the shop.
        return rows.filter(order__tenant=current_tenant())


class SearchByOrderNumber(admin.ModelAdmin):
    """Found by the number of its order, which has an index; no search looks through a relation."""

    # Shows the box to type in.
    search_fields: Any = ("id",)
    search_help_text = "The whole number of the order, as it stands on the receipt."

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        number = search_term.strip()
        if not number:
            return queryset, False
        found = list(Order.objects.filter(number=number).values_list("pk", flat=True))
        return queryset.filter(order__in=found), False


class OrderStoreFilter(OfPlace):
    title = parameter_name = "store"
    field = "order__store"
    model = Store


class OrderRegisterFilter(OfPlace):
    title = parameter_name = "register"
    field = "order__register"
    model = Register


class RecentOrderFilter(Recent):
    title = "time of the order"
    moment = "order__created_at"


class OrderDayFilter(OnDay):
    title = "day of the order"
    moment = "order__created_at"


ORDER_FILTERS = (RecentOrderFilter, OrderDayFilter, OrderStoreFilter, OrderRegisterFilter)


@admin.register(Payment, site=shop_site)
class PaymentAdmin(OrderedByOrder, SearchByOrderNumber, ShopAdmin):
    """Money for orders, those of the newest orders first."""

    seen_by = Role.MANAGER
    list_display = ("order", "method", "status", "settled", "back", "register", "created_at")
    list_display_links = ("method",)
    list_filter = ("method", "status", *ORDER_FILTERS)
    list_select_related = ("order__register",)
    sortable_by = ()
    fields = (
        "order",
        "method",
        "entry",
        "status",
        "reason",
        "taken_by",
        "shift",
        "shown_reference",
        "gateway_reference",
        "created_at",
        "returned_at",
        "returned_in",
    )

    @admin.display(description="Amount")
    def settled(self, payment: Payment) -> Any:
        return to_currency(payment.amount)

    @admin.display(description="Reference")
    def shown_reference(self, payment: Payment) -> str:
        return payment.shown_reference

    @admin.display(description="Given back")
    def back(self, payment: Payment) -> Any:
        return to_currency(payment.refunded_total) if payment.refunded_total else None

    @admin.display(description="Register")
    def register(self, payment: Payment) -> str:
        return str(payment.order.register)

    def named(self, row: Payment) -> str:
        return f"{row.get_method_display()} {format_money(row.amount)} for {row.order}"

    def tables(self, row: Payment) -> list[Table]:
        return [build_amount_table(row), build_refunds_table(row)]


def build_amount_table(payment: Payment) -> Table:
    lines = []
    if payment.tendered is not None:
        lines = [
            line("Handed over", figure(format_money(payment.tendered))),
            line("Change", figure(format_deduction(payment.change))),
        ]
    counts = payment.status == Payment.Status.CAPTURED
    note = "" if counts else "It settles nothing: only what is captured counts."
    return Table(
        "The amount",
        (*lines, total("For the order", figure(format_money(payment.amount)))),
        note=note,
    )


def build_refunds_table(payment: Payment) -> Table:
    payouts = list(payment.payouts.select_related("refund").order_by("pk"))
    sums = (
        total("Given back", "", "", figure(format_money(payment.refunded_total))),
        total("Left of it", "", "", figure(format_money(payment.refundable_amount))),
    )
    return Table(
        "What went back",
        (*map(build_payout_row, payouts), *sums) if payouts else (),
        head=head(("Refund", "How", "Status"), "Amount"),
        nothing="Nothing of it went back.",
    )


def build_payout_row(payout: Payout) -> Line:
    number = payout.refund.receipt_number
    return line(
        words(f"Receipt {number}" if number else "Without a receipt", page_of(payout.refund)),
        payout.get_method_display(),
        payout.get_status_display(),
        figure(format_money(payout.paid)),
    )
