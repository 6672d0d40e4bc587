"""What was sold, by whatever one asks: in the store's own days, to the cent of its receipts."""

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

from orders.services.reports.business_day import BusinessDayRange
from orders.services.reports.queries import (
    GroupQuery,
    ReportFilter,
    group_by_cashier,
    group_by_discount,
    group_by_method,
    group_by_product,
    group_by_register,
    group_by_store,
    group_by_tax,
    group_by_time,
    sum_receipts,
)
from tenants.api.formats import format_number
from tenants.models import Store
from tenants.scope import current_tenant

ZERO = Decimal(0)
MAX_REPORT_PERIOD = timedelta(days=366)


class GroupBy(StrEnum):
    HOUR = "hour"
    DAY = "day"
    PRODUCT = "product"
    CATEGORY = "category"
    CASHIER = "cashier"
    REGISTER = "register"
    STORE = "store"
    METHOD = "method"
    TAX = "tax"
    DISCOUNT = "discount"


@dataclass(slots=True)
class Totals:
    """Of one group. What came back is beside what was sold, not taken off it."""

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
        """What stayed with the shop."""
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


@dataclass(frozen=True, slots=True)
class Grouping:
    """How the groups of a report are read, and which figures a group has."""

    read: GroupQuery
    figures: frozenset[str] = RECEIPT_FIGURES


GROUPINGS: Mapping[GroupBy, Grouping] = {
    GroupBy.HOUR: Grouping(group_by_time(BusinessDayRange.hour_of)),
    GroupBy.DAY: Grouping(group_by_time(BusinessDayRange.day_at)),
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
}
Group = tuple[str, str]
Money = Callable[[Decimal], Decimal]


@dataclass(frozen=True, slots=True)
class Report:
    """`total` is of the receipts themselves: each counts once, in however many groups it is."""

    group_by: GroupBy
    first: date
    last: date
    groups: Mapping[Group, Totals] = field(default_factory=dict)
    total: Totals = field(default_factory=Totals)

    def format_rows(self) -> Iterator[dict[str, Any]]:
        """By name, and hours by time: the clock shows some twice, and clocks differ.

        Each is written when it is asked for, then also out of the scope.
        """
        figures, money = GROUPINGS[self.group_by].figures, current_tenant().quantize_amount
        groups = sorted(self.groups.items(), key=_sort_key(self.group_by))
        return (
            {"key": key, "label": label} | _format_figures(totals, figures, money)
            for (key, label), totals in groups
        )

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
    """The business days from the first to the last, of these stores, each by its own clock.

    Of one person it is what that person sold and gave back.

    Without a first day it is the one that each store has now.
    """
    groups: dict[Group, Totals] = defaultdict(Totals)
    total = Totals()
    clocks = _group_stores_by_days(stores, first, last)
    for days, ids in clocks.items():
        report_filter = ReportFilter(ids, person)
        for key, label, row in GROUPINGS[group_by].read(days, report_filter):
            groups[key, label].add(row)
        for row in sum_receipts(days, report_filter):
            total.add(row)
    for name in QUANTITIES:
        setattr(total, name, sum((getattr(totals, name) for totals in groups.values()), ZERO))
    today = timezone.localdate(timezone=ZoneInfo(current_tenant().timezone))
    begins = min((days.first for days in clocks), default=first or today)
    ends = max((days.last for days in clocks), default=last or begins)
    return Report(group_by, begins, ends, groups, total)


def _group_stores_by_days(
    stores: Iterable[Store], first: date | None, last: date | None
) -> dict[BusinessDayRange, list[uuid.UUID]]:
    """Stores that have the same days are asked for together."""
    now = timezone.now()
    found: dict[BusinessDayRange, list[uuid.UUID]] = defaultdict(list)
    for store in stores:
        begins = first or store.business_days.day_at(now)
        found[BusinessDayRange(store.business_days, begins, last or begins)].append(store.pk)
    return found


def _sort_key(group_by: GroupBy) -> Callable[[tuple[Group, Totals]], Any]:
    if group_by is GroupBy.HOUR:
        return lambda group: datetime.fromisoformat(group[0][0])
    return lambda group: (group[0][1], group[0][0])


def _format_figures(totals: Totals, figures: frozenset[str], money: Money) -> dict[str, Any]:
    """As texts in the shop's currency; what such a group does not have is None, not nothing."""
    return {
        name: _format_figure(name, getattr(totals, name), money) if name in figures else None
        for name in FIGURES
    }


def _format_figure(name: str, value: Any, money: Money) -> Any:
    if isinstance(value, int):
        return value
    return format_number(value) if name in QUANTITIES else str(money(value))
