"""Reports of goods: low stock, stock that did not sell, and margins. Costs are those of today.

The lines of orders store no cost, so that a changed cost changes the margins of earlier sales, too.
"""

import csv
import io
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, fields
from datetime import date
from decimal import Decimal
from functools import reduce
from operator import or_
from typing import Any
from zoneinfo import ZoneInfo

from django.db.models import F, Q, Sum
from django.utils import timezone

from orders.models import Product, StockLevel, StockMovement
from orders.models.columns import to_thousandths
from orders.services.reports.business_day import BusinessDayRange
from orders.services.reports.sales import GroupBy, build_sales_report
from orders.services.stock.transfers import sum_in_transit
from tenants.api.formats import format_number
from tenants.csv import escape_formula
from tenants.models import Store
from tenants.scope import current_tenant
from tenants.workbook import Cell, Quantity, Sheet, write_workbook

ZERO = Decimal(0)
HUNDRED = Decimal(100)
TENTH = Decimal("0.1")


@dataclass(frozen=True, slots=True)
class LowStockRow:
    """A level at or below its reorder point."""

    product: str
    sku: str
    name: str
    store: str
    store_name: str
    quantity: Quantity
    reorder_point: Quantity
    # What lacks to the reorder point, and what is on the way from other stores.
    missing: Quantity
    in_transit: Quantity


@dataclass(frozen=True, slots=True)
class DeadStockRow:
    """A level above zero that was there before the period, without a sale in it."""

    product: str
    sku: str
    name: str
    store: str
    store_name: str
    quantity: Quantity
    # Null if the cost of the product is not known.
    cost_total: Decimal | None


@dataclass(frozen=True, slots=True)
class MarginRow:
    """What a product has earned: sales less refunds, without taxes, less cost."""

    product: str
    sku: str
    name: str
    quantity: Quantity
    net_sales: Decimal
    # Null if the cost of the product is not known.
    cost_total: Decimal | None
    margin: Decimal | None
    # Null also without sales.
    margin_percent: Decimal | None


@dataclass(frozen=True, slots=True)
class GoodsReport:
    """The rows of a report, the most important first, and the sums of all rows.

    `row_count` is the number of all rows.
    """

    name: str
    kind: type[Any]
    rows: Sequence[Any]
    row_count: int = 0
    totals: "GoodsTotals | None" = None

    @property
    def columns(self) -> list[str]:
        return [field.name for field in fields(self.kind)]

    def list_cells(self) -> Iterator[list[Cell]]:
        return ([getattr(row, name) for name in self.columns] for row in self.rows)


@dataclass(frozen=True, slots=True)
class GoodsTotals:
    """Sums of the rows with a known cost, and how many have none."""

    cost_total: Decimal
    net_sales: Decimal = ZERO
    margin: Decimal = ZERO
    margin_percent: Decimal | None = None
    without_cost: int = 0


def build_low_stock_report(stores: Sequence[Store], limit: int | None = None) -> GoodsReport:
    """List the levels of these stores at or below their reorder point, with three queries."""
    levels = StockLevel.objects.low().filter(store__in=stores).select_related("product", "store")
    levels = levels.filter(product__track_stock=True)
    ordered = list(levels.order_by("store__name", "product__name", "pk")[:limit])
    on_the_way = sum_in_transit([level.product_id for level in ordered])
    rows = [
        LowStockRow(
            *describe(level),
            Quantity(level.quantity),
            Quantity(level.reorder_point),
            Quantity(level.reorder_point - level.quantity),
            Quantity(on_the_way.get((level.store_id, level.product_id), ZERO)),
        )
        for level in ordered
    ]
    return GoodsReport("low-stock", LowStockRow, rows, levels.count() if limit else len(rows))


def build_dead_stock_report(
    stores: Sequence[Store], first: date, last: date, limit: int | None = None
) -> GoodsReport:
    """List stock that was there before these business days and of which none was sold in them.

    The most valuable comes first. Takes three queries.
    """
    if not stores:
        return GoodsReport("dead-stock", DeadStockRow, [], 0, GoodsTotals(ZERO))
    levels = StockLevel.objects.filter(
        reduce(or_, [filter_unsold(store, first, last) for store in stores]),
        quantity__gt=0,
        product__track_stock=True,
    )
    valued = levels.annotate(value=F("quantity") * F("product__cost"))
    ordered = valued.select_related("product", "store").order_by(
        F("value").desc(nulls_last=True), "-quantity", "pk"
    )
    money = current_tenant().quantize_amount
    rows = [
        DeadStockRow(
            *describe(level),
            Quantity(level.quantity),
            None if level.product.cost is None else money(level.quantity * level.product.cost),
        )
        for level in ordered[:limit]
    ]
    count, unknown = levels.count(), levels.filter(product__cost__isnull=True).count()
    value = valued.aggregate(sum=Sum("value"))["sum"] or ZERO
    totals = GoodsTotals(money(value), without_cost=unknown)
    return GoodsReport("dead-stock", DeadStockRow, rows, count, totals)


