"""What a shift took, and what should lie in its drawer."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.db.models import Count, F, Q, QuerySet, Sum

from orders.models import CashMovement, Order, Payment, Payout, Refund, RegisterSeries, Shift
from tenants.api.formats import format_amount
from tenants.scope import atomic_with_retry, current_tenant

NOTHING = Decimal(0)
Figures = dict[str, Any]
OF_A_SALE = {
    "subtotal": Sum("subtotal"),
    "discount_total": Sum("discount_total"),
    "tax_total": Sum("tax_total"),
    "cash_rounding": Sum("cash_rounding"),
    "total": Sum("total"),
}
OF_A_REFUND = {
    "tax_total": Sum("tax_total"),
    "cash_rounding": Sum("cash_rounding"),
    "total": Sum("total"),
}
REPORTED = ("sales", "late_sales", "refunds", "taxes", "carried", "payments", "cash", "expected")


@dataclass(slots=True)
class Taken:
    """What came by one method, and what of that was given back."""

    count: int = 0
    amount: Decimal = NOTHING
    # Before its order was a sale; after that it is a refund.
    canceled: Decimal = NOTHING
    refunded: Decimal = NOTHING

    @property
    def left(self) -> Decimal:
        return self.amount - self.canceled - self.refunded


@atomic_with_retry
def x_report(shift_id: UUID) -> Figures:
    """The shift so far, between two sales; of a closed one what its Z says."""
    shift = Shift.objects.get(pk=shift_id)
    if shift.z_report is not None:
        return {name: shift.z_report[name] for name in REPORTED if name in shift.z_report}
    series = RegisterSeries.objects.filter(register=shift.register_id)
    list(series.select_for_update(no_key=True))
    return report_of(shift)


def report_of(shift: Shift) -> Figures:
    """Every figure of the shift so far: the X, and once it is closed the Z.

    Amounts are texts in the shop's currency, as they are hashed and shown for ever. What came
    is what was sold: the payments less what was canceled are the sales with their rounding,
    less what was paid for them elsewhere, and more what was paid ahead.
    """
    ways = _by_method(shift)
    cash = _cash(shift, ways.get(Payment.Method.CASH, Taken()))
    return {
        **sold_in(shift),
        "carried": _carried(shift),
        "payments": [
            {"method": method, "count": taken.count}
            | {name: _money(getattr(taken, name)) for name in ("amount", "canceled", "refunded")}
            for method, taken in ways.items()
        ],
        "cash": cash,
        "expected": [
            {"method": method, "amount": amount} for method, amount in _expected(ways, cash).items()
        ],
    }


def expected_cash(shift: Shift) -> Decimal:
    """What should lie in the drawer by now."""
    ways = _by_method(shift)
    return Decimal(_cash(shift, ways.get(Payment.Method.CASH, Taken()))["expected"])


def sold_in(shift: Shift) -> Figures:
    """What of a Z never changes again: later refunds count in later shifts."""
    return {
        "sales": _sales(shift),
        "late_sales": _late_sales(shift),
        "refunds": _refunds(shift),
        "taxes": _taxes(shift),
    }


def _money(amount: Decimal | None) -> str:
    return format_amount(amount or NOTHING, current_tenant().currency_exponent)


def _sales(shift: Shift) -> Figures:
    sums = Order.objects.filter(shift=shift).sold().aggregate(count=Count("pk"), **OF_A_SALE)
    return {"count": sums.pop("count")} | {name: _money(value) for name, value in sums.items()}


def _late_sales(shift: Shift) -> Figures:
    """Those of the sales that were made in other shifts, or outside of all, and came later."""
    late = Order.objects.booked_late_in(shift).sold()
    sums = late.values("original_shift").annotate(count=Count("pk"), sum=Sum("total"))
    rows: list[Figures] = [dict(row) for row in sums]
    return {
        "count": sum(row["count"] for row in rows),
        "total": _money(sum((row["sum"] for row in rows), NOTHING)),
        "of": [
            {
                "shift": str(row["original_shift"]) if row["original_shift"] else None,
                "count": row["count"],
                "total": _money(row["sum"]),
            }
            for row in sorted(rows, key=lambda row: str(row["original_shift"] or ""))
        ],
    }


def _refunds(shift: Shift) -> Figures:
    done = Refund.objects.filter(shift=shift, status=Refund.Status.DONE)
    sums = done.aggregate(count=Count("pk"), **OF_A_REFUND)
    return {"count": sums.pop("count")} | {name: _money(value) for name, value in sums.items()}


def _taxes(shift: Shift) -> list[Figures]:
    """Each rate as it was on the receipts, less what was given back."""
    buckets: dict[tuple[str, str, bool], list[Decimal]] = {}
    sold = Order.objects.filter(shift=shift).sold().values_list("taxes", flat=True)
    back = Refund.objects.filter(shift=shift, status=Refund.Status.DONE)
    for sign, frozen in ((1, sold), (-1, back.values_list("taxes", flat=True))):
        for tax in (tax for taxes in frozen.iterator(chunk_size=500) for tax in taxes):
            bucket = buckets.setdefault(
                (tax["name"], tax["percent"], tax["included"]), [NOTHING, NOTHING]
            )
            bucket[0] += sign * Decimal(tax.get("taxable", "0"))
            bucket[1] += sign * Decimal(tax["amount"])
    return [
        {
            "name": name,
            "percent": percent,
            "included": included,
            "taxable": _money(taxable),
            "amount": _money(amount),
        }
        for (name, percent, included), (taxable, amount) in sorted(buckets.items())
    ]


def _carried(shift: Shift) -> Figures:
    """What came from other shifts, and what goes on into them: orders and their money."""
    left_open = Order.objects.filter(shift=shift, status__in=[Order.Status.OPEN, Order.Status.HELD])
    return {
        "open_orders": left_open.count(),
        "paid_ahead": _money(_paid_ahead(shift)),
        "paid_before": _money(_paid_elsewhere(shift)),
    }


def _paid_ahead(shift: Shift) -> Decimal:
    """What this drawer took for orders that were not sold in this shift, or gave back of them."""
    sold_here = Q(order__shift=shift, order__receipt_number__isnull=False)
    came = Payment.objects.received().filter(shift=shift)
    went = Payment.objects.filter(returned_in=shift)
    return _sum(came.exclude(sold_here)) - _sum(went.exclude(sold_here))


def _paid_elsewhere(shift: Shift) -> Decimal:
    """What was taken for the sales of this shift in others or outside of all, less what those
    gave back."""
    came = Payment.objects.received().filter(
        order__shift=shift, order__receipt_number__isnull=False
    )
    went = came.filter(returned_at__isnull=False)
    return _sum(came.exclude(shift=shift)) - _sum(went.exclude(returned_in=shift))


def _sum(payments: QuerySet[Payment]) -> Decimal:
    return payments.aggregate(sum=Sum("amount"))["sum"] or NOTHING


def _by_method(shift: Shift) -> dict[str, Taken]:
    """What came and went by each method that was used."""
    came = Payment.objects.received().filter(shift=shift)
    canceled = Payment.objects.filter(returned_in=shift)
    paid_out = Payout.objects.filter(refund__shift=shift, status=Payout.Status.DONE)
    ways: dict[str, Taken] = {}
    for method, count, amount in _grouped(came, "amount"):
        ways[method] = Taken(count, amount)
    for method, _, amount in _grouped(canceled, "amount"):
        ways.setdefault(method, Taken()).canceled = amount
    for method, _, amount in _grouped(paid_out, "paid"):
        ways.setdefault(method, Taken()).refunded = amount
    return dict(sorted(ways.items()))


def _grouped(rows: QuerySet[Any], amount: str) -> Iterator[tuple[str, int, Decimal]]:
    for row in rows.values("method").annotate(count=Count("pk"), sum=Sum(amount)):
        yield row["method"], row["count"], row["sum"]


def _cash(shift: Shift, cash: Taken) -> Figures:
    moved: dict[str, Figures] = {
        row["type"]: dict(row)
        for row in CashMovement.objects.filter(shift=shift)
        .values("type")
        .annotate(count=Count("pk"), sum=Sum("amount"))
    }
    kinds = CashMovement.Type
    amounts = {kind: moved.get(kind, {}).get("sum", NOTHING) for kind in kinds}
    went = amounts[kinds.PAID_OUT] + amounts[kinds.DROP]
    return {
        "opening_float": _money(shift.opening_float),
        "payments": _money(cash.amount),
        "canceled": _money(cash.canceled),
        "refunds": _money(cash.refunded),
        "paid_in": _money(amounts[kinds.PAID_IN]),
        "paid_out": _money(amounts[kinds.PAID_OUT]),
        "drops": _money(amounts[kinds.DROP]),
        "no_sales": moved.get(kinds.NO_SALE, {}).get("count", 0),
        "expected": _money(shift.opening_float + cash.left + amounts[kinds.PAID_IN] - went),
    }


def _expected(ways: Mapping[str, Taken], cash: Figures) -> dict[str, str]:
    """The drawer's cash, and of every other method what was taken less what was given back."""
    others = {method: _money(taken.left) for method, taken in ways.items()}
    return {Payment.Method.CASH.value: cash["expected"]} | {
        method: amount for method, amount in others.items() if method != Payment.Method.CASH
    }


def open_questions(shift: Shift) -> list[str]:
    """Payments of which nobody knows what became of them, and payouts that are not done."""
    underway = Payment.objects.filter(
        shift=shift, status__in=[Payment.Status.PENDING, Payment.Status.UNKNOWN]
    )
    payouts = Payout.objects.outstanding().filter(refund__shift=shift)
    return [str(pk) for rows in (underway, payouts) for pk in rows.values_list(F("pk"), flat=True)]
