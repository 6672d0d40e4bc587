"""What the database sums up for a report: sales and refunds of some days, group by group."""

import uuid
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from itertools import groupby
from operator import itemgetter
from typing import Any

from django.db.models import Count, F, Q, QuerySet
from django.db.models.functions import TruncHour, TruncMinute

from orders.models import Order, OrderLine, Payment, Payout, Refund, RefundLine
from orders.models.columns import ExactSum
from orders.money import round_to
from orders.services.reports.business_day import Days
from tenants.scope import current_tenant


@dataclass(frozen=True, slots=True)
class Where:
    """In which stores, and by whom where only one person is asked about."""

    stores: list[uuid.UUID]
    person: uuid.UUID | None = None


Row = dict[str, Any]
# A group by key and label, and some of its figures.
Found = Iterator[tuple[str, str, Row]]
Reader = Callable[[Days, Where], Found]

# However much a shop sells, no more than so much of it is in memory at a time.
DAYS_AT_ONCE = 31
RECEIPTS_AT_ONCE = 5_000
NOTHING = Decimal(0)
# By what means something is given away.
GIFTS = {
    "line_discount": "Line discounts",
    "order_discount": "Order discounts",
    "price_override": "Price overrides",
}

OF_ORDERS = {
    "orders": Count("pk"),
    "gross": ExactSum("subtotal"),
    "discount_total": ExactSum("discount_total"),
    "tax_total": ExactSum("tax_total"),
    "cash_rounding": ExactSum("cash_rounding"),
    "total": ExactSum("total"),
}
OF_REFUNDS = {
    "refunds": Count("pk"),
    "refunded_tax_total": ExactSum("tax_total"),
    "refunded_total": ExactSum("total"),
    "handed_over": ExactSum("cash_rounding"),
}
OF_LINES = {
    "orders": Count("order", distinct=True),
    "quantity": ExactSum("quantity"),
    "gross": ExactSum("gross"),
    "discount_total": ExactSum("discount_total"),
    "tax_total": ExactSum("tax_total"),
    "total": ExactSum("total"),
}
OF_REFUND_LINES = {
    "refunds": Count("refund", distinct=True),
    "refunded_quantity": ExactSum("quantity"),
    "refunded_tax_total": ExactSum("tax_total"),
    "refunded_total": ExactSum("total"),
}
OF_PAYMENTS = {"orders": Count("order", distinct=True), "total": ExactSum("amount")}
OF_PAYOUTS = {
    "refunds": Count("refund", distinct=True),
    "refunded_total": ExactSum("amount"),
    "paid": ExactSum("paid"),
}


def _sold(days: Days, where: Where) -> QuerySet[Order]:
    sold = Order.objects.sold().filter(
        store__in=where.stores, completed_at__gte=days.begins, completed_at__lt=days.ends
    )
    return sold.filter(cashier=where.person) if where.person else sold


def _taken_back(days: Days, where: Where) -> QuerySet[Refund]:
    done = Refund.objects.filter(
        status=Refund.Status.DONE,
        store__in=where.stores,
        completed_at__gte=days.begins,
        completed_at__lt=days.ends,
    )
    return done.filter(by=where.person) if where.person else done


def _both(days: Days, where: Where) -> Iterator[tuple[QuerySet[Any], Mapping[str, Any]]]:
    yield _sold(days, where), OF_ORDERS
    yield _taken_back(days, where), OF_REFUNDS


def _summed(rows: QuerySet[Any], *, by: tuple[str, ...], sums: Mapping[str, Any]) -> Iterator[Row]:
    """Grouped in the database; aliases that a model has as a field too are kept apart there."""
    named = {f"sum_{name}": expression for name, expression in sums.items()}
    for row in rows.order_by().values(*by).annotate(**named).iterator(chunk_size=500):
        figures = {name: row[f"sum_{name}"] for name in sums}
        yield _of_the_shop(figures) | {each: row[each] for each in by}


def _of_the_shop(figures: Row) -> Row:
    """What rounding to coins added to a refund, the shop has less."""
    added = figures.pop("handed_over", None)
    return figures | {"cash_rounding": -added} if added else figures


def of_all(days: Days, where: Where) -> Iterator[Row]:
    """Every receipt once."""
    for rows, sums in _both(days, where):
        named = {f"sum_{name}": expression for name, expression in sums.items()}
        row = rows.order_by().aggregate(**named)
        yield _of_the_shop({name: row[f"sum_{name}"] for name in sums})


def by_time(name_of: Callable[[Days, datetime], str]) -> Reader:
    """By the hour, or by the minute, of which the hours and days of every clock are made."""

    def read(days: Days, where: Where) -> Found:
        for part in days.in_parts(DAYS_AT_ONCE):
            begun = TruncHour if part.are_of_whole_hours else TruncMinute
            for rows, sums in _both(part, where):
                timed = rows.annotate(begun=begun("completed_at", tzinfo=UTC))
                for row in _summed(timed, by=("begun",), sums=sums):
                    name = name_of(days, row.pop("begun"))
                    yield name, name, row

    return read


def by_person(days: Days, where: Where) -> Found:
    """Sales by who sold, refunds by who gave back."""
    for (rows, sums), who in zip(_both(days, where), ("cashier", "by"), strict=True):
        names = (f"{who}_id", f"{who}__display_name", f"{who}__username")
        for row in _summed(rows, by=names, sums=sums):
            key, display_name, username = (row.pop(name) for name in names)
            yield str(key), display_name or username, row


