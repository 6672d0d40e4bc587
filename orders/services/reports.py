"""What was sold, by whatever one asks: in the store's own days, to the cent of its receipts."""

import uuid
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import Any

from django.db.models import Count, QuerySet, Sum
from django.db.models.functions import TruncMinute

from orders.models import Order, OrderLine, Payment, Payout, Refund, RefundLine
from orders.services.business_days import Days
from tenants.models import Store
from tenants.scope import current_tenant

NOTHING = Decimal(0)
LONGEST = timedelta(days=366)
Row = dict[str, Any]


class GroupBy(StrEnum):
    HOUR = "hour"
    DAY = "day"
    PRODUCT = "product"
    CATEGORY = "category"
    CASHIER = "cashier"
    REGISTER = "register"
    METHOD = "method"
    TAX = "tax"


@dataclass(slots=True)
class Sums:
    """Of one group. What came back is beside what was sold, not taken off it."""

    orders: int = 0
    quantity: Decimal = NOTHING
    gross: Decimal = NOTHING
    discount_total: Decimal = NOTHING
    tax_total: Decimal = NOTHING
    cash_rounding: Decimal = NOTHING
    total: Decimal = NOTHING
    refunds: int = 0
    refunded_quantity: Decimal = NOTHING
    refunded_tax_total: Decimal = NOTHING
    refunded_total: Decimal = NOTHING

    def add(self, row: Mapping[str, Any]) -> None:
        for name in Sums.__slots__:
            if row.get(name):
                setattr(self, name, getattr(self, name) + row[name])


@dataclass(frozen=True, slots=True)
class Report:
    group_by: GroupBy
    first: date
    last: date
    rows: list[tuple[str, str, Sums]] = field(default_factory=list)

    @property
    def total(self) -> Sums:
        total = Sums()
        for _, _, sums in self.rows:
            total.add({name: getattr(sums, name) for name in Sums.__slots__})
        return total


def sales_report(group_by: GroupBy, first: date, last: date, stores: Iterable[Store]) -> Report:
    """The business days from the first to the last, of these stores, each by its own clock."""
    groups: dict[tuple[str, str], Sums] = defaultdict(Sums)
    for days, ids in _by_clock(stores, first, last).items():
        for key, label, row in READERS[group_by](days, ids):
            groups[key, label].add(row)
    rows = [(key, label, sums) for (key, label), sums in groups.items()]
    return Report(group_by, first, last, sorted(rows, key=lambda row: (row[1], row[0])))


def _by_clock(stores: Iterable[Store], first: date, last: date) -> dict[Days, list[uuid.UUID]]:
    """Stores that have the same days are asked for together."""
    found: dict[Days, list[uuid.UUID]] = defaultdict(list)
    for store in stores:
        found[Days(store.clock, store.day_starts_at, first, last)].append(store.pk)
    return found


Found = Iterator[tuple[str, str, Row]]
Reader = Callable[[Days, list[uuid.UUID]], Found]
OF_ORDERS = {
    "orders": Count("pk"),
    "gross": Sum("subtotal"),
    "discount_total": Sum("discount_total"),
    "tax_total": Sum("tax_total"),
    "cash_rounding": Sum("cash_rounding"),
    "total": Sum("total"),
}
OF_REFUNDS = {
    "refunds": Count("pk"),
    "refunded_tax_total": Sum("tax_total"),
    "refunded_total": Sum("total"),
    "cash_rounding": Sum("cash_rounding") * -1,
}


def _sold(days: Days, stores: list[uuid.UUID]) -> QuerySet[Order]:
    return Order.objects.sold().filter(
        store__in=stores, completed_at__gte=days.begins, completed_at__lt=days.ends
    )


def _taken_back(days: Days, stores: list[uuid.UUID]) -> QuerySet[Refund]:
    return Refund.objects.filter(
        status=Refund.Status.DONE,
        store__in=stores,
        completed_at__gte=days.begins,
        completed_at__lt=days.ends,
    )


def _summed(rows: Any, *, by: tuple[str, ...], sums: Mapping[str, Any]) -> Iterator[Row]:
    """Grouped in the database; aliases that a model has as a field too are kept apart there."""
    named = {f"sum_{name}": expression for name, expression in sums.items()}
    for row in rows.order_by().values(*by).annotate(**named):
        yield {**{name: row[f"sum_{name}"] for name in sums}, **{each: row[each] for each in by}}


def _by_time(name_of: Callable[[Days, datetime], str]) -> Reader:
    def read(days: Days, stores: list[uuid.UUID]) -> Found:
        minute = TruncMinute("completed_at", tzinfo=UTC)
        for rows, sums in (
            (_sold(days, stores), OF_ORDERS),
            (_taken_back(days, stores), OF_REFUNDS),
        ):
            for row in _summed(rows.annotate(minute=minute), by=("minute",), sums=sums):
                name = name_of(days, row["minute"])
                yield name, name, row

    return read


