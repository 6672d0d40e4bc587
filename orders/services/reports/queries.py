"""Queries of the sales report: sums of sales and refunds, grouped in the database."""

import uuid
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from itertools import groupby
from operator import itemgetter
from typing import Any, NamedTuple

from django.contrib.postgres.fields import ArrayField
from django.db.models import (
    Count,
    DateTimeField,
    F,
    Func,
    IntegerField,
    Q,
    QuerySet,
    Sum,
    Value,
)
from django.db.models.functions import TruncHour, TruncMinute

from accounts.models import User
from orders.models import Order, OrderLine, Payment, Payout, Refund, RefundLine, SalesHour
from orders.models.columns import ExactSum
from orders.money import round_to
from orders.services.pricing.lines import format_rate
from orders.services.reports.business_day import BusinessDayRange, format_hour_of_week
from tenants.business_days import DAY
from tenants.scope import current_tenant


@dataclass(frozen=True, slots=True)
class ReportFilter:
    """The stores of a report and, optionally, one user: seller or refunder."""

    stores: list[uuid.UUID]
    person: uuid.UUID | None = None
    # The end of the hours that are summarized, if the report can use them.
    summarized_until: datetime | None = None


Row = dict[str, Any]
# Key and label of a group, and some of its figures.
Groups = Iterator[tuple[str, str, Row]]
# Cashier, kind of discount, and what it deducted from an order.
Deductions = Iterator[tuple[str, str, Row]]
GroupQuery = Callable[[BusinessDayRange, ReportFilter], Groups]

# Limits of what is in memory at a time.
MAX_DAYS_PER_QUERY = 31
PAGE_SIZE = 5_000
ZERO = Decimal(0)
# Labels of the kinds of discounts.
DISCOUNT_LABELS = {
    "line_discount": "Line discounts",
    "order_discount": "Order discounts",
    "price_override": "Price overrides",
}

ORDER_SUMS = {
    "orders": Count("pk"),
    "gross": ExactSum("subtotal"),
    "discount_total": ExactSum("discount_total"),
    "tax_total": ExactSum("tax_total"),
    "cash_rounding": ExactSum("cash_rounding"),
    "total": ExactSum("total"),
}
REFUND_SUMS = {
    "refunds": Count("pk"),
    "refunded_tax_total": ExactSum("tax_total"),
    "refunded_total": ExactSum("total"),
    "refunded_cash_rounding": ExactSum("cash_rounding"),
}
LINE_SUMS = {
    "orders": Count("order", distinct=True),
    "quantity": ExactSum("quantity"),
    "gross": ExactSum("gross"),
    "discount_total": ExactSum("discount_total"),
    "tax_total": ExactSum("tax_total"),
    "total": ExactSum("total"),
}
REFUND_LINE_SUMS = {
    "refunds": Count("refund", distinct=True),
    "refunded_quantity": ExactSum("quantity"),
    "refunded_tax_total": ExactSum("tax_total"),
    "refunded_total": ExactSum("total"),
}
HOUR_SUMS = {
    name: ExactSum(name)
    for name in (
        *("orders", "gross", "discount_total", "tax_total", "cash_rounding", "total"),
        *("refunds", "refunded_tax_total", "refunded_total"),
    )
} | {"orders": Sum("orders"), "refunds": Sum("refunds")}
PAYMENT_SUMS = {"orders": Count("order", distinct=True), "total": ExactSum("amount")}
PAYOUT_SUMS = {
    "refunds": Count("refund", distinct=True),
    "refunded_total": ExactSum("amount"),
    "paid": ExactSum("paid"),
}


def find_sold(start: datetime, end: datetime) -> QuerySet[Order]:
    return Order.objects.sold().filter(completed_at__gte=start, completed_at__lt=end)


def find_refunded(start: datetime, end: datetime) -> QuerySet[Refund]:
    """Return the refunds of a period, also those that failed later: see `find_reversed`."""
    return Refund.objects.booked().filter(completed_at__gte=start, completed_at__lt=end)


