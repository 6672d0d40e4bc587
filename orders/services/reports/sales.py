"""Sales report by time, goods, people, places, payment methods, taxes, discounts or refunds."""

import uuid
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import Any
from zoneinfo import ZoneInfo

from django.utils import timezone

from orders.services.reports.business_day import (
    BusinessDayRange,
    format_hour_of_week,
    format_month,
    format_week,
)
from orders.services.reports.queries import (
    GroupQuery,
    ReportFilter,
    group_by_cashier,
    group_by_discount,
    group_by_discount_cashier,
    group_by_method,
    group_by_product,
    group_by_refund_reason,
    group_by_register,
    group_by_store,
    group_by_tax,
    group_by_time,
    group_hours_by_day,
    group_hours_by_days,
    group_hours_by_hour,
    group_hours_by_hour_of_day,
    group_hours_by_hour_of_week,
    sum_receipts,
)
from orders.services.reports.summary import find_summary_end
from tenants.api.formats import format_number
from tenants.models import Store
from tenants.scope import current_tenant
from tenants.workbook import Quantity

ZERO = Decimal(0)
MAX_REPORT_PERIOD = timedelta(days=366)


class GroupBy(StrEnum):
    HOUR = "hour"
    HOUR_OF_DAY = "hour_of_day"
    HOUR_OF_WEEK = "hour_of_week"
    DAY = "day"
    WEEK = "week"
    MONTH = "month"
    PRODUCT = "product"
    CATEGORY = "category"
    CASHIER = "cashier"
    REGISTER = "register"
    STORE = "store"
    METHOD = "method"
    TAX = "tax"
    DISCOUNT = "discount"
    DISCOUNT_CASHIER = "discount_cashier"
    REFUND_REASON = "refund_reason"


@dataclass(slots=True)
class Totals:
    """Totals of one group. Refunds are separate from sales, not subtracted."""

    orders: int = 0
    quantity: Decimal = ZERO
    gross: Decimal = ZERO
    discount_total: Decimal = ZERO
    taxable: Decimal = ZERO
    tax_total: Decimal = ZERO
    cash_rounding: Decimal = ZERO
    total: Decimal = ZERO
    refunds: int = 0
    refunded_quantity: Decimal = ZERO
    refunded_taxable: Decimal = ZERO
    refunded_tax_total: Decimal = ZERO
    refunded_total: Decimal = ZERO

    def add(self, row: Mapping[str, Any]) -> None:
        for name, value in row.items():
            if value:
                setattr(self, name, getattr(self, name) + value)

    @property
    def net_tax_total(self) -> Decimal:
        return self.tax_total - self.refunded_tax_total

    @property
    def net_total(self) -> Decimal:
        """Return sales with cash rounding, less refunds."""
        return self.total + self.cash_rounding - self.refunded_total


FIGURES = (*Totals.__slots__, "net_tax_total", "net_total")
QUANTITIES = ("quantity", "refunded_quantity")
TAXABLE = ("taxable", "refunded_taxable")
RECEIPT_FIGURES = frozenset(FIGURES).difference(QUANTITIES, TAXABLE)
PRODUCT_FIGURES = RECEIPT_FIGURES.union(QUANTITIES) - {"cash_rounding"}
METHOD_FIGURES = frozenset(
    ("orders", "cash_rounding", "total", "refunds", "refunded_total", "net_total")
)
TAX_FIGURES = frozenset(
    ("orders", "tax_total", "refunds", "refunded_tax_total", "net_tax_total", *TAXABLE)
)
DISCOUNT_FIGURES = frozenset(("orders", "discount_total"))
REFUND_FIGURES = frozenset(("refunds", "refunded_total", "refunded_tax_total"))


@dataclass(frozen=True, slots=True)
class Grouping:
    """The query of a grouping, and the figures that its groups have."""

    query: GroupQuery
    figures: frozenset[str] = RECEIPT_FIGURES


