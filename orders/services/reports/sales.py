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

from orders.services.reports.business_day import Days
from orders.services.reports.queries import (
    Reader,
    Where,
    by_discount,
    by_goods,
    by_method,
    by_person,
    by_register,
    by_store,
    by_tax,
    by_time,
    of_all,
)
from tenants.api.formats import format_number
from tenants.models import Store
from tenants.scope import current_tenant

NOTHING = Decimal(0)
LONGEST_REPORT = timedelta(days=366)


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
class Sums:
    """Of one group. What came back is beside what was sold, not taken off it."""

    orders: int = 0
    quantity: Decimal = NOTHING
    gross: Decimal = NOTHING
    discount_total: Decimal = NOTHING
    taxable: Decimal = NOTHING
    tax_total: Decimal = NOTHING
    cash_rounding: Decimal = NOTHING
    total: Decimal = NOTHING
    refunds: int = 0
    refunded_quantity: Decimal = NOTHING
    refunded_taxable: Decimal = NOTHING
    refunded_tax_total: Decimal = NOTHING
    refunded_total: Decimal = NOTHING

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


FIGURES = (*Sums.__slots__, "net_tax_total", "net_total")
QUANTITIES = ("quantity", "refunded_quantity")
TAXABLE = ("taxable", "refunded_taxable")
OF_RECEIPTS = frozenset(FIGURES).difference(QUANTITIES, TAXABLE)
OF_GOODS = OF_RECEIPTS.union(QUANTITIES) - {"cash_rounding"}
OF_MONEY = frozenset(("orders", "cash_rounding", "total", "refunds", "refunded_total", "net_total"))
OF_TAXES = frozenset(
    ("orders", "tax_total", "refunds", "refunded_tax_total", "net_tax_total", *TAXABLE)
)
OF_GIFTS = frozenset(("orders", "discount_total"))


@dataclass(frozen=True, slots=True)
class Kind:
    """How the groups of a report are read, and which figures a group has."""

    read: Reader
    figures: frozenset[str] = OF_RECEIPTS


KINDS: Mapping[GroupBy, Kind] = {
    GroupBy.HOUR: Kind(by_time(Days.hour_of)),
    GroupBy.DAY: Kind(by_time(Days.day_at)),
    GroupBy.CASHIER: Kind(by_person),
    GroupBy.REGISTER: Kind(by_register),
    GroupBy.STORE: Kind(by_store),
    GroupBy.PRODUCT: Kind(
        by_goods(
            key="product_id",
            label=("product__sku", "product__name"),
            nothing="Not in the catalog",
        ),
        OF_GOODS,
    ),
    GroupBy.CATEGORY: Kind(
        by_goods(
            key="product__category_id", label=("product__category__name",), nothing="No category"
        ),
        OF_GOODS,
    ),
    GroupBy.METHOD: Kind(by_method, OF_MONEY),
    GroupBy.TAX: Kind(by_tax, OF_TAXES),
    GroupBy.DISCOUNT: Kind(by_discount, OF_GIFTS),
}
Group = tuple[str, str]
Money = Callable[[Decimal], Decimal]


@dataclass(frozen=True, slots=True)
class Report:
    """`total` is of the receipts themselves: each counts once, in however many groups it is."""

    group_by: GroupBy
    first: date
    last: date
    groups: Mapping[Group, Sums] = field(default_factory=dict)
    total: Sums = field(default_factory=Sums)

    def shown_rows(self) -> Iterator[dict[str, Any]]:
        """By name, and hours by time: the clock shows some twice, and clocks differ.

        Each is written when it is asked for, then also out of the scope.
        """
        figures, money = KINDS[self.group_by].figures, current_tenant().quantize_amount
        groups = sorted(self.groups.items(), key=_place_of(self.group_by))
        return (
            {"key": key, "label": label} | _shown(sums, figures, money)
            for (key, label), sums in groups
        )

    def shown_total(self) -> dict[str, Any]:
        figures = OF_RECEIPTS.union(KINDS[self.group_by].figures).difference(TAXABLE)
        return _shown(self.total, figures, current_tenant().quantize_amount)


def sales_report(
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
    groups: dict[Group, Sums] = defaultdict(Sums)
    total = Sums()
    clocks = _by_clock(stores, first, last)
    for days, ids in clocks.items():
        where = Where(ids, person)
        for key, label, row in KINDS[group_by].read(days, where):
            groups[key, label].add(row)
        for row in of_all(days, where):
            total.add(row)
    for name in QUANTITIES:
        setattr(total, name, sum((getattr(sums, name) for sums in groups.values()), NOTHING))
    today = timezone.localdate(timezone=ZoneInfo(current_tenant().timezone))
    begins = min((days.first for days in clocks), default=first or today)
    ends = max((days.last for days in clocks), default=last or begins)
    return Report(group_by, begins, ends, groups, total)


def _by_clock(
    stores: Iterable[Store], first: date | None, last: date | None
) -> dict[Days, list[uuid.UUID]]:
    """Stores that have the same days are asked for together."""
    now = timezone.now()
    found: dict[Days, list[uuid.UUID]] = defaultdict(list)
    for store in stores:
        begins = first or store.business_days.day_at(now)
        found[Days(store.business_days, begins, last or begins)].append(store.pk)
    return found


def _place_of(group_by: GroupBy) -> Callable[[tuple[Group, Sums]], Any]:
    if group_by is GroupBy.HOUR:
        return lambda group: datetime.fromisoformat(group[0][0])
    return lambda group: (group[0][1], group[0][0])


def _shown(sums: Sums, figures: frozenset[str], money: Money) -> dict[str, Any]:
    """As texts in the shop's currency; what such a group does not have is None, not nothing."""
    return {
        name: _text(name, getattr(sums, name), money) if name in figures else None
        for name in FIGURES
    }


def _text(name: str, value: Any, money: Money) -> Any:
    if isinstance(value, int):
        return value
    return format_number(value) if name in QUANTITIES else str(money(value))