def by_register(days: Days, where: Where) -> Found:
    columns = ("register_id", "store__name", "register__name")
    for rows, sums in _both(days, where):
        for row in _summed(rows, by=columns, sums=sums):
            key, store, register = (row.pop(name) for name in columns)
            yield str(key), f"{store}, {register}", row


def by_store(days: Days, where: Where) -> Found:
    names = ("store_id", "store__name")
    for rows, sums in _both(days, where):
        for row in _summed(rows, by=names, sums=sums):
            key, name = (row.pop(each) for each in names)
            yield str(key), name, row


def by_goods(*, key: str, label: tuple[str, ...], nothing: str) -> Reader:
    """By what the product is today: what was sold under another name is still the same product."""

    def read(days: Days, where: Where) -> Found:
        lines = OrderLine.objects.filter(order__in=_sold(days, where))
        back = RefundLine.objects.filter(refund__in=_taken_back(days, where))
        for rows, path, sums in ((lines, "", OF_LINES), (back, "line__", OF_REFUND_LINES)):
            names = tuple(path + each for each in (key, *label))
            for row in _summed(rows, by=names, sums=sums):
                pk, *words = (row.pop(name) for name in names)
                yield str(pk or ""), " ".join(word for word in words if word) or nothing, row

    return read


def by_method(days: Days, where: Where) -> Found:
    """What was settled each way. Rounding to coins is cash's at the sale, and at a refund that of
    the way by which the money went."""
    sold = _sold(days, where)
    taken = Payment.objects.filter(order__in=sold, status=Payment.Status.CAPTURED)
    for row in _summed(taken, by=("method",), sums=OF_PAYMENTS):
        yield *_way(row.pop("method")), row
    rounding = sold.aggregate(sum=ExactSum("cash_rounding"))["sum"]
    if rounding:
        yield *_way(Payment.Method.CASH), {"cash_rounding": rounding, "total": -rounding}
    given = Payout.objects.filter(refund__in=_taken_back(days, where), status=Payout.Status.DONE)
    for row in _summed(given, by=("method",), sums=OF_PAYOUTS):
        row["cash_rounding"] = row["refunded_total"] - row.pop("paid")
        yield *_way(row.pop("method")), row


def _way(method: str) -> tuple[str, str]:
    return method, Payment.Method(method).label


def by_tax(days: Days, where: Where) -> Found:
    """From the receipts themselves, rate by rate."""
    for receipts, (count, taxable, tax) in (
        (_sold(days, where), ("orders", "taxable", "tax_total")),
        (_taken_back(days, where), ("refunds", "refunded_taxable", "refunded_tax_total")),
    ):
        for (taxes,) in _in_pieces(receipts, "taxes"):
            for rate, (base, amount) in _rates(taxes).items():
                yield *rate, {count: 1, taxable: base, tax: amount}


def _rates(taxes: list[dict[str, Any]]) -> dict[tuple[str, str], tuple[Decimal, Decimal]]:
    """Of one receipt: each rate once, with what was taxable and the tax."""
    rates: dict[tuple[str, str], tuple[Decimal, Decimal]] = {}
    for tax in taxes:
        taxable, amount = rates.get(rate := _rate(tax), (NOTHING, NOTHING))
        rates[rate] = (
            taxable + Decimal(tax.get("taxable", "0")),
            amount + Decimal(tax["amount"]),
        )
    return rates


def by_discount(days: Days, where: Where) -> Found:
    """By the means by which something was given away: line and order discounts, price overrides.

    `discount_total` is what was given away, measured from the list price; higher prices count as
    overrides of nothing.
    """
    sold = _sold(days, where)
    for discounts, both in _in_pieces(
        sold.filter(discount_total__gt=0), "discounts", "discount_total"
    ):
        of_order = sum((Decimal(each["amount"]) for each in discounts), NOTHING)
        yield from _gift("line_discount", both - of_order)
        yield from _gift("order_discount", of_order)
    lines = OrderLine.objects.filter(
        order__in=sold.filter(price_overridden=True), open_price=False
    ).exclude(unit_price=F("list_price"))
    columns = ("order_id", "list_price", "unit_price", "quantity")
    rows = lines.order_by("order_id").values_list(*columns).iterator(chunk_size=500)
    exponent = current_tenant().currency_exponent
    for _, group in groupby(rows, key=itemgetter(0)):
        below = (
            round_to(max(price - typed, NOTHING) * quantity, exponent)
            for _, price, typed, quantity in group
        )
        label = GIFTS["price_override"]
        yield "price_override", label, {"orders": 1, "discount_total": sum(below, NOTHING)}


def _gift(kind: str, amount: Decimal) -> Found:
    if amount:
        yield kind, GIFTS[kind], {"orders": 1, "discount_total": amount}


def _in_pieces(receipts: QuerySet[Any], *columns: str) -> Iterator[tuple[Any, ...]]:
    """These columns of all receipts, of which only some are in memory at a time."""
    rows = receipts.order_by("completed_at", "pk").values_list("completed_at", "pk", *columns)
    piece = list(rows[:RECEIPTS_AT_ONCE])
    while piece:
        yield from (row[2:] for row in piece)
        if len(piece) < RECEIPTS_AT_ONCE:
            return
        at, pk = piece[-1][:2]
        after = Q(completed_at__gt=at) | Q(completed_at=at, pk__gt=pk)
        piece = list(rows.filter(after, completed_at__gte=at)[:RECEIPTS_AT_ONCE])


def _rate(tax: Mapping[str, Any]) -> tuple[str, str]:
    kind = "included" if tax["included"] else "added"
    name = f"{tax['name']} {Decimal(tax['percent']).normalize():f} %"
    return f"{name} {kind}", f"{name} ({kind})"