def find_reversed(start: datetime, end: datetime) -> QuerySet[Refund]:
    """Return the refunds that failed in this period, after they were completed."""
    return Refund.objects.filter(reversed_at__gte=start, reversed_at__lt=end)


def filter_orders(days: BusinessDayRange, report_filter: ReportFilter) -> QuerySet[Order]:
    sold = find_sold(days.start, days.end).filter(store__in=report_filter.stores)
    return sold.filter(cashier=report_filter.person) if report_filter.person else sold


def filter_refunds(days: BusinessDayRange, report_filter: ReportFilter) -> QuerySet[Refund]:
    done = find_refunded(days.start, days.end).filter(store__in=report_filter.stores)
    return done.filter(by=report_filter.person) if report_filter.person else done


def filter_reversals(days: BusinessDayRange, report_filter: ReportFilter) -> QuerySet[Refund]:
    failed = find_reversed(days.start, days.end).filter(store__in=report_filter.stores)
    return failed.filter(by=report_filter.person) if report_filter.person else failed


class Receipts(NamedTuple):
    """Sales, refunds or reversals with what is summed of them.

    `moment` is the column with the time at which they count, `user` the one with their user.
    """

    rows: QuerySet[Any]
    sums: Mapping[str, Any]
    moment: str = "completed_at"
    user: str = "by"
    is_reversal: bool = False


def list_receipts(
    orders: QuerySet[Order], refunds: QuerySet[Refund], reversals: QuerySet[Refund]
) -> tuple[Receipts, ...]:
    return (
        Receipts(orders, ORDER_SUMS, user="cashier"),
        Receipts(refunds, REFUND_SUMS),
        Receipts(reversals, REFUND_SUMS, "reversed_at", is_reversal=True),
    )


def find_receipts(days: BusinessDayRange, report_filter: ReportFilter) -> tuple[Receipts, ...]:
    return list_receipts(
        filter_orders(days, report_filter),
        filter_refunds(days, report_filter),
        filter_reversals(days, report_filter),
    )


def _subtract(figures: Row) -> Row:
    """Return the figures of a reversal: its amounts are negative, and it is no refund of its own.

    The refund counts where it was made.
    """
    return {name: -value for name, value in figures.items() if value and name != "refunds"}


def sum_groups(
    rows: QuerySet[Any], *, by: tuple[str, ...], sums: Mapping[str, Any], is_reversal: bool = False
) -> Iterator[Row]:
    """Sum per group. The prefix avoids aliases that are also names of model fields."""
    named = {f"sum_{name}": expression for name, expression in sums.items()}
    for row in rows.order_by().values(*by).annotate(**named).iterator(chunk_size=500):
        figures = _subtract_refund_rounding({name: row[f"sum_{name}"] for name in sums})
        yield (_subtract(figures) if is_reversal else figures) | {each: row[each] for each in by}


def sum_receipt_groups(receipts: Receipts, *, by: tuple[str, ...]) -> Iterator[Row]:
    return sum_groups(receipts.rows, by=by, sums=receipts.sums, is_reversal=receipts.is_reversal)


def _subtract_refund_rounding(figures: Row) -> Row:
    """Subtract what cash rounding added to refunds from the cash rounding of the report."""
    added = figures.pop("refunded_cash_rounding", None)
    return figures | {"cash_rounding": -added} if added else figures


def _split_at_summary(
    days: BusinessDayRange, report_filter: ReportFilter
) -> tuple[QuerySet[SalesHour] | None, BusinessDayRange | None]:
    """Return the summarized hours of the range, and what remains of it."""
    until = report_filter.summarized_until
    if until is None or until <= days.start or not days.has_whole_hours:
        return None, days
    hours = SalesHour.objects.filter(
        store__in=report_filter.stores, hour__gte=days.start, hour__lt=min(until, days.end)
    )
    return hours, days.split_at(until)


