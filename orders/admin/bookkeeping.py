"""Page of the bookkeeper's month: its tables, CSV files and booking batch."""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponseBase, HttpResponseNotAllowed
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.dateformat import format as format_date

from accounts.admin.forms import validate_input
from accounts.admin_site.site import shop_site
from orders.admin.report_periods import Period
from orders.exceptions import BookkeepingAccountsMissing, BookkeepingProfileMissing
from orders.models import BookkeepingProfile
from orders.serializers.bookkeeping import BookkeepingQuery, format_month
from orders.services.reports import bookkeeping_tables
from orders.services.reports.bookkeeping import Month, build_month
from orders.services.reports.bookkeeping_files import build_file
from orders.services.reports.bookkeeping_tables import TABLES, Kind, MonthTable
from orders.services.reports.goods import find_current_day
from tenants.api.uploads import build_file_response
from tenants.exceptions import DomainError, Invalid
from tenants.models import Store
from tenants.scope import current_tenant

# The CSV files have all rows.
MAX_ROWS = 100
MONTHS = 3


@dataclass(frozen=True, slots=True)
class Cell:
    text: str
    is_number: bool = False


@dataclass(frozen=True, slots=True)
class PageTable:
    """A table of the page, with the sums of its amounts below."""

    name: str
    title: str
    columns: list[Cell]
    rows: list[list[Cell]]
    sums: list[Cell]
    row_count: int


@shop_site.page("reports/bookkeeping/", name="bookkeeping", links={"Bookkeeping": ""})
def bookkeeping_view(request: HttpRequest) -> HttpResponseBase:
    """Show the month, or send it as a file."""
    if request.method not in {"GET", "HEAD"}:
        return HttpResponseNotAllowed(["GET", "HEAD"])
    stores = list(Store.objects.select_related("tenant").order_by("name", "pk"))
    today = find_current_day(stores)
    request.current_app = shop_site.name
    context = shop_site.each_context(request) | {"title": "Bookkeeping"}
    try:
        query = read_query(request, stores, today)
    except Invalid as refusal:
        context |= build_controls(stores, stores[0] if stores else None, today)
        context |= {"errors": [error.detail for error in refusal.errors]}
        return TemplateResponse(request, "admin/shop/bookkeeping.html", context)
    month = build_month(query["store"], query["month"])
    context |= build_controls(stores, month.store, today, month.first)
    try:
        if file := build_file(request.GET.get("format", ""), month):
            return build_file_response(*file)
    except DomainError as refusal:
        context |= {"errors": [str(refusal)], "profile_url": find_profile_url(refusal, month)}
    context |= build_page(month, today)
    return TemplateResponse(request, "admin/shop/bookkeeping.html", context)


def read_query(request: HttpRequest, stores: list[Store], today: date) -> dict[str, Any]:
    """Read the address as the API does. The default is the last month of the first store.

    Raises `Invalid`.
    """
    last_month = Period.LAST_MONTH.find_days(today)[0]
    given = {name: request.GET[name] for name in ("store", "month") if request.GET.get(name)}
    given.setdefault("month", format_month(last_month))
    if stores:
        active = [store for store in stores if store.is_active] or stores
        given.setdefault("store", str(active[0].pk))
    return validate_input(BookkeepingQuery(), given)


def find_profile_url(refusal: DomainError, month: Month) -> str:
    """Return the address of the page on which the reason of the refusal can be mended."""
    if isinstance(refusal, BookkeepingProfileMissing):
        return reverse(f"{shop_site.name}:orders_bookkeepingprofile_add")
    if isinstance(refusal, BookkeepingAccountsMissing):
        profile = BookkeepingProfile.objects.get(store=month.store)
        return reverse(f"{shop_site.name}:orders_bookkeepingprofile_change", args=[profile.pk])
    return ""


def build_controls(
    stores: list[Store], store: Store | None, today: date, month: date | None = None
) -> dict[str, Any]:
    """Return the links and the form that choose store and month."""
    chosen = {"store": store.pk} if store else {}
    months = [today.replace(day=1)]
    while len(months) < MONTHS:
        months.append(Period.LAST_MONTH.find_days(months[-1])[0])
    return {
        "stores": stores,
        "store": store,
        "month": month and format_month(month),
        "months": [
            (
                format_date(each, "F Y"),
                urlencode(chosen | {"month": format_month(each)}),
                each == month,
            )
            for each in months
        ],
    }


def build_page(month: Month, today: date) -> dict[str, Any]:
    sold = sum((each.sold - each.refunded for each in month.sales.values()), Decimal(0))
    taxes = sum((each.sold_tax - each.refunded_tax for each in month.sales.values()), Decimal(0))
    money = bookkeeping_tables.format_cell
    return {
        "heading": f"{month.store}, {format_date(month.first, 'F Y')}",
        "currency": current_tenant().currency,
        "is_complete": today > month.last,
        "figures": [
            ("After refunds", money(sold, month)),
            ("Tax", money(taxes, month)),
            ("Cash at the beginning", money(month.opening_cash, month)),
            ("Cash at the end", money(month.closing_cash, month)),
            ("Z reports", str(len(month.z_reports))),
        ],
        "tables": [table for each in TABLES if (table := build_table(each, month)).rows],
    }


def build_table(table: MonthTable, month: Month) -> PageTable:
    rows = list(table.list_rows(month))
    columns = table.columns
    return PageTable(
        table.name,
        table.title,
        [Cell(column.label, is_number(column.kind)) for column in columns.values()],
        [
            [build_cell(row[name], column.kind, month) for name, column in columns.items()]
            for row in rows[:MAX_ROWS]
        ],
        build_sums(table, rows, month),
        len(rows),
    )


def build_sums(table: MonthTable, rows: list[dict[str, Any]], month: Month) -> list[Cell]:
    """Return the sums of all columns with amounts. The cash book has balances instead."""
    if table.name == "cash_book":
        return []
    return [
        Cell(
            bookkeeping_tables.format_cell(sum((row[name] for row in rows), Decimal(0)), month),
            True,
        )
        if column.kind is Kind.AMOUNT
        else Cell("")
        for name, column in list(table.columns.items())[1:]
    ]


def is_number(kind: Kind) -> bool:
    return kind in {Kind.AMOUNT, Kind.NUMBER}


def build_cell(value: Any, kind: Kind, month: Month) -> Cell:
    if value is None:
        return Cell("")
    if kind is Kind.DAY:
        return Cell(format_date(value, "j M"))
    if kind is Kind.TIME:
        return Cell(format_date(value.astimezone(month.store.clock), "j M H:i"))
    return Cell(
        str(bookkeeping_tables.format_cell(value, month)).replace("_", " "), is_number(kind)
    )
