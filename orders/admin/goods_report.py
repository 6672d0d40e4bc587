"""Report pages of goods: low stock, stock that did not sell, and margins."""

from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Any
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponseBase, HttpResponseNotAllowed
from django.template.response import TemplateResponse

from accounts.admin.tables import (
    Table,
    admin_url_for,
    header_cells,
    number_cell,
    table_row,
    text_cell,
    total_row,
)
from accounts.admin_site.site import shop_site
from orders.admin.report_periods import Period
from orders.admin.sales_report import ReportQuestion, describe_error, read_question
from orders.models import Product
from orders.services.reports.goods import (
    GoodsReport,
    GoodsTotals,
    build_csv,
    build_dead_stock_report,
    build_file_name,
    build_low_stock_report,
    build_margin_report,
    build_workbook,
    find_current_day,
)
from tenants import workbook
from tenants.api.formats import format_number
from tenants.api.uploads import build_file_response, stream_csv
from tenants.exceptions import Invalid
from tenants.models import Store
from tenants.scope import current_tenant

MAX_ROWS = 100
TITLES = {"low-stock": "Low stock", "dead-stock": "Dead stock", "margins": "Margins"}
MENU = {title: f"?kind={kind}" for kind, title in TITLES.items()}
AT_COST = (
    "At the cost that each product has today: sales store no cost, so that a changed cost changes "
    "earlier periods, too."
)
UNSOLD = (
    "Stock that was there before the period and of which none was sold in it. "
    "The value is at the cost of today."
)
LOW = "At or below the reorder point. On the way is what other stores have sent."


@shop_site.page("reports/goods/", name="goods_report", links=MENU)
def goods_report_view(request: HttpRequest) -> HttpResponseBase:
    """Show the report, or send it as a file."""
    if request.method not in {"GET", "HEAD"}:
        return HttpResponseNotAllowed(["GET", "HEAD"])
    kind = request.GET.get("kind", "")
    kind = kind if kind in TITLES else "low-stock"
    stores = list(Store.objects.select_related("tenant").order_by("name", "pk"))
    today = find_current_day(stores)
    request.current_app = shop_site.name
    context = shop_site.each_context(request) | {
        "title": TITLES[kind],
        "stores": stores,
        "kind": kind,
        "has_days": kind != "low-stock",
    }
    try:
        question = read_question(request, stores, today, default=find_default(kind))
    except Invalid as refusal:
        context |= {"errors": tuple(map(describe_error, refusal.errors))}
        context |= {"first": today, "last": today}
        return TemplateResponse(request, "admin/shop/goods_report.html", context)
    file_format = request.GET.get("format", "")
    if file_format in {"csv", "xlsx"}:
        return build_file(build_report(kind, question, stores, None), file_format)
    report = build_report(kind, question, stores, MAX_ROWS)
    context |= build_controls(kind, question)
    context |= {"table": TABLES[kind](report)}
    return TemplateResponse(request, "admin/shop/goods_report.html", context)


def find_default(kind: str) -> Period:
    """Return the period of a page without days: goods that did not sell need a long one."""
    return Period.LAST_90_DAYS if kind == "dead-stock" else Period.LAST_7_DAYS


def build_report(
    kind: str, question: ReportQuestion, stores: Sequence[Store], limit: int | None
) -> GoodsReport:
    chosen = stores if question.store is None else [question.store]
    if kind == "low-stock":
        return build_low_stock_report(chosen, limit)
    if kind == "dead-stock":
        return build_dead_stock_report(chosen, question.first, question.last, limit)
    return build_margin_report(chosen, question.first, question.last, limit)


def build_file(report: GoodsReport, file_format: str) -> HttpResponseBase:
    """Return all rows as CSV or as a workbook."""
    name = build_file_name(report, file_format)
    if file_format == "csv":
        return stream_csv([build_csv(report)], filename=name)
    return build_file_response(build_workbook(report), workbook.CONTENT_TYPE, name)


def build_controls(kind: str, question: ReportQuestion) -> dict[str, Any]:
    store = {"store": question.store.pk} if question.store else {}
    return {
        "first": question.first,
        "last": question.last,
        "store": question.store,
        "periods": [
            (
                each.label,
                urlencode({"kind": kind, "period": each.value} | store),
                question.period == each,
            )
            for each in Period
        ],
    }


def build_low_table(report: GoodsReport) -> Table:
    rows = [
        table_row(
            link_product(row),
            row.sku,
            row.store_name,
            *map(quantity, (row.quantity, row.reorder_point, row.missing)),
            number_cell(format_number(row.in_transit) if row.in_transit else None),
        )
        for row in report.rows
    ]
    head = header_cells(
        ["Product", "SKU", "Store"], "In stock", "Reorder point", "Missing", "On the way"
    )
    return build_table(report, rows, head, LOW, "No stock is low.")


def build_dead_table(report: GoodsReport) -> Table:
    rows = [
        table_row(
            link_product(row),
            row.sku,
            row.store_name,
            quantity(row.quantity),
            money(row.cost_total),
        )
        for row in report.rows
    ]
    totals = report.totals or GoodsTotals(Decimal(0))
    sums = total_row("Total", "", "", number_cell(""), with_unknown(totals.cost_total, totals))
    head = header_cells(["Product", "SKU", "Store"], "In stock", name_cost())
    nothing = "All stock that was there before the period has sold."
    return build_table(report, [*rows, sums] if rows else [], head, UNSOLD, nothing)


def build_margin_table(report: GoodsReport) -> Table:
    rows = [
        table_row(
            link_product(row),
            row.sku,
            quantity(row.quantity),
            *map(money, (row.net_sales, row.cost_total, row.margin)),
            percent(row.margin_percent),
        )
        for row in report.rows
    ]
    totals = report.totals or GoodsTotals(Decimal(0))
    sums = total_row(
        "Total of products with a cost",
        "",
        number_cell(""),
        money(totals.net_sales),
        with_unknown(totals.cost_total, totals),
        money(totals.margin),
        percent(totals.margin_percent),
    )
    currency = current_tenant().currency
    columns = (f"Sales without tax in {currency}", name_cost(), f"Margin in {currency}", "Margin")
    head = header_cells(["Product", "SKU"], "Quantity", *columns)
    nothing = "Nothing was sold in this period."
    return build_table(report, [*rows, sums] if rows else [], head, AT_COST, nothing)


TABLES: dict[str, Callable[[GoodsReport], Table]] = {
    "low-stock": build_low_table,
    "dead-stock": build_dead_table,
    "margins": build_margin_table,
}


def build_table(report: GoodsReport, rows: list[Any], head: Any, note: str, nothing: str) -> Table:
    if report.row_count > len(report.rows):
        note = f"The first {len(report.rows)} of {report.row_count}; the files have all. {note}"
    return Table(TITLES[report.name], tuple(rows), head, note=note if rows else "", nothing=nothing)


def link_product(row: Any) -> Any:
    return text_cell(row.name, admin_url_for(Product, row.product) if row.product else "")


def quantity(value: Decimal) -> Any:
    return number_cell(format_number(value))


def money(value: Decimal | None) -> Any:
    return number_cell(value)


def percent(value: Decimal | None) -> Any:
    return number_cell(None if value is None else f"{value} %")


def with_unknown(value: Decimal, totals: GoodsTotals) -> Any:
    unknown = totals.without_cost
    return number_cell(value, *([f"{unknown} without a cost"] if unknown else []))


def name_cost() -> str:
    return f"Cost in {current_tenant().currency}"