def sum_receipts(days: BusinessDayRange, report_filter: ReportFilter) -> Iterator[Row]:
    """Sum all sales and refunds, each receipt once."""
    hours, rest = _split_at_summary(days, report_filter)
    if hours is not None:
        named = {f"sum_{name}": expression for name, expression in HOUR_SUMS.items()}
        row = hours.order_by().aggregate(**named)
        yield {name: row[f"sum_{name}"] for name in HOUR_SUMS}
    for receipts in find_receipts(rest, report_filter) if rest else ():
        named = {f"sum_{name}": expression for name, expression in receipts.sums.items()}
        row = receipts.rows.order_by().aggregate(**named)
        figures = _subtract_refund_rounding({name: row[f"sum_{name}"] for name in receipts.sums})
        yield _subtract(figures) if receipts.is_reversal else figures


class DayNumber(Func):
    """The number of the business day of an hour, beginning with 1, on PostgreSQL."""

    function = "WIDTH_BUCKET"
    output_field = IntegerField()

    def __init__(self, hour: str, starts: list[datetime]) -> None:
        super().__init__(F(hour), Value(starts, output_field=ArrayField(DateTimeField())))


def group_hours_by_day(days: BusinessDayRange, hours: QuerySet[SalesHour]) -> Groups:
    numbered = hours.annotate(day=DayNumber("hour", days.list_starts()))
    for row in sum_groups(numbered, by=("day",), sums=HOUR_SUMS):
        name = (days.first + (row.pop("day") - 1) * DAY).isoformat()
        yield name, name, row


def group_hours_by_hour(days: BusinessDayRange, hours: QuerySet[SalesHour]) -> Groups:
    for row in sum_groups(hours, by=("hour",), sums=HOUR_SUMS):
        name = days.hour_at(row.pop("hour"))
        yield name, name, row


def group_hours_by_days(
    format_label: Callable[[date], str],
) -> Callable[[BusinessDayRange, QuerySet[SalesHour]], Groups]:
    """Group by a period of several days, such as a week."""

    def query(days: BusinessDayRange, hours: QuerySet[SalesHour]) -> Groups:
        for day, _, row in group_hours_by_day(days, hours):
            name = format_label(date.fromisoformat(day))
            yield name, name, row

    return query


def group_hours_by_hour_of_day(days: BusinessDayRange, hours: QuerySet[SalesHour]) -> Groups:
    for row in sum_groups(hours, by=("hour",), sums=HOUR_SUMS):
        name = days.hour_of_day_at(row.pop("hour"))
        yield name, name, row


def group_hours_by_hour_of_week(days: BusinessDayRange, hours: QuerySet[SalesHour]) -> Groups:
    for row in sum_groups(hours, by=("hour",), sums=HOUR_SUMS):
        key = days.hour_of_week_at(row.pop("hour"))
        yield key, format_hour_of_week(key), row


def group_by_time(
    format_label: Callable[[BusinessDayRange, datetime], str],
    group_hours: Callable[[BusinessDayRange, QuerySet[SalesHour]], Groups],
    label_key: Callable[[str], str] = str,
) -> GroupQuery:
    """Group by UTC hour, or by minute where local hours start between UTC hours."""

    def query(days: BusinessDayRange, report_filter: ReportFilter) -> Groups:
        hours, rest = _split_at_summary(days, report_filter)
        if hours is not None:
            yield from group_hours(days, hours)
        for part in rest.split(MAX_DAYS_PER_QUERY) if rest else ():
            begun = TruncHour if part.has_whole_hours else TruncMinute
            for receipts in find_receipts(part, report_filter):
                timed = receipts.rows.annotate(begun=begun(receipts.moment, tzinfo=UTC))
                for row in sum_receipt_groups(receipts._replace(rows=timed), by=("begun",)):
                    name = format_label(days, row.pop("begun"))
                    yield name, label_key(name), row

    return query


def group_by_cashier(days: BusinessDayRange, report_filter: ReportFilter) -> Groups:
    """Group sales by cashier, and refunds by who made them."""
    for receipts in find_receipts(days, report_filter):
        who = receipts.user
        names = (f"{who}_id", f"{who}__display_name", f"{who}__username")
        for row in sum_receipt_groups(receipts, by=names):
            key, display_name, username = (row.pop(name) for name in names)
            yield str(key), display_name or username, row


