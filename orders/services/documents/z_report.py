"""The Z report on paper: the figures that were written when the shift was closed."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from orders.exceptions import ShiftNotInState
from orders.models import Payment, Shift
from orders.services.documents.document import Paper, Row, words_of_tax
from tenants.scope import current_tenant

METHODS = dict(Payment.Method.choices)
# The figures of the report by the names that they have on paper.
SALES = {
    "count": "Sales",
    "subtotal": "Subtotal",
    "discount_total": "Discounts",
    "tax_total": "Taxes",
    "cash_rounding": "Cash rounding",
}
REFUNDS = {"count": "Refunds", "tax_total": "Taxes", "cash_rounding": "Cash rounding"}
CASH = {
    "opening_float": "Opening float",
    "payments": "Cash payments",
    "canceled": "Canceled before the sale",
    "refunds": "Cash refunds",
    "paid_in": "Paid in",
    "paid_out": "Paid out",
    "drops": "Drops",
    "no_sales": "Opened without a sale",
}


def z_paper_of(shift: Shift) -> Paper:
    """The report of a closed shift; its times are the store's."""
    z, tenant = shift.z_report, current_tenant()
    if z is None or shift.closed_at is None:
        raise ShiftNotInState(shift_status=shift.status)
    return Paper(
        title=f"Z report {z['z_number']}",
        banner="Z REPORT",
        shop=tenant.name,
        store=shift.store.name,
        address=shift.store.address,
        facts=(
            ("Z", str(z["z_number"])),
            ("Register", shift.register.name),
            ("Opened", _local(z["opened_at"], shift)),
            ("Opened by", str(shift.opened_by)),
            ("Closed", _local(z["closed_at"], shift)),
            ("Closed by", str(shift.closed_by)),
            *((("Note", z["note"]),) if z["note"] else ()),
        ),
        at=shift.closed_at.astimezone(shift.store.clock),
        parts=tuple(tuple(part) for part in _parts(z, tenant.currency)),
        code=str(shift.pk),
    )


def _local(moment: str, shift: Shift) -> str:
    return f"{datetime.fromisoformat(moment).astimezone(shift.store.clock):%Y-%m-%d %H:%M}"


def _parts(z: dict[str, Any], currency: str) -> Iterator[Iterator[Row]]:
    yield _figures(SALES, z["sales"], f"TOTAL {currency}", z["sales"]["total"])
    yield _late(z.get("late_sales", {}))
    yield _figures(REFUNDS, z["refunds"], f"REFUNDED {currency}", z["refunds"]["total"])
    yield (Row(words_of_tax(tax), tax["amount"]) for tax in z["taxes"])
    yield _payments(z["payments"])
    yield _figures(CASH, z["cash"], "CASH EXPECTED", z["cash"]["expected"])
    yield _counted(z["counted"])
    yield (Row(f"{each['count']} x {each['value']}") for each in z["denominations"])


def _late(late: dict[str, Any]) -> Iterator[Row]:
    """Of the sales those that were made offline, in shifts before this one."""
    if late.get("count"):
        yield Row(f"Of these late ({late['count']})", late["total"])


def _figures(names: dict[str, str], figures: dict[str, Any], last: str, sum: str) -> Iterator[Row]:
    for key, words in names.items():
        yield Row(words, str(figures[key]))
    yield Row(last, sum, is_strong=True)


def _payments(payments: list[dict[str, Any]]) -> Iterator[Row]:
    for each in payments:
        yield Row(f"{METHODS[each['method']]} ({each['count']})", each["amount"])
        yield Row("Canceled", each["canceled"], is_detail=True)
        yield Row("Given back", each["refunded"], is_detail=True)


def _counted(counted: list[dict[str, Any]]) -> Iterator[Row]:
    """By method: what should be there, what was counted, over or short."""
    for each in counted:
        yield Row(f"{METHODS[each['method']]} expected", each["expected"])
        if each["counted"] is not None:
            yield Row("Counted", each["counted"], is_detail=True)
            yield Row("Difference", each["difference"], is_detail=True, is_strong=True)