def _by_person(days: Days, stores: list[uuid.UUID]) -> Found:
    who = ("cashier_id", "cashier__username", "cashier__display_name")
    for row in _summed(_sold(days, stores), by=who, sums=OF_ORDERS):
        yield _person(row, "cashier")
    who = ("by_id", "by__username", "by__display_name")
    for row in _summed(_taken_back(days, stores), by=who, sums=OF_REFUNDS):
        yield _person(row, "by")


def _person(row: Row, column: str) -> tuple[str, str, Row]:
    name = row[f"{column}__display_name"] or row[f"{column}__username"]
    return str(row[f"{column}_id"]), name, row


def _by_register(days: Days, stores: list[uuid.UUID]) -> Found:
    where = ("register_id", "register__name", "store__name")
    for rows, sums in ((_sold(days, stores), OF_ORDERS), (_taken_back(days, stores), OF_REFUNDS)):
        for row in _summed(rows, by=where, sums=sums):
            name = f"{row['store__name']}, {row['register__name']}"
            yield str(row["register_id"]), name, row


OF_LINES = {
    "orders": Count("order", distinct=True),
    "quantity": Sum("quantity"),
    "gross": Sum("gross"),
    "discount_total": Sum("discount_total"),
    "tax_total": Sum("tax_total"),
    "total": Sum("total"),
}
OF_REFUND_LINES = {
    "refunds": Count("refund", distinct=True),
    "refunded_quantity": Sum("quantity"),
    "refunded_tax_total": Sum("tax_total"),
    "refunded_total": Sum("total"),
}


def _by_goods(*, key: str, label: tuple[str, ...], nothing: str) -> Reader:
    """By what the product is today: what was sold under another name is still the same product."""

    def read(days: Days, stores: list[uuid.UUID]) -> Found:
        lines = OrderLine.objects.filter(order__in=_sold(days, stores))
        back = RefundLine.objects.filter(refund__in=_taken_back(days, stores))
        for rows, path, sums in ((lines, "", OF_LINES), (back, "line__", OF_REFUND_LINES)):
            names = tuple(path + each for each in label)
            for row in _summed(rows, by=(path + key, *names), sums=sums):
                name = " ".join(str(row[each]) for each in names if row[each]) or nothing
                yield str(row[path + key] or ""), name, row

    return read


def _by_method(days: Days, stores: list[uuid.UUID]) -> Found:
    taken = Payment.objects.filter(order__in=_sold(days, stores), status=Payment.Status.CAPTURED)
    given = Payout.objects.filter(refund__in=_taken_back(days, stores), status=Payout.Status.DONE)
    sums = {"orders": Count("order", distinct=True), "total": Sum("amount")}
    back = {"refunds": Count("refund", distinct=True), "refunded_total": Sum("paid")}
    for rows, of in ((taken, sums), (given, back)):
        for row in _summed(rows, by=("method",), sums=of):
            yield row["method"], Payment.Method(row["method"]).label, row


def _by_tax(days: Days, stores: list[uuid.UUID]) -> Found:
    """From the receipts themselves: `gross` and `total` are what was taxable, without the tax."""
    for taxes in _sold(days, stores).values_list("taxes", flat=True).iterator(chunk_size=500):
        for tax in taxes:
            amount, taxable = Decimal(tax["amount"]), Decimal(tax["taxable"])
            sold = {"orders": 1, "gross": taxable, "total": taxable, "tax_total": amount}
            yield *_rate(tax), sold
    for taxes in _taken_back(days, stores).values_list("taxes", flat=True):
        for tax in taxes:
            amount = Decimal(tax["amount"])
            back = {"refunds": 1, "refunded_tax_total": amount}
            yield *_rate(tax), back | {"refunded_total": Decimal(tax["taxable"])}


def _rate(tax: Mapping[str, Any]) -> tuple[str, str]:
    kind = "included" if tax["included"] else "added"
    name = f"{tax['name']} {Decimal(tax['percent']).normalize():f} %"
    return f"{name} {kind}", f"{name} ({kind})"


READERS: Mapping[GroupBy, Reader] = {
    GroupBy.HOUR: _by_time(Days.hour_of),
    GroupBy.DAY: _by_time(Days.day_of),
    GroupBy.CASHIER: _by_person,
    GroupBy.REGISTER: _by_register,
    GroupBy.PRODUCT: _by_goods(
        key="product_id", label=("product__sku", "product__name"), nothing=""
    ),
    GroupBy.CATEGORY: _by_goods(
        key="product__category_id", label=("product__category__name",), nothing="No category"
    ),
    GroupBy.METHOD: _by_method,
    GroupBy.TAX: _by_tax,
}


def shown(sums: Sums) -> dict[str, Any]:
    """The figures as texts in the shop's currency; `net_total` is what stayed with the shop."""
    money = current_tenant().in_currency
    figures: dict[str, Any] = {}
    for name in Sums.__slots__:
        value = getattr(sums, name)
        if isinstance(value, int):
            figures[name] = value
        elif name.endswith("quantity"):
            figures[name] = f"{value.normalize():f}"
        else:
            figures[name] = str(money(value))
    net = sums.total + sums.cash_rounding - sums.refunded_total
    return figures | {"net_total": str(money(net))}