def group_by_register(days: BusinessDayRange, report_filter: ReportFilter) -> Groups:
    columns = ("register_id", "store__name", "register__name")
    for receipts in find_receipts(days, report_filter):
        for row in sum_receipt_groups(receipts, by=columns):
            key, store, register = (row.pop(name) for name in columns)
            yield str(key), f"{store}, {register}", row


def group_by_store(days: BusinessDayRange, report_filter: ReportFilter) -> Groups:
    names = ("store_id", "store__name")
    hours, rest = _split_at_summary(days, report_filter)
    parts = [] if hours is None else [Receipts(hours, HOUR_SUMS)]
    parts += find_receipts(rest, report_filter) if rest else []
    for receipts in parts:
        for row in sum_receipt_groups(receipts, by=names):
            key, name = (row.pop(each) for each in names)
            yield str(key), name, row


def group_by_product(*, key: str, label: tuple[str, ...], empty_label: str) -> GroupQuery:
    """Group by the present product or category, also for sales under an earlier name."""

    def query(days: BusinessDayRange, report_filter: ReportFilter) -> Groups:
        lines = OrderLine.objects.filter(order__in=filter_orders(days, report_filter))
        refunded = RefundLine.objects.filter(refund__in=filter_refunds(days, report_filter))
        failed = RefundLine.objects.filter(refund__in=filter_reversals(days, report_filter))
        for rows, path, sums in (
            (lines, "", LINE_SUMS),
            (refunded, "line__", REFUND_LINE_SUMS),
            (failed, "line__", REFUND_LINE_SUMS),
        ):
            names = tuple(path + each for each in (key, *label))
            for row in sum_groups(rows, by=names, sums=sums, is_reversal=rows is failed):
                pk, *words = (row.pop(name) for name in names)
                yield str(pk or ""), " ".join(word for word in words if word) or empty_label, row

    return query


def group_by_method(days: BusinessDayRange, report_filter: ReportFilter) -> Groups:
    """Group by payment method. Cash rounding of a sale belongs to cash; that of a refund belongs
    to the method of its payout."""
    sold = filter_orders(days, report_filter)
    payments = Payment.objects.filter(order__in=sold, status=Payment.Status.CAPTURED)
    for row in sum_groups(payments, by=("method",), sums=PAYMENT_SUMS):
        yield *_label_method(row.pop("method")), row
    rounding = sold.aggregate(sum=ExactSum("cash_rounding"))["sum"]
    if rounding:
        yield *_label_method(Payment.Method.CASH), {"cash_rounding": rounding, "total": -rounding}
    for refunds, is_reversal in (
        (filter_refunds(days, report_filter), False),
        (filter_reversals(days, report_filter), True),
    ):
        payouts = Payout.objects.filter(refund__in=refunds)
        for row in sum_groups(payouts, by=("method",), sums=PAYOUT_SUMS, is_reversal=is_reversal):
            row["cash_rounding"] = row.get("refunded_total", ZERO) - row.pop("paid", ZERO)
            yield *_label_method(row.pop("method")), row


def _label_method(method: str) -> tuple[str, str]:
    return method, Payment.Method(method).label


def group_by_tax(days: BusinessDayRange, report_filter: ReportFilter) -> Groups:
    """Group by tax rate, from the taxes stored with each receipt."""
    names = ("refunds", "refunded_taxable", "refunded_tax_total")
    for receipts, (count, taxable, tax) in zip(
        find_receipts(days, report_filter),
        (("orders", "taxable", "tax_total"), names, names),
        strict=True,
    ):
        for (taxes,) in iterate_pages(receipts.rows, "taxes", moment=receipts.moment):
            for rate, (base, amount) in sum_rates(taxes).items():
                figures = {count: 1, taxable: base, tax: amount}
                yield *rate, _subtract(figures) if receipts.is_reversal else figures


def sum_rates(taxes: list[dict[str, Any]]) -> dict[tuple[str, str], tuple[Decimal, Decimal]]:
    """Return taxable amount and tax per rate of one receipt."""
    rates: dict[tuple[str, str], tuple[Decimal, Decimal]] = {}
    for tax in taxes:
        taxable, amount = rates.get(rate := _label_rate(tax), (ZERO, ZERO))
        rates[rate] = (
            taxable + Decimal(tax.get("taxable", "0")),
            amount + Decimal(tax["amount"]),
        )
    return rates