GROUPINGS: Mapping[GroupBy, Grouping] = {
    GroupBy.HOUR: Grouping(group_by_time(BusinessDayRange.hour_at, group_hours_by_hour)),
    GroupBy.HOUR_OF_DAY: Grouping(
        group_by_time(BusinessDayRange.hour_of_day_at, group_hours_by_hour_of_day)
    ),
    GroupBy.HOUR_OF_WEEK: Grouping(
        group_by_time(
            BusinessDayRange.hour_of_week_at, group_hours_by_hour_of_week, format_hour_of_week
        )
    ),
    GroupBy.DAY: Grouping(group_by_time(BusinessDayRange.day_at, group_hours_by_day)),
    GroupBy.WEEK: Grouping(
        group_by_time(BusinessDayRange.week_at, group_hours_by_days(format_week))
    ),
    GroupBy.MONTH: Grouping(
        group_by_time(BusinessDayRange.month_at, group_hours_by_days(format_month))
    ),
    GroupBy.CASHIER: Grouping(group_by_cashier),
    GroupBy.REGISTER: Grouping(group_by_register),
    GroupBy.STORE: Grouping(group_by_store),
    GroupBy.PRODUCT: Grouping(
        group_by_product(
            key="product_id",
            label=("product__sku", "product__name"),
            empty_label="Not in the catalog",
        ),
        PRODUCT_FIGURES,
    ),
    GroupBy.CATEGORY: Grouping(
        group_by_product(
            key="product__category_id",
            label=("product__category__name",),
            empty_label="No category",
        ),
        PRODUCT_FIGURES,
    ),
    GroupBy.METHOD: Grouping(group_by_method, METHOD_FIGURES),
    GroupBy.TAX: Grouping(group_by_tax, TAX_FIGURES),
    GroupBy.DISCOUNT: Grouping(group_by_discount, DISCOUNT_FIGURES),
    GroupBy.DISCOUNT_CASHIER: Grouping(group_by_discount_cashier, DISCOUNT_FIGURES),
    GroupBy.REFUND_REASON: Grouping(group_by_refund_reason, REFUND_FIGURES),
}
TIMES = frozenset(
    (
        *(GroupBy.HOUR, GroupBy.HOUR_OF_DAY, GroupBy.HOUR_OF_WEEK),
        *(GroupBy.DAY, GroupBy.WEEK, GroupBy.MONTH),
    )
)
MAIN_FIGURES = {
    GroupBy.TAX: "tax_total",
    GroupBy.DISCOUNT: "discount_total",
    GroupBy.DISCOUNT_CASHIER: "discount_total",
    GroupBy.REFUND_REASON: "refunded_total",
}
Group = tuple[str, str]
Money = Callable[[Decimal], Decimal]


