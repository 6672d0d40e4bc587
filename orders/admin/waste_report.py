"""Waste report page: what was thrown away in a period, by reason and by product."""

from typing import Any
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponseBase, HttpResponseNotAllowed
from django.template.response import TemplateResponse

from accounts.admin.tables import Table, header_cells, number_cell, table_row, total_row
from accounts.admin_site.site import shop_site
from orders.admin.report_periods import Period
from orders.admin.sales_report import describe_error, read_question
from orders.services.reports.goods import find_current_day
from orders.services.reports.waste import WasteReport, WasteRow, build_waste_report
from tenants.api.formats import format_number
from tenants.exceptions import Invalid
from tenants.models import Store
from tenants.scope import current_tenant

NO_WASTE = "Nothing was wasted in this period."
AT_COST = "At the cost of today, without products whose cost is not known."


@shop_site.page("reports/waste/", name="waste_report", links={"Waste": ""})
def waste_report_view(request: HttpRequest) -> HttpResponseBase:
    """Show the report of the last seven days, or of the chosen ones."""
    if request.method not in {"GET", "HEAD"}:
        return HttpResponseNotAllowed(["GET", "HEAD"])
    stores = list(Store.objects.select_related("tenant").order_by("name", "pk"))
    today = find_current_day(stores)
    request.current_app = shop_site.name
    context = shop_site.each_context(request) | {"title": "Waste report", "stores": stores}
    try:
        question = read_question(request, stores, today)
    except Invalid as refusal:
        context |= {"errors": tuple(map(describe_error, refusal.errors))}
        context |= {"first": today, "last": today}
        return TemplateResponse(request, "admin/shop/waste_report.html", context)
    chosen = stores if question.store is None else [question.store]
    report = build_waste_report(chosen, question.first, question.last)
    store = {"store": question.store.pk} if question.store else {}
    context |= {
        "first": question.first,
        "last": question.last,
        "store": question.store,
        "periods": [
            (each.label, urlencode({"period": each.value} | store), question.period == each)
            for each in Period
        ],
        "tables": build_tables_of_waste(report),
    }
    return TemplateResponse(request, "admin/shop/waste_report.html", context)


def build_tables_of_waste(report: WasteReport) -> list[Table]:
    value = f"Cost in {current_tenant().currency}"
    rows = tuple(table_row(row.label, *build_figures(row)) for row in report.by_reason)
    total = total_row("Total", number_cell(report.times), *build_value(report))
    by_product = tuple(
        table_row(row.label, row.sku, number_cell(format_number(row.quantity)), *build_figures(row))
        for row in report.by_product
    )
    return [
        Table(
            "By reason",
            (*rows, total) if rows else (),
            header_cells(["Reason"], "Times", value),
            note=AT_COST if rows else "",
            nothing=NO_WASTE,
        ),
        Table(
            "By product",
            by_product,
            header_cells(["Product", "SKU"], "Quantity", "Times", value),
            nothing=NO_WASTE,
        ),
    ]


def build_figures(row: WasteRow) -> list[Any]:
    return [number_cell(row.times), *build_value(row)]


def build_value(row: WasteRow | WasteReport) -> list[Any]:
    unknown = row.times_without_cost
    return [number_cell(row.cost_total, *([f"{unknown} times without a cost"] if unknown else []))]