def group_by_discount(days: BusinessDayRange, report_filter: ReportFilter) -> Groups:
    """Group by kind of discount: line discounts, order discounts, price overrides."""
    for _, kind, row in _list_deductions(days, report_filter):
        yield kind, DISCOUNT_LABELS[kind], row


def _list_deductions(days: BusinessDayRange, report_filter: ReportFilter) -> Deductions:
    """Yield the cashier, the kind of discount and the deduction of each order.

    `discount_total` is the reduction from the list price; a raised price counts as zero.
    """
    sold = filter_orders(days, report_filter)
    for person, discounts, total in iterate_pages(
        sold.filter(discount_total__gt=0), "cashier_id", "discounts", "discount_total"
    ):
        order_discounts = sum((Decimal(each["amount"]) for each in discounts), ZERO)
        yield from _build_discount_group(str(person), "line_discount", total - order_discounts)
        yield from _build_discount_group(str(person), "order_discount", order_discounts)
    lines = OrderLine.objects.filter(
        order__in=sold.filter(price_overridden=True), open_price=False
    ).exclude(unit_price=F("list_price"))
    columns = ("order_id", "order__cashier_id", "list_price", "unit_price", "quantity")
    rows = lines.order_by("order_id").values_list(*columns).iterator(chunk_size=500)
    exponent = current_tenant().currency_exponent
    for (_, person), group in groupby(rows, key=itemgetter(0, 1)):
        below = (
            round_to(max(price - typed, ZERO) * quantity, exponent)
            for _, _, price, typed, quantity in group
        )
        row = {"orders": 1, "discount_total": sum(below, ZERO)}
        yield str(person), "price_override", row


def _build_discount_group(person: str, kind: str, amount: Decimal) -> Deductions:
    if amount:
        yield person, kind, {"orders": 1, "discount_total": amount}


def group_by_discount_cashier(days: BusinessDayRange, report_filter: ReportFilter) -> Groups:
    """Group by who sold and kind of discount, also if somebody else approved it."""
    names: dict[str, str] = {}
    deductions: dict[tuple[str, str], Row] = {}
    for person, kind, row in _list_deductions(days, report_filter):
        found = deductions.setdefault((person, kind), {"orders": 0, "discount_total": ZERO})
        for name, value in row.items():
            found[name] += value
    people = User.objects.filter(pk__in={person for person, _ in deductions})
    for pk, display_name, username in people.values_list("pk", "display_name", "username"):
        names[str(pk)] = display_name or username
    for (person, kind), row in deductions.items():
        label = f"{names.get(person, person)}, {DISCOUNT_LABELS[kind].lower()}"
        yield f"{person}:{kind}", label, row


def group_by_refund_reason(days: BusinessDayRange, report_filter: ReportFilter) -> Groups:
    """Group refunds by their reason. A reversal counts against the reason of its refund."""
    _, *refunds = find_receipts(days, report_filter)
    for receipts in refunds:
        for row in sum_receipt_groups(receipts, by=("reason",)):
            reason = row.pop("reason").strip()
            yield reason, reason or "No reason", row


def iterate_pages(
    receipts: QuerySet[Any], *columns: str, moment: str = "completed_at"
) -> Iterator[tuple[Any, ...]]:
    """Yield these columns of all receipts, reading page by page."""
    rows = receipts.order_by(moment, "pk").values_list(moment, "pk", *columns)
    page = list(rows[:PAGE_SIZE])
    while page:
        yield from (row[2:] for row in page)
        if len(page) < PAGE_SIZE:
            return
        at, pk = page[-1][:2]
        after = Q((f"{moment}__gt", at)) | Q((moment, at), pk__gt=pk)
        page = list(rows.filter(after, (f"{moment}__gte", at))[:PAGE_SIZE])


def _label_rate(tax: Mapping[str, Any]) -> tuple[str, str]:
    kind = "included" if tax["included"] else "added"
    name = format_rate(tax)
    return f"{name} {kind}", f"{name} ({kind})"
