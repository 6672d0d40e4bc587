"""What the database sums up for a report: sales and refunds of some days, group by group."""

import uuid
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from django.db.models import Count, Q, QuerySet
from django.db.models.functions import TruncHour, TruncMinute

from orders.models import Order, OrderLine, Payment, Payout, Refund, RefundLine
from orders.models.columns import ExactSum
from orders.services.business_days import Days

Row = dict[str, Any]
# A group by key and label, and some of its figures.
Found = Iterator[tuple[str, str, Row]]
Reader = Callable[[Days, list[uuid.UUID]], Found]

# However much a shop sells, no more than so much of it is in memory at a time.
DAYS_AT_ONCE = 31
RECEIPTS_AT_ONCE = 5_000
NOTHING = Decimal(0)

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


def _both(days: Days, stores: list[uuid.UUID]) -> Iterator[tuple[QuerySet[Any], Mapping[str, Any]]]:
    yield _sold(days, stores), OF_ORDERS
    yield _taken_back(days, stores), OF_REFUNDS


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


def of_all(days: Days, stores: list[uuid.UUID]) -> Iterator[Row]:
    """Every receipt once."""
    for rows, sums in _both(days, stores):
        named = {f"sum_{name}": expression for name, expression in sums.items()}
        row = rows.order_by().aggregate(**named)
        yield _of_the_shop({name: row[f"sum_{name}"] for name in sums})


def by_time(name_of: Callable[[Days, datetime], str]) -> Reader:
    """By the hour, or by the minute, of which the hours and days of every clock are made."""

    def read(days: Days, stores: list[uuid.UUID]) -> Found:
        for part in days.in_parts(DAYS_AT_ONCE):
            begun = TruncHour if part.are_of_whole_hours else TruncMinute
            for rows, sums in _both(part, stores):
                timed = rows.annotate(begun=begun("completed_at", tzinfo=UTC))
                for row in _summed(timed, by=("begun",), sums=sums):
                    name = name_of(days, row.pop("begun"))
                    yield name, name, row

    return read


def by_person(days: Days, stores: list[uuid.UUID]) -> Found:
    """Sales by who sold, refunds by who gave back."""
    for (rows, sums), who in zip(_both(days, stores), ("cashier", "by"), strict=True):
        names = (f"{who}_id", f"{who}__display_name", f"{who}__username")
        for row in _summed(rows, by=names, sums=sums):
            key, display_name, username = (row.pop(name) for name in names)
            yield str(key), display_name or username, row


def by_register(days: Days, stores: list[uuid.UUID]) -> Found:
    where = ("register_id", "store__name", "register__name")
    for rows, sums in _both(days, stores):
        for row in _summed(rows, by=where, sums=sums):
            key, store, register = (row.pop(name) for name in where)
            yield str(key), f"{store}, {register}", row


def by_store(days: Days, stores: list[uuid.UUID]) -> Found:
    names = ("store_id", "store__name")
    for rows, sums in _both(days, stores):
        for row in _summed(rows, by=names, sums=sums):
            key, name = (row.pop(each) for each in names)
            yield str(key), name, row


def by_goods(*, key: str, label: tuple[str, ...], nothing: str) -> Reader:
    """By what the product is today: what was sold under another name is still the same product."""

    def read(days: Days, stores: list[uuid.UUID]) -> Found:
        lines = OrderLine.objects.filter(order__in=_sold(days, stores))
        back = RefundLine.objects.filter(refund__in=_taken_back(days, stores))
        for rows, path, sums in ((lines, "", OF_LINES), (back, "line__", OF_REFUND_LINES)):
            names = tuple(path + each for each in (key, *label))
            for row in _summed(rows, by=names, sums=sums):
                pk, *words = (row.pop(name) for name in names)
                yield str(pk or ""), " ".join(word for word in words if word) or nothing, row

    return read


def by_method(days: Days, stores: list[uuid.UUID]) -> Found:
    """What was settled each way. Rounding to coins is cash's at the sale, and at a refund that of
    the way by which the money went."""
    sold = _sold(days, stores)
    taken = Payment.objects.filter(order__in=sold, status=Payment.Status.CAPTURED)
    for row in _summed(taken, by=("method",), sums=OF_PAYMENTS):
        yield *_way(row.pop("method")), row
    rounding = sold.aggregate(sum=ExactSum("cash_rounding"))["sum"]
    if rounding:
        yield *_way(Payment.Method.CASH), {"cash_rounding": rounding, "total": -rounding}
    given = Payout.objects.filter(refund__in=_taken_back(days, stores), status=Payout.Status.DONE)
    for row in _summed(given, by=("method",), sums=OF_PAYOUTS):
        row["cash_rounding"] = row["refunded_total"] - row.pop("paid")
        yield *_way(row.pop("method")), row


def _way(method: str) -> tuple[str, str]:
    return method, Payment.Method(method).label


def by_tax(days: Days, stores: list[uuid.UUID]) -> Found:
    """From the receipts themselves, rate by rate."""
    for receipts, (count, taxable, tax) in (
        (_sold(days, stores), ("orders", "taxable", "tax_total")),
        (_taken_back(days, stores), ("refunds", "refunded_taxable", "refunded_tax_total")),
    ):
        for taxes in _in_pieces(receipts):
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


def _in_pieces(receipts: QuerySet[Any]) -> Iterator[list[dict[str, Any]]]:
    """The taxes of all receipts, of which only some are in memory at a time."""
    rows = receipts.order_by("completed_at", "pk").values_list("completed_at", "pk", "taxes")
    piece = list(rows[:RECEIPTS_AT_ONCE])
    while piece:
        yield from (taxes for _, _, taxes in piece)
        if len(piece) < RECEIPTS_AT_ONCE:
            return
        at, pk, _ = piece[-1]
        after = Q(completed_at__gt=at) | Q(completed_at=at, pk__gt=pk)
        piece = list(rows.filter(after, completed_at__gte=at)[:RECEIPTS_AT_ONCE])


def _rate(tax: Mapping[str, Any]) -> tuple[str, str]:
    kind = "included" if tax["included"] else "added"
    name = f"{tax['name']} {Decimal(tax['percent']).normalize():f} %"
    return f"{name} {kind}", f"{name} ({kind})"
