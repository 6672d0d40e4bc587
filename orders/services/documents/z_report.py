"""Printable reports of a shift: the Z report of a closed one, and the X report of now."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.utils import timezone

from orders.exceptions import ShiftNotInState
from orders.models import Payment, Shift
from orders.services.documents.document import Document, Row, build_tax_rows, format_minute
from orders.services.documents.issuer import build_issuer, find_current_profile
from orders.services.documents.labels import Labels, mark
from orders.services.shifts.report import build_x_report
from tenants.scope import current_tenant

METHOD_LABELS = dict(Payment.Method.choices)
# Labels of the figures, in the order of the document.
SALES_LABELS = {
    "count": mark("Sales"),
    "subtotal": mark("Subtotal"),
    "discount_total": mark("Discounts"),
    "tax_total": mark("Taxes"),
    "cash_rounding": mark("Cash rounding"),
}
REFUND_LABELS = {
    "count": mark("Refunds"),
    "tax_total": mark("Taxes"),
    "cash_rounding": mark("Cash rounding"),
}
CASH_LABELS = {
    "opening_float": mark("Opening float"),
    "payments": mark("Cash payments"),
    "canceled": mark("Canceled before the sale"),
    "refunds": mark("Cash refunds"),
    "paid_in": mark("Paid in"),
    "paid_out": mark("Paid out"),
    "drops": mark("Drops"),
    "no_sales": mark("Opened without a sale"),
}


def build_z_document(shift: Shift) -> Document:
    """Build the document of a closed shift, in the store's time zone."""
    z = shift.z_report
    if z is None or shift.closed_at is None:
        raise ShiftNotInState(shift_status=shift.status)
    issuer = build_issuer(shift.store, shift.profile)
    labels = issuer.labels
    return Document(
        title=f"{labels('Z report')} {z['z_number']}",
        file_name=f"z-report-{z['z_number']}",
        kind=labels("Z REPORT"),
        **issuer.build_frame(),
        header_fields=(
            (labels("Z"), str(z["z_number"])),
            (labels("Register"), shift.register.name),
            (labels("Opened"), _format_local_time(z["opened_at"], shift)),
            (labels("Opened by"), str(shift.opened_by)),
            (labels("Closed"), _format_local_time(z["closed_at"], shift)),
            (labels("Closed by"), str(shift.closed_by)),
            *(((labels("Note"), z["note"]),) if z["note"] else ()),
        ),
        issued_at=shift.closed_at.astimezone(shift.store.clock),
        sections=tuple(tuple(section) for section in ReportSections(z, labels).build_z()),
        qr_text=str(shift.pk),
    )


def build_x_document(shift: Shift) -> Document:
    """Build the document of the figures up to now, in the store's time zone.

    It contains the expected amounts, so it is only for users who need not count blind.
    """
    report = build_x_report(shift)
    issuer = build_issuer(shift.store, find_current_profile(shift.store))
    labels = issuer.labels
    return Document(
        title=labels("X report"),
        file_name="x-report",
        kind=labels("X REPORT"),
        **issuer.build_frame(),
        header_fields=(
            (labels("Register"), shift.register.name),
            (labels("Opened"), format_minute(shift.created_at.astimezone(shift.store.clock))),
            (labels("Opened by"), str(shift.opened_by)),
        ),
        issued_at=timezone.now().astimezone(shift.store.clock),
        sections=tuple(tuple(section) for section in ReportSections(report, labels).build_x()),
        qr_text=str(shift.pk),
    )


def _format_local_time(moment: str, shift: Shift) -> str:
    return format_minute(datetime.fromisoformat(moment).astimezone(shift.store.clock))


@dataclass(frozen=True, slots=True)
class ReportSections:
    """The sections of an X or Z report, with their labels."""

    figures: dict[str, Any]
    labels: Labels

    def build_x(self) -> Iterator[Iterator[Row]]:
        yield from self._build_common()
        yield self._build_expected()

    def build_z(self) -> Iterator[Iterator[Row]]:
        yield from self._build_common()
        yield self._build_counts()
        yield (Row(f"{each['count']} x {each['value']}") for each in self.figures["denominations"])

    def _build_common(self) -> Iterator[Iterator[Row]]:
        labels, report, currency = self.labels, self.figures, current_tenant().currency
        total = f"{labels('TOTAL')} {currency}"
        refunded = f"{labels('REFUNDED')} {currency}"
        yield self._build_figures(SALES_LABELS, report["sales"], total, "total")
        yield self._build_late_sales(report.get("late_sales", {}))
        yield self._build_figures(REFUND_LABELS, report["refunds"], refunded, "total")
        yield self._build_failed_refunds(report.get("failed_refunds", {}))
        yield build_tax_rows(report["taxes"], labels)
        yield self._build_payments()
        yield self._build_figures(CASH_LABELS, report["cash"], labels("CASH EXPECTED"), "expected")

    def _build_expected(self) -> Iterator[Row]:
        """Build the expected amount of each payment method."""
        for each in self.figures["expected"]:
            yield Row(self._label_expected(each["method"]), each["amount"])

    def _label_expected(self, method: str) -> str:
        name = self.labels(METHOD_LABELS[method])
        return self.labels("{method} expected").format(method=name)

    def _build_late_sales(self, late: dict[str, Any]) -> Iterator[Row]:
        """Build the row of sales made offline in earlier shifts; they are part of the sales."""
        if late.get("count"):
            yield Row(f"{self.labels('Of these booked late')} ({late['count']})", late["total"])

    def _build_failed_refunds(self, failed: dict[str, Any]) -> Iterator[Row]:
        """Build the row of refunds that failed after they were completed, in any shift."""
        if failed.get("count"):
            yield Row(f"{self.labels('Failed refunds')} ({failed['count']})", failed["total"])

    def _build_figures(
        self, names: dict[str, str], figures: dict[str, Any], last: str, sum: str
    ) -> Iterator[Row]:
        for key, label in names.items():
            yield Row(self.labels(label), str(figures[key]))
        yield Row(last, figures[sum], is_strong=True)

    def _build_payments(self) -> Iterator[Row]:
        for each in self.figures["payments"]:
            method = self.labels(METHOD_LABELS[each["method"]])
            yield Row(f"{method} ({each['count']})", each["amount"])
            yield Row(self.labels("Canceled"), each["canceled"], is_detail=True)
            yield Row(self.labels("Refunded"), each["refunded"], is_detail=True)

    def _build_counts(self) -> Iterator[Row]:
        """Build expected amount, count and difference per payment method."""
        for each in self.figures["counted"]:
            yield Row(self._label_expected(each["method"]), each["expected"])
            if each["counted"] is not None:
                yield Row(self.labels("Counted"), each["counted"], is_detail=True)
                yield Row(
                    self.labels("Difference"), each["difference"], is_detail=True, is_strong=True
                )
