"""Printable Z report, from the figures stored when the shift was closed."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from orders.exceptions import ShiftNotInState
from orders.models import Payment, Shift
from orders.services.documents.document import Document, Row, format_tax
from tenants.scope import current_tenant

METHOD_LABELS = dict(Payment.Method.choices)
# Labels of the figures, in the order of the document.
SALES_LABELS = {
    "count": "Sales",
    "subtotal": "Subtotal",
    "discount_total": "Discounts",
    "tax_total": "Taxes",
    "cash_rounding": "Cash rounding",
}
REFUND_LABELS = {"count": "Refunds", "tax_total": "Taxes", "cash_rounding": "Cash rounding"}
CASH_LABELS = {
    "opening_float": "Opening float",
    "payments": "Cash payments",
    "canceled": "Canceled before the sale",
    "refunds": "Cash refunds",
    "paid_in": "Paid in",
    "paid_out": "Paid out",
    "drops": "Drops",
    "no_sales": "Opened without a sale",
}


def build_z_document(shift: Shift) -> Document:
    """Build the document of a closed shift, in the store's time zone."""
    z, tenant = shift.z_report, current_tenant()
    if z is None or shift.closed_at is None:
        raise ShiftNotInState(shift_status=shift.status)
    return Document(
        title=f"Z report {z['z_number']}",
        kind="Z REPORT",
        shop=tenant.name,
        store=shift.store.name,
        address=shift.store.address,
        header_fields=(
            ("Z", str(z["z_number"])),
            ("Register", shift.register.name),
            ("Opened", _format_local_time(z["opened_at"], shift)),
            ("Opened by", str(shift.opened_by)),
            ("Closed", _format_local_time(z["closed_at"], shift)),
            ("Closed by", str(shift.closed_by)),
            *((("Note", z["note"]),) if z["note"] else ()),
        ),
        issued_at=shift.closed_at.astimezone(shift.store.clock),
        sections=tuple(tuple(section) for section in _build_sections(z, tenant.currency)),
        qr_text=str(shift.pk),
    )


def _format_local_time(moment: str, shift: Shift) -> str:
    return f"{datetime.fromisoformat(moment).astimezone(shift.store.clock):%Y-%m-%d %H:%M}"


def _build_sections(z: dict[str, Any], currency: str) -> Iterator[Iterator[Row]]:
    yield _build_figures(SALES_LABELS, z["sales"], f"TOTAL {currency}", z["sales"]["total"])
    yield _build_late_sales(z.get("late_sales", {}))
    yield _build_figures(REFUND_LABELS, z["refunds"], f"REFUNDED {currency}", z["refunds"]["total"])
    yield (Row(format_tax(tax), tax["amount"]) for tax in z["taxes"])
    yield _build_payments(z["payments"])
    yield _build_figures(CASH_LABELS, z["cash"], "CASH EXPECTED", z["cash"]["expected"])
    yield _build_counts(z["counted"])
    yield (Row(f"{each['count']} x {each['value']}") for each in z["denominations"])


def _build_late_sales(late: dict[str, Any]) -> Iterator[Row]:
    """Build the row of sales made offline in earlier shifts; they are part of the sales."""
    if late.get("count"):
        yield Row(f"Of these booked late ({late['count']})", late["total"])


def _build_figures(
    names: dict[str, str], figures: dict[str, Any], last: str, sum: str
) -> Iterator[Row]:
    for key, words in names.items():
        yield Row(words, str(figures[key]))
    yield Row(last, sum, is_strong=True)


def _build_payments(payments: list[dict[str, Any]]) -> Iterator[Row]:
    for each in payments:
        yield Row(f"{METHOD_LABELS[each['method']]} ({each['count']})", each["amount"])
        yield Row("Canceled", each["canceled"], is_detail=True)
        yield Row("Refunded", each["refunded"], is_detail=True)


def _build_counts(counted: list[dict[str, Any]]) -> Iterator[Row]:
    """Build expected amount, count and difference per payment method."""
    for each in counted:
        yield Row(f"{METHOD_LABELS[each['method']]} expected", each["expected"])
        if each["counted"] is not None:
            yield Row("Counted", each["counted"], is_detail=True)
            yield Row("Difference", each["difference"], is_detail=True, is_strong=True)