@dataclass(frozen=True, slots=True)
class Report:
    """A sales report. `total` counts each receipt once, even if it is part of several groups."""

    group_by: GroupBy
    first: date
    last: date
    groups: Mapping[Group, Totals] = field(default_factory=dict)
    total: Totals = field(default_factory=Totals)

    @property
    def is_by_time(self) -> bool:
        return self.group_by in TIMES

    @property
    def main_figure(self) -> str:
        """Return the figure that says most about a group: what was sold, taxed or deducted."""
        return MAIN_FIGURES.get(self.group_by, "total")

    def sort_groups(self, *, largest_first: bool = False) -> list[tuple[Group, Totals]]:
        """Return the groups by label, and hours by time.

        With `largest_first`, those that are not parts of time are sorted by their main figure.
        """
        groups = sorted(self.groups.items(), key=_sort_key(self.group_by))
        if largest_first and not self.is_by_time:
            groups.sort(key=lambda group: getattr(group[1], self.main_figure), reverse=True)
        return groups

    def format_rows(self, *, largest_first: bool = False) -> Iterator[dict[str, Any]]:
        """Yield the groups as dicts of strings, in the order of `sort_groups`.

        Rows are formatted lazily; the iterator also works outside of the tenant scope.
        """
        figures, money = GROUPINGS[self.group_by].figures, current_tenant().quantize_amount
        groups = self.sort_groups(largest_first=largest_first)
        return (
            {"key": key, "label": label} | _format_figures(totals, figures, money)
            for (key, label), totals in groups
        )

    def list_cells(self, *, largest_first: bool = False) -> Iterator[list[Any]]:
        """Yield key, label and the figures that the grouping has, as numbers."""
        money = current_tenant().quantize_amount
        for (key, label), totals in self.sort_groups(largest_first=largest_first):
            values = {name: getattr(totals, name) for name in self.figures}
            yield [
                key,
                label,
                *(
                    value
                    if isinstance(value, int)
                    else Quantity(value)
                    if name in QUANTITIES
                    else money(value)
                    for name, value in values.items()
                ),
            ]

    @property
    def figures(self) -> list[str]:
        """Return the names of the figures that the groups have, in the order of their columns."""
        return [name for name in FIGURES if name in GROUPINGS[self.group_by].figures]

    def format_total(self) -> dict[str, Any]:
        figures = RECEIPT_FIGURES.union(GROUPINGS[self.group_by].figures).difference(TAXABLE)
        return _format_figures(self.total, figures, current_tenant().quantize_amount)


def build_sales_report(
    group_by: GroupBy,
    stores: Iterable[Store],
    first: date | None = None,
    last: date | None = None,
    person: uuid.UUID | None = None,
) -> Report:
    """Build the report of these stores for a range of business days, both inclusive.

    Each store has its own time zone and start of day. Without `first`, each store reports its
    present business day. `person` limits the report to the sales and refunds of one user.
    """
    groups: dict[Group, Totals] = defaultdict(Totals)
    total = Totals()
    stores_by_days = _group_stores_by_days(stores, first, last)
    summarized_until = find_summary_end() if person is None else None
    for days, ids in stores_by_days.items():
        report_filter = ReportFilter(ids, person, summarized_until)
        for key, label, row in GROUPINGS[group_by].query(days, report_filter):
            groups[key, label].add(row)
        for row in sum_receipts(days, report_filter):
            total.add(row)
    for name in QUANTITIES:
        setattr(total, name, sum((getattr(totals, name) for totals in groups.values()), ZERO))
    today = timezone.localdate(timezone=ZoneInfo(current_tenant().timezone))
    begins = min((days.first for days in stores_by_days), default=first or today)
    ends = max((days.last for days in stores_by_days), default=last or begins)
    return Report(group_by, begins, ends, groups, total)


def _group_stores_by_days(
    stores: Iterable[Store], first: date | None, last: date | None
) -> dict[BusinessDayRange, list[uuid.UUID]]:
    """Group stores with the same days, for one query each."""
    now = timezone.now()
    found: dict[BusinessDayRange, list[uuid.UUID]] = defaultdict(list)
    for store in stores:
        begins = first or store.business_days.day_at(now)
        found[BusinessDayRange(store.business_days, begins, last or begins)].append(store.pk)
    return found


def _sort_key(group_by: GroupBy) -> Callable[[tuple[Group, Totals]], Any]:
    if group_by is GroupBy.HOUR:
        return lambda group: datetime.fromisoformat(group[0][0])
    if group_by is GroupBy.HOUR_OF_WEEK:
        return lambda group: group[0][0]
    return lambda group: (group[0][1], group[0][0])


def _format_figures(totals: Totals, figures: frozenset[str], money: Money) -> dict[str, Any]:
    """Format figures as strings; a figure that the grouping does not have is None, not zero."""
    return {
        name: _format_figure(name, getattr(totals, name), money) if name in figures else None
        for name in FIGURES
    }


def _format_figure(name: str, value: Any, money: Money) -> Any:
    if isinstance(value, int):
        return value
    return format_number(value) if name in QUANTITIES else str(money(value))
