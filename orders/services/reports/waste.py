"""Waste report: what was thrown away, by reason and by product, with its value at cost."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from functools import reduce
from operator import or_
from typing import Any

from django.db.models import Count, F, Q, Sum
from django.utils import timezone

from orders.models import StockMovement
from orders.models.columns import to_thousandths
from orders.services.reports.business_day import BusinessDayRange
from tenants.models import Store
from tenants.scope import current_tenant

MAX_PRODUCTS = 50
NO_REASON = "No reason"


@dataclass(frozen=True, slots=True)
class WasteRow:
    """A reason or a product. Quantities of several products are in several units."""

    # The code of the reason, or the id of the product.
    key: str
    label: str
    sku: str
    times: int
    quantity: Decimal
    # At the cost of today, of the products with a known cost.
    cost_total: Decimal
    times_without_cost: int


@dataclass(frozen=True, slots=True)
class WasteReport:
    """The waste of business days, most valuable first."""

    by_reason: list[WasteRow]
    by_product: list[WasteRow]

    @property
    def cost_total(self) -> Decimal:
        total = sum((row.cost_total for row in self.by_reason), Decimal(0))
        return current_tenant().quantize_amount(total)

    @property
    def times(self) -> int:
        return sum(row.times for row in self.by_reason)

    @property
    def times_without_cost(self) -> int:
        return sum(row.times_without_cost for row in self.by_reason)


def build_waste_report(
    stores: Sequence[Store], first: date | None, last: date | None = None
) -> WasteReport:
    """Sum the waste of the business days of these stores, with two queries.

    Without days it is that of the current one of each store.
    """
    if not stores:
        return WasteReport([], [])
    ranges = {store.pk: build_range(store, first, last) for store in stores}
    days = [
        Q(store=store, occurred_at__gte=days.start, occurred_at__lt=days.end)
        for store, days in ranges.items()
    ]
    wasted = StockMovement.objects.filter(
        reduce(or_, days),
        type=StockMovement.Type.WASTE,
        # For the index.
        occurred_at__gte=min(days.start for days in ranges.values()),
        occurred_at__lt=max(days.end for days in ranges.values()),
    )
    by_reason = sum_waste(wasted.values("waste_reason"))
    names = dict(StockMovement.WasteReason.choices)
    by_product = sum_waste(wasted.values("product", "product__name", "product__sku"))
    return WasteReport(
        [
            build_row(row, row["waste_reason"] or "", names.get(row["waste_reason"], NO_REASON))
            for row in by_reason
        ],
        [
            build_row(row, str(row["product"]), row["product__name"], row["product__sku"])
            for row in by_product[:MAX_PRODUCTS]
        ],
    )


def build_range(store: Store, first: date | None, last: date | None) -> BusinessDayRange:
    first = first or store.business_days.day_at(timezone.now())
    return BusinessDayRange(store.business_days, first, last or first)


def sum_waste(groups: Any) -> Any:
    """Return the sums of each group, the most valuable first.

    Waste is negative. A refund that has failed takes its waste back by a positive movement.
    """
    wasted, taken_back = Q(quantity__lt=0), Q(quantity__gt=0)
    without_cost = Q(product__cost__isnull=True)
    return groups.annotate(
        times=Count("id", filter=wasted) - Count("id", filter=taken_back),
        moved=Sum("quantity"),
        moved_value=Sum(F("quantity") * F("product__cost")),
        times_without_cost=Count("id", filter=wasted & without_cost)
        - Count("id", filter=taken_back & without_cost),
    ).order_by(F("moved_value").asc(nulls_last=True), "moved")


def build_row(row: dict[str, Any], key: str, label: str, sku: str = "") -> WasteRow:
    return WasteRow(
        key,
        label,
        sku,
        row["times"],
        to_thousandths(-row["moved"]),
        current_tenant().quantize_amount(-(row["moved_value"] or Decimal(0))),
        row["times_without_cost"],
    )
