"""Shift report (X and Z): sales, refunds, taxes, payments and expected cash."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from django.db.models import Count, F, Q, QuerySet, Sum

from orders.models import CashMovement, Order, Payment, Payout, Refund, RegisterSeries, Shift
from tenants.api.formats import format_amount
from tenants.scope import atomic_with_retry, current_tenant

ZERO = Decimal(0)
Figures = dict[str, Any]
SALE_SUMS = {
    "subtotal": Sum("subtotal"),
    "discount_total": Sum("discount_total"),
    "tax_total": Sum("tax_total"),
    "cash_rounding": Sum("cash_rounding"),
    "total": Sum("total"),
}
REFUND_SUMS = {
    "tax_total": Sum("tax_total"),
    "cash_rounding": Sum("cash_rounding"),
    "total": Sum("total"),
}
X_REPORT_KEYS = (
    "sales",
    "late_sales",
    "refunds",
    "failed_refunds",
    "taxes",
    "carried",
    "payments",
    "cash",
    "expected",
)


@dataclass(slots=True)
class MethodTotals:
    """Totals of one payment method: received, canceled and refunded."""

    count: int = 0
    amount: Decimal = ZERO
    # Returned before the order was completed; afterwards it is a refund.
    canceled: Decimal = ZERO
    # Less refunds that failed after they were completed, also those of earlier shifts.
    refunded: Decimal = ZERO

    @property
    def net(self) -> Decimal:
        return self.amount - self.canceled - self.refunded


@atomic_with_retry
def build_x_report(shift: Shift) -> Figures:
    """Build the X report between two sales; for a closed shift return its Z figures."""
    if shift.z_report is not None:
        return {name: shift.z_report[name] for name in X_REPORT_KEYS if name in shift.z_report}
    series = RegisterSeries.objects.filter(register=shift.register_id)
    list(series.select_for_update(no_key=True))
    return build_report(shift)


def build_report(shift: Shift) -> Figures:
    """Build all figures of the shift, for the X report and the Z report.

    Amounts are strings in the tenant's currency, because the Z report is hashed. The figures
    balance: payments - canceled = sales + cash rounding - paid_before + paid_ahead.
    """
    by_method = _sum_by_method(shift)
    cash = _sum_cash(shift, by_method.get(Payment.Method.CASH, MethodTotals()))
    return {
        **sum_sales_and_refunds(shift),
        "carried": _sum_carried(shift),
        "payments": [
            {"method": method, "count": totals.count}
            | {
                name: _format_money(getattr(totals, name))
                for name in ("amount", "canceled", "refunded")
            }
            for method, totals in by_method.items()
        ],
        "cash": cash,
        "expected": [
            {"method": method, "amount": amount}
            for method, amount in _list_expected(by_method, cash).items()
        ],
    }


def compute_expected_cash(shift: Shift) -> Decimal:
    """Return the cash that the drawer should hold now."""
    by_method = _sum_by_method(shift)
    return Decimal(_sum_cash(shift, by_method.get(Payment.Method.CASH, MethodTotals()))["expected"])


def sum_sales_and_refunds(shift: Shift) -> Figures:
    """Sum what never changes after closing: later refunds and reversals count in later shifts."""
    return {
        "sales": _sum_sales(shift),
        "late_sales": _sum_late_sales(shift),
        "refunds": _sum_refunds(Refund.objects.booked().filter(shift=shift)),
        "failed_refunds": _sum_refunds(_find_reversals(shift)),
        "taxes": _sum_taxes(shift),
    }


def _format_money(amount: Decimal | None) -> str:
    return format_amount(amount or ZERO, current_tenant().currency_exponent)


def _sum_sales(shift: Shift) -> Figures:
    sums = Order.objects.filter(shift=shift).sold().aggregate(count=Count("pk"), **SALE_SUMS)
    return {"count": sums.pop("count")} | {
        name: _format_money(value) for name, value in sums.items()
    }


def _sum_late_sales(shift: Shift) -> Figures:
    """Sum the sales that were made in other shifts or in none, and booked in this one."""
    late = Order.objects.booked_late_in(shift).sold()
    sums = late.values("original_shift").annotate(count=Count("pk"), sum=Sum("total"))
    rows: list[Figures] = [dict(row) for row in sums]
    return {
        "count": sum(row["count"] for row in rows),
        "total": _format_money(sum((row["sum"] for row in rows), ZERO)),
        "of": [
            {
                "shift": str(row["original_shift"]) if row["original_shift"] else None,
                "count": row["count"],
                "total": _format_money(row["sum"]),
            }
            for row in sorted(rows, key=lambda row: str(row["original_shift"] or ""))
        ],
    }


def _find_reversals(shift: Shift) -> QuerySet[Refund]:
    """Return the refunds of any shift that failed in this one, after they were completed."""
    return Refund.objects.filter(reversed_in=shift, reversed_at__isnull=False)


def _sum_refunds(refunds: QuerySet[Refund]) -> Figures:
    sums = refunds.aggregate(count=Count("pk"), **REFUND_SUMS)
    return {"count": sums.pop("count")} | {
        name: _format_money(value) for name, value in sums.items()
    }


def _sum_taxes(shift: Shift) -> list[Figures]:
    """Sum taxes per rate, as on the receipts, less refunds that did not fail."""
    buckets: dict[tuple[str, str, bool], list[Decimal]] = {}
    sold = Order.objects.filter(shift=shift).sold().values_list("taxes", flat=True)
    back = Refund.objects.booked().filter(shift=shift).values_list("taxes", flat=True)
    failed = _find_reversals(shift).values_list("taxes", flat=True)
    for sign, snapshots in ((1, sold), (-1, back), (1, failed)):
        for tax in (tax for taxes in snapshots.iterator(chunk_size=500) for tax in taxes):
            bucket = buckets.setdefault(
                (tax["name"], tax["percent"], tax["included"]), [ZERO, ZERO]
            )
            bucket[0] += sign * Decimal(tax.get("taxable", "0"))
            bucket[1] += sign * Decimal(tax["amount"])
    return [
        {
            "name": name,
            "percent": percent,
            "included": included,
            "taxable": _format_money(taxable),
            "amount": _format_money(amount),
        }
        for (name, percent, included), (taxable, amount) in sorted(buckets.items())
    ]


def _sum_carried(shift: Shift) -> Figures:
    """Sum what is carried between shifts: open orders, and payments of other shifts."""
    left_open = Order.objects.filter(shift=shift, status__in=[Order.Status.OPEN, Order.Status.HELD])
    return {
        "open_orders": left_open.count(),
        "paid_ahead": _format_money(_sum_paid_ahead(shift)),
        "paid_before": _format_money(_sum_paid_elsewhere(shift)),
    }


def _sum_paid_ahead(shift: Shift) -> Decimal:
    """Sum payments of this shift for orders that were not completed in it, less returns."""
    sold_here = Q(order__shift=shift, order__receipt_number__isnull=False)
    came = Payment.objects.received().filter(shift=shift)
    went = Payment.objects.filter(returned_in=shift)
    return _sum_amounts(came.exclude(sold_here)) - _sum_amounts(went.exclude(sold_here))


def _sum_paid_elsewhere(shift: Shift) -> Decimal:
    """Sum what was paid in other shifts, or outside of shifts, for orders of this shift.

    Payments that were returned are subtracted.
    """
    came = Payment.objects.received().filter(
        order__shift=shift, order__receipt_number__isnull=False
    )
    went = came.filter(returned_at__isnull=False)
    return _sum_amounts(came.exclude(shift=shift)) - _sum_amounts(went.exclude(returned_in=shift))


def _sum_amounts(payments: QuerySet[Payment]) -> Decimal:
    return payments.aggregate(sum=Sum("amount"))["sum"] or ZERO


def _sum_by_method(shift: Shift) -> dict[str, MethodTotals]:
    """Return the totals of each payment method that was used."""
    came = Payment.objects.received().filter(shift=shift)
    canceled = Payment.objects.filter(returned_in=shift)
    paid_out = Payout.objects.paid_out().filter(refund__shift=shift)
    failed = Payout.objects.filter(refund__in=_find_reversals(shift))
    by_method: dict[str, MethodTotals] = {}
    for method, count, amount in _group_by_method(came, "amount"):
        by_method[method] = MethodTotals(count, amount)
    for method, _, amount in _group_by_method(canceled, "amount"):
        by_method.setdefault(method, MethodTotals()).canceled = amount
    for method, _, amount in _group_by_method(paid_out, "paid"):
        by_method.setdefault(method, MethodTotals()).refunded = amount
    for method, _, amount in _group_by_method(failed, "paid"):
        by_method.setdefault(method, MethodTotals()).refunded -= amount
    return dict(sorted(by_method.items()))


def _group_by_method(rows: QuerySet[Any], amount: str) -> Iterator[tuple[str, int, Decimal]]:
    for row in rows.values("method").annotate(count=Count("pk"), sum=Sum(amount)):
        yield row["method"], row["count"], row["sum"]


def _sum_cash(shift: Shift, cash: MethodTotals) -> Figures:
    moved: dict[str, Figures] = {
        row["type"]: dict(row)
        for row in CashMovement.objects.filter(shift=shift)
        .values("type")
        .annotate(count=Count("pk"), sum=Sum("amount"))
    }
    kinds = CashMovement.Type
    amounts = {kind: moved.get(kind, {}).get("sum", ZERO) for kind in kinds}
    went = amounts[kinds.PAID_OUT] + amounts[kinds.DROP]
    return {
        "opening_float": _format_money(shift.opening_float),
        "payments": _format_money(cash.amount),
        "canceled": _format_money(cash.canceled),
        "refunds": _format_money(cash.refunded),
        "paid_in": _format_money(amounts[kinds.PAID_IN]),
        "paid_out": _format_money(amounts[kinds.PAID_OUT]),
        "drops": _format_money(amounts[kinds.DROP]),
        "no_sales": moved.get(kinds.NO_SALE, {}).get("count", 0),
        "expected": _format_money(shift.opening_float + cash.net + amounts[kinds.PAID_IN] - went),
    }


def _list_expected(by_method: Mapping[str, MethodTotals], cash: Figures) -> dict[str, str]:
    """Return the expected amount of each method: cash in the drawer, else payments less refunds."""
    others = {method: _format_money(totals.net) for method, totals in by_method.items()}
    return {Payment.Method.CASH.value: cash["expected"]} | {
        method: amount for method, amount in others.items() if method != Payment.Method.CASH
    }


def find_unresolved_payments(shift: Shift) -> list[str]:
    """Return the ids of payments with an unknown outcome and of payouts that are not done."""
    underway = Payment.objects.filter(
        shift=shift, status__in=[Payment.Status.PENDING, Payment.Status.UNKNOWN]
    )
    payouts = Payout.objects.outstanding().filter(refund__shift=shift)
    return [str(pk) for rows in (underway, payouts) for pk in rows.values_list(F("pk"), flat=True)]
