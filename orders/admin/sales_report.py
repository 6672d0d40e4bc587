"""Sales report page: figures by time, product, person and so on, and those of the period before."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponseBase, HttpResponseNotAllowed
from django.template.response import TemplateResponse
from django.utils.dateformat import format as format_date

from accounts.admin.forms import validate_input
from accounts.admin_site.site import shop_site
from orders.admin.chart import ChartPart, PeriodChart, build_period_chart
from orders.admin.heat_table import build_heat_table
from orders.admin.report_periods import Period, find_days_before, list_parts
from orders.serializers.report import ReportQuery
from orders.services.reports.business_day import format_hour_of_week
from orders.services.reports.csv_rows import build_file_name, build_workbook, generate_csv
from orders.services.reports.goods import find_current_day
from orders.services.reports.sales import (
    GROUPINGS,
    QUANTITIES,
    GroupBy,
    Report,
    Totals,
    build_sales_report,
)
from tenants import workbook
from tenants.api.formats import format_number
from tenants.api.uploads import build_file_response, stream_csv
from tenants.exceptions import FieldError, Invalid
from tenants.models import Store
from tenants.scope import current_tenant

# The CSV file has all rows.
MAX_ROWS = 200
TITLES = {
    GroupBy.DAY: "Day",
    GroupBy.WEEK: "Week",
    GroupBy.MONTH: "Month",
    GroupBy.HOUR_OF_DAY: "Hour",
    GroupBy.HOUR_OF_WEEK: "Hour of the week",
    GroupBy.PRODUCT: "Product",
    GroupBy.CATEGORY: "Category",
    GroupBy.CASHIER: "Cashier",
    GroupBy.REGISTER: "Register",
    GroupBy.STORE: "Store",
    GroupBy.METHOD: "Payment method",
    GroupBy.TAX: "Tax",
    GroupBy.DISCOUNT: "Discount",
    GroupBy.DISCOUNT_CASHIER: "Discounts by person",
    GroupBy.REFUND_REASON: "Reason of refunds",
}
COLUMNS = {
    "orders": "Sales",
    "quantity": "Quantity",
    "taxable": "Taxed amount",
    "discount_total": "Discounts",
    "tax_total": "Tax",
    "total": "Sold",
    "refunds": "Refunds",
    "refunded_quantity": "Returned",
    "refunded_total": "Refunded",
    "refunded_tax_total": "Tax refunded",
    "net_total": "After refunds",
    "net_tax_total": "Tax after refunds",
}
# Groups of receipts have no room for these, as their taxes have a report of their own.
ONLY_BY_TAX = ("refunded_tax_total", "net_tax_total")
MENU = {"Sales": "", "Best sellers": "?group_by=product"}
LABELS = {"from": "From", "to": "To", "store": "Store", "group_by": "By"}


@dataclass(frozen=True, slots=True)
class ReportQuestion:
    """What the address of the page asks for."""

    group_by: GroupBy
    first: date
    last: date
    store: Store | None = None
    period: str = ""


@dataclass(frozen=True, slots=True)
class ReportRow:
    """A row of the table: its figures, the main figure of the period before, and the change."""

    label: str
    figures: list[str]
    amount: Decimal
    before: Decimal
    before_label: str = ""
    chart_label: str = ""
    # Of the largest amount, in percent, for the bar.
    share: int = 0

    @property
    def before_figure(self) -> str:
        return format_amount(self.before)

    @property
    def change(self) -> str:
        return format_change(self.amount, self.before)


@shop_site.page("reports/", name="sales_report", links=MENU)
def sales_report_view(request: HttpRequest) -> HttpResponseBase:
    """Show the report, or send it as a file."""
    if request.method not in {"GET", "HEAD"}:
        return HttpResponseNotAllowed(["GET", "HEAD"])
    stores = list(Store.objects.select_related("tenant").order_by("name", "pk"))
    today = find_current_day(stores)
    errors: tuple[str, ...] = ()
    try:
        question = read_question(request, stores, today)
    except Invalid as refusal:
        errors = tuple(map(describe_error, refusal.errors))
        question = ReportQuestion(GroupBy.DAY, *Period.LAST_7_DAYS.find_days(today))
    kind = request.GET.get("format")
    if kind in {"csv", "xlsx"} and not errors:
        return build_file(kind, build_report(question, stores, question.first, question.last))
    request.current_app = shop_site.name
    context = shop_site.each_context(request) | build_controls(question, stores)
    context |= {"title": "Sales report", "errors": errors}
    context |= {} if errors else build_page(question, stores)
    return TemplateResponse(request, "admin/shop/sales_report.html", context)


def build_file(kind: str, report: Report) -> HttpResponseBase:
    """Return all rows as CSV or as a workbook."""
    name = build_file_name(report, kind)
    if kind == "csv":
        return stream_csv(generate_csv(report.format_rows(largest_first=True)), filename=name)
    content = build_workbook(report, largest_first=True)
    return build_file_response(content, workbook.CONTENT_TYPE, name)


# --- the question ------------------------------------------------------------------------------


def read_question(
    request: HttpRequest,
    stores: list[Store],
    today: date,
    *,
    default: Period = Period.LAST_7_DAYS,
) -> ReportQuestion:
    """Read the address as the API does. Without days the report covers the `default` period.

    Raises `Invalid`.
    """
    names = ("group_by", "store", "from", "to")
    given = {name: request.GET[name] for name in names if request.GET.get(name)}
    period = request.GET.get("period", "")
    known = period in set(Period)
    if "from" not in given and "to" not in given:
        first, last = Period(period if known else default).find_days(today)
        given |= {"from": first.isoformat(), "to": last.isoformat()}
    given.setdefault("from", given.get("to", ""))
    query = validate_input(ReportQuery(), given)
    group_by = GroupBy(query.get("group_by", GroupBy.DAY))
    if group_by not in TITLES:
        group_by = GroupBy.DAY
    days = query["from"], query.get("to", query["from"])
    shown = next((each for each in Period if each.find_days(today) == days), "")
    return ReportQuestion(group_by, *days, query.get("store"), period if known else shown)


def describe_error(error: FieldError) -> str:
    """Return the error with the labels of the form instead of the names of the API."""
    label = LABELS.get(error.field)
    detail = error.detail.replace("`from`", LABELS["from"])
    return f"{label}: {detail}" if label else detail


def build_controls(question: ReportQuestion, stores: list[Store]) -> dict[str, Any]:
    """Return the links and the form that change the question."""
    store = {"store": question.store.pk} if question.store else {}
    days = {"from": question.first.isoformat(), "to": question.last.isoformat()}
    return {
        "question": question,
        "stores": stores,
        "periods": [
            (
                period.label,
                urlencode({"group_by": question.group_by.value, "period": period.value} | store),
                question.period == period,
            )
            for period in Period
        ],
        "groups": [
            (
                title,
                urlencode({"group_by": group.value} | days | store),
                group is question.group_by,
            )
            for group, title in TITLES.items()
        ],
    }


# --- the answer --------------------------------------------------------------------------------


def build_report(question: ReportQuestion, stores: list[Store], first: date, last: date) -> Report:
    chosen = stores if question.store is None else [question.store]
    return build_sales_report(question.group_by, chosen, first, last)


def build_page(question: ReportQuestion, stores: list[Store]) -> dict[str, Any]:
    """Build the figures of the period and of the period before, with table and chart."""
    report = build_report(question, stores, question.first, question.last)
    before_days = find_days_before(question.first, question.last)
    before = build_report(question, stores, *before_days)
    main = report.main_figure
    names = [
        name
        for name in sorted(COLUMNS, key=lambda name: name != main)
        if name in GROUPINGS[question.group_by].figures
        and (name not in ONLY_BY_TAX or question.group_by is GroupBy.TAX)
    ]
    rows = list(build_rows(report, before, before_days, names))
    is_week = report.group_by is GroupBy.HOUR_OF_WEEK
    heat = (
        build_heat_table([(row.label, row.amount, row.before) for row in rows]) if is_week else None
    )
    if is_week:
        traded = {label for _, label in (*report.groups, *before.groups)}
        rows = [row for row in rows if row.label in traded]
    shown = rows if report.is_by_time else rows[:MAX_ROWS]
    highest = max((max(row.amount, row.before) for row in rows), default=Decimal(0))
    return {
        "currency": current_tenant().currency,
        "heading": TITLES[question.group_by],
        "columns": [COLUMNS[name] for name in names],
        "main_column": COLUMNS[main],
        "before_first": before_days[0],
        "before_last": before_days[1],
        "rows": shown,
        "row_count": len(rows),
        "is_cut": len(rows) > len(shown),
        "is_by_time": report.is_by_time,
        "highest": format_amount(highest),
        "chart": build_chart(shown) if report.is_by_time and not is_week else None,
        "heat": heat,
        "summary": [
            (label, format_figure(name, report.total), describe_change(name, report, before))
            for name, label in (
                ("total", "Sold"),
                ("orders", "Sales"),
                ("refunded_total", "Refunded"),
                ("discount_total", "Discounts"),
                ("net_total", "After refunds"),
            )
        ],
    }


def build_rows(
    report: Report, before: Report, before_days: tuple[date, date], names: list[str]
) -> Iterator[ReportRow]:
    """Yield a row for each group; parts of time are complete, and compared by their position."""
    former = {key: totals for (key, _), totals in before.groups.items()}
    if report.is_by_time:
        found = {key: totals for (key, _), totals in report.groups.items()}
        parts = list_parts(report.group_by, report.first, report.last)
        earlier = list_parts(report.group_by, *before_days)
        groups = [(key, format_part(report.group_by, key), found.get(key)) for key in parts]
        pairs = dict(zip(parts, earlier, strict=False))
    else:
        groups = [
            (key, label, totals) for (key, label), totals in report.sort_groups(largest_first=True)
        ]
        pairs = {}
    main = report.main_figure
    amounts = [getattr(totals or Totals(), main) for *_, totals in groups]
    highest = max(amounts, default=Decimal(0))
    for (key, label, totals), amount in zip(groups, amounts, strict=True):
        part = pairs.get(key, "") if report.is_by_time else key
        yield ReportRow(
            label,
            [format_figure(name, totals or Totals()) for name in names],
            amount,
            getattr(former.get(part) or Totals(), main),
            format_part(report.group_by, part)
            if report.is_by_time and part not in {"", key}
            else "",
            format_chart_label(report.group_by, key) if report.is_by_time else "",
            max(0, int(100 * amount / highest)) if highest > 0 else 0,
        )


def build_chart(rows: list[ReportRow]) -> PeriodChart | None:
    return build_period_chart(
        [
            ChartPart(
                row.chart_label,
                row.amount,
                row.before,
                f"{row.label}: {format_amount(row.amount)}, before {format_amount(row.before)}",
            )
            for row in rows
        ]
    )


def format_part(group_by: GroupBy, key: str) -> str:
    """Return the day with its weekday, the week by its Monday, the month by its name."""
    if group_by is GroupBy.HOUR_OF_WEEK:
        return format_hour_of_week(key)
    if group_by is GroupBy.DAY:
        return format_date(date.fromisoformat(key), "D j M Y")
    if group_by is GroupBy.WEEK:
        monday = date.fromisoformat(f"{key}-1")
        return f"{key[5:].replace('W0', 'W')}, from {format_date(monday, 'j M Y')}"
    if group_by is GroupBy.MONTH:
        return format_date(date.fromisoformat(f"{key}-01"), "F Y")
    return key


def format_chart_label(group_by: GroupBy, key: str) -> str:
    """Return the short form of `format_part`, for which the chart has room."""
    if group_by is GroupBy.DAY:
        return format_date(date.fromisoformat(key), "j M")
    if group_by is GroupBy.WEEK:
        return key[5:].replace("W0", "W")
    if group_by is GroupBy.MONTH:
        return format_date(date.fromisoformat(f"{key}-01"), "M Y")
    return key[:2]


def format_amount(amount: Decimal) -> str:
    return str(current_tenant().quantize_amount(amount))


def format_figure(name: str, totals: Totals) -> str:
    value = getattr(totals, name)
    if isinstance(value, int):
        return str(value)
    return format_number(value) if name in QUANTITIES else format_amount(value)


def format_change(amount: Decimal, before: Decimal) -> str:
    """Return the change in percent; it has none if there was nothing before."""
    if before <= 0:
        return ""
    percent = int(((amount - before) * 100 / before).to_integral_value())
    return f"{percent:+d} %".replace("-", "\N{MINUS SIGN}") if percent else "0 %"


def describe_change(name: str, report: Report, before: Report) -> str:
    now, then = getattr(report.total, name), getattr(before.total, name)
    change = format_change(Decimal(now), Decimal(then))
    figure = format_figure(name, before.total)
    return f"{change}, before: {figure}" if change else f"before: {figure}"