def filter_unsold(store: Store, first: date, last: date) -> Q:
    """Return the filter for the levels of a store that are older than the days, without a sale."""
    days = BusinessDayRange(store.business_days, first, last)
    sold = StockMovement.objects.since(days.start).filter(
        store=store, type=StockMovement.Type.SALE, occurred_at__lt=days.end
    )
    return Q(store=store, created_at__lt=days.start) & ~Q(product__in=sold.values("product"))


def build_margin_report(
    stores: Sequence[Store],
    first: date | None = None,
    last: date | None = None,
    limit: int | None = None,
) -> GoodsReport:
    """List what each product earned in these business days, the highest margin first.

    Sales of goods that are not in the catalog have no cost.
    """
    sold = build_sales_report(GroupBy.PRODUCT, stores, first, last)
    ids = [key for key, _ in sold.groups if key]
    products = Product.objects.filter(pk__in=ids).only("sku", "name", "cost")
    by_id = {str(product.pk): product for product in products}
    money = current_tenant().quantize_amount
    rows = []
    for (key, label), totals in sold.groups.items():
        product = by_id.get(key)
        cost = None if product is None else product.cost
        quantity = totals.quantity - totals.refunded_quantity
        taken = totals.total - totals.tax_total
        net_sales = money(taken - totals.refunded_total + totals.refunded_tax_total)
        cost_total = None if cost is None else money(cost * quantity)
        margin = None if cost_total is None else net_sales - cost_total
        rows.append(
            MarginRow(
                key,
                product.sku if product else "",
                product.name if product else label,
                Quantity(to_thousandths(quantity)),
                net_sales,
                cost_total,
                margin,
                compute_percent(margin, net_sales),
            )
        )
    rows.sort(key=lambda row: (row.margin is None, -(row.margin or ZERO), row.name))
    totals_of_all = sum_margins(rows)
    return GoodsReport("margins", MarginRow, rows[:limit], len(rows), totals_of_all)


def sum_margins(rows: Iterable[MarginRow]) -> GoodsTotals:
    """Return the sums of the rows with a known cost."""
    known = [row for row in rows if row.margin is not None]
    unknown = sum(row.margin is None for row in rows)
    money = current_tenant().quantize_amount
    net_sales = money(sum((row.net_sales for row in known), ZERO))
    cost_total = money(sum((row.cost_total or ZERO for row in known), ZERO))
    margin = net_sales - cost_total
    percent = compute_percent(margin, net_sales)
    return GoodsTotals(cost_total, net_sales, margin, percent, without_cost=unknown)


def compute_percent(margin: Decimal | None, net_sales: Decimal) -> Decimal | None:
    """Return the margin in percent of the sales, to a tenth; null if nothing was sold."""
    if margin is None or net_sales <= 0:
        return None
    return (margin * HUNDRED / net_sales).quantize(TENTH)


def describe(level: StockLevel) -> tuple[str, str, str, str, str]:
    product, store = level.product, level.store
    return str(product.pk), product.sku, product.name, str(store.pk), store.name


def find_current_day(stores: Sequence[Store]) -> date:
    """Return the business day of now; of several stores the earliest, which all have begun."""
    now = timezone.now()
    days = [store.business_days.day_at(now) for store in stores if store.is_active]
    return min(days, default=timezone.localdate(timezone=ZoneInfo(current_tenant().timezone)))


# --- files ---------------------------------------------------------------------------------------


def build_file_name(report: GoodsReport, extension: str) -> str:
    return f"{current_tenant().slug}-{report.name}.{extension}"


def build_csv(report: GoodsReport) -> str:
    """Return the rows as CSV; texts are escaped against formulas, numbers have a point."""
    text = io.StringIO(newline="")
    rows = ([format_cell(cell) for cell in cells] for cells in report.list_cells())
    csv.writer(text).writerows([report.columns, *rows])
    return text.getvalue()


def format_cell(cell: Cell) -> str:
    if isinstance(cell, str):
        return escape_formula(cell)
    if isinstance(cell, Quantity):
        return format_number(cell)
    return "" if cell is None else str(cell)


def build_workbook(report: GoodsReport) -> bytes:
    title = report.name.replace("-", " ").capitalize()
    sheet = Sheet(title, report.columns, report.list_cells())
    return write_workbook([sheet], decimals=current_tenant().currency_exponent)
