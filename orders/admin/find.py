"""The page that finds sales, products and customers by one text."""

from typing import Any

from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.template.response import TemplateResponse

from accounts.admin.tables import (
    Table,
    TableRow,
    admin_list_url,
    admin_url,
    header_cells,
    number_cell,
    table_row,
    text_cell,
)
from accounts.admin_site.site import shop_site
from orders.admin.amounts import format_time, to_currency
from orders.models import Customer, Order, Product, Refund
from orders.services.catalog.search import search_products_by_parts
from orders.services.customers import search_customers
from orders.services.order_search import build_order_condition, build_refund_condition

MAX_ROWS = 10
MAX_TEXT = 200
NUL = "\0"


@shop_site.page("find/", name="find", links={})
def find_view(request: Any) -> HttpResponse:
    """Show what a text finds: the newest sales and refunds, products and customers."""
    if request.method not in {"GET", "HEAD"}:
        return HttpResponseNotAllowed(["GET", "HEAD"])
    text = request.GET.get("q", "").replace(NUL, "").strip()[:MAX_TEXT]
    tables = build_tables(request, text) if text else []
    request.current_app = shop_site.name
    context = shop_site.each_context(request) | {
        "title": "Find",
        "text": text,
        "tables": [table for table in tables if table.lines],
    }
    return TemplateResponse(request, "admin/shop/find.html", context)


def build_tables(request: HttpRequest, text: str) -> list[Table]:
    user: Any = request.user
    orders = Order.objects.visible_to(user).filter(build_order_condition(text))
    refunds = Refund.objects.visible_to(user).filter(build_refund_condition(text))
    products = search_products_by_parts(Product.objects.all(), text).select_related("category")
    customers = search_customers(Customer.objects.all(), text)
    return [
        build_table(
            "Sales",
            header_cells(("Number", "Time", "Status", "Store", "Cashier"), "Total"),
            orders.select_related("store", "cashier").order_by("-created_at", "-id"),
            build_order_row,
            text,
        ),
        build_table(
            "Refunds",
            header_cells(("Order", "Time", "Status", "Reason"), "Amount"),
            refunds.select_related("order").order_by("-created_at", "-id"),
            build_refund_row,
            text,
        ),
        build_table(
            "Products",
            header_cells(("Name", "SKU", "Category"), "Price"),
            products.order_by("name", "pk"),
            build_product_row,
            text,
        ),
        build_table(
            "Customers",
            header_cells(("Name", "E-mail address", "Phone")),
            customers.order_by("name", "pk"),
            build_customer_row,
            text,
        ),
    ]


def build_table(title: str, head: Any, rows: Any, build_row: Any, text: str) -> Table:
    """Build the table of the first rows, with a link to the list of all of them."""
    found = list(rows[: MAX_ROWS + 1])
    url = admin_list_url(rows.model, q=text)
    more = (url, f"All {title.lower()} found") if len(found) > MAX_ROWS else None
    return Table(title, tuple(map(build_row, found[:MAX_ROWS])), head=head, more=more)


def build_order_row(order: Order) -> TableRow:
    return table_row(
        text_cell(order.number, admin_url(order)),
        format_time(order.created_at),
        order.get_status_display(),
        text_cell(order.store),
        text_cell(order.cashier),
        number_cell(to_currency(order.total)),
    )


def build_refund_row(refund: Refund) -> TableRow:
    return table_row(
        text_cell(refund.order, admin_url(refund)),
        format_time(refund.created_at),
        refund.get_status_display(),
        refund.reason,
        number_cell(to_currency(refund.total + refund.cash_rounding)),
    )


def build_product_row(product: Product) -> TableRow:
    return table_row(
        text_cell(product.name, admin_url(product)),
        product.sku,
        text_cell(product.category or ""),
        number_cell(to_currency(product.price)),
    )


def build_customer_row(customer: Customer) -> TableRow:
    return table_row(
        text_cell(customer.name, admin_url(customer)),
        text_cell(customer.email),
        customer.phone,
    )
