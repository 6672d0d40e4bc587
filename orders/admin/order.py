"""The sales, to look at: what was sold and paid is never changed by hand."""

from typing import Any

from django.contrib import admin

from accounts.admin.pages import ShopAdmin, ShopInline
from accounts.models import Role
from accounts.web.site import shop_site
from orders.admin.catalog import in_currency
from orders.models import Order, OrderLine, Payment
from tenants.models import Store


class OfStore(admin.SimpleListFilter):
    """One of the shop's own places."""

    title = "store"
    parameter_name = "store"

    def lookups(self, request: Any, model_admin: Any) -> Any:
        return [(str(store.pk), store.name) for store in Store.objects.order_by("name")]

    def queryset(self, request: Any, queryset: Any) -> Any:
        known = {str(key) for key, _ in self.lookup_choices}
        return queryset.filter(store=self.value()) if self.value() in known else queryset


class LineInline(ShopInline):
    model = OrderLine
    seen_by = Role.MANAGER
    fields = ("sku", "name", "pieces", "price", "discount", "amount")
    readonly_fields = fields

    @admin.display(description="Quantity")
    def pieces(self, line: OrderLine) -> str:
        return f"{line.quantity.normalize():f}"

    @admin.display(description="Each")
    def price(self, line: OrderLine) -> Any:
        return in_currency(line.unit_price)

    @admin.display(description="Discount")
    def discount(self, line: OrderLine) -> Any:
        return in_currency(line.discount_total)

    @admin.display(description="Total")
    def amount(self, line: OrderLine) -> Any:
        return in_currency(line.total)


class PaymentInline(ShopInline):
    model = Payment
    seen_by = Role.MANAGER
    fields = ("method", "status", "paid", "reference", "created_at")
    readonly_fields = fields

    @admin.display(description="Amount")
    def paid(self, payment: Payment) -> Any:
        return in_currency(payment.amount)


@admin.register(Order, site=shop_site)
class OrderAdmin(ShopAdmin):
    """What was sold, newest first."""

    seen_by = Role.MANAGER
    list_display = ("number", "status", "amount", "store", "register", "cashier", "created_at")
    list_filter = ("status", OfStore)
    list_select_related = ("store", "register", "cashier")
    search_fields = ("number__exact",)
    search_help_text = "The number of the order, as it stands on the receipt."
    sortable_by = ()
    ordering = ("-created_at", "-id")
    fields = (
        "number",
        "status",
        "store",
        "register",
        "cashier",
        "customer_name",
        "note",
        "discounted",
        "taxes_in_it",
        "amount",
        "paid",
        "refunded",
        "receipt_number",
        "created_at",
        "completed_at",
    )
    inlines = (LineInline, PaymentInline)

    @admin.display(description="Discounts")
    def discounted(self, order: Order) -> Any:
        return in_currency(order.discount_total)

    @admin.display(description="Taxes")
    def taxes_in_it(self, order: Order) -> Any:
        return in_currency(order.tax_total)

    @admin.display(description="Total")
    def amount(self, order: Order) -> Any:
        return in_currency(order.total)

    @admin.display(description="Paid")
    def paid(self, order: Order) -> Any:
        return in_currency(order.paid_total)

    @admin.display(description="Refunded")
    def refunded(self, order: Order) -> Any:
        return in_currency(order.refunded_total)
