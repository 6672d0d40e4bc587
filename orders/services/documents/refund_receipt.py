"""Receipt of a refund: returned lines, taxes and payouts."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from operator import attrgetter

from django.utils import timezone

from accounts.models import User
from orders.exceptions import NoRefundReceipt
from orders.models import Payment, Payout, Refund
from orders.services.documents.document import (
    Document,
    ReceiptContent,
    Row,
    build_heading,
    build_tax_rows,
    format_money,
)
from orders.services.payments.store_credit import list_issued_codes
from tenants.api.formats import format_number
from tenants.scope import current_tenant


@dataclass(frozen=True, slots=True)
class RefundReceipt(ReceiptContent):
    """The content of a refund receipt. It refers to the sale's receipt."""

    row: Refund
    # Receipt number of the sale, and the register that assigned it.
    order_receipt_number: int
    order_register: str
    served_by: str
    reason: str
    refunded_at: datetime
    payouts: tuple[Row, ...]
    # Codes of store credits that the refund issued; only the original shows them in full, to the
    # person who made the refund.
    codes: tuple[str, ...] = ()

    def build_original(self, by: User) -> Document:
        """Return the original, which alone contains the codes, if `by` may see them."""
        shows_codes = self.row.may_show_codes_to(by, timezone.now())
        codes = self.codes if shows_codes else ()
        return self.build_document(extra=tuple(Row(f"Store credit code {code}") for code in codes))

    def build_document(self, copy: int = 0, extra: tuple[Row, ...] = ()) -> Document:
        return Document(
            title=f"Refund {self.number}",
            kind="REFUND",
            shop=self.shop,
            store=self.store,
            address=self.address,
            header_fields=(
                ("Receipt", str(self.number)),
                ("Refund of order", self.order),
                ("Refund of receipt", f"{self.order_receipt_number}, {self.order_register}"),
                ("Register", self.register),
                ("Served by", self.served_by),
                ("Reason", self.reason),
            ),
            issued_at=self.refunded_at,
            sections=(self.lines, self.totals, (*self.payouts, *extra), self.taxes),
            qr_text=str(self.id),
            copy=copy,
        )


def build_refund_receipt(refund: Refund) -> RefundReceipt:
    """Build the receipt of a completed refund. Raises `NoRefundReceipt` before that."""
    if refund.receipt_number is None or refund.completed_at is None:
        raise NoRefundReceipt(refund_status=refund.status)
    order = refund.order
    order_receipt_number, _ = order.receipt_number_and_time()
    return RefundReceipt(
        **build_heading(refund, order),
        row=refund,
        number=refund.receipt_number,
        order_receipt_number=order_receipt_number,
        order_register=order.register.name,
        served_by=str(refund.by),
        reason=refund.reason,
        refunded_at=refund.completed_at.astimezone(refund.store.clock),
        lines=tuple(_build_lines(refund)),
        totals=tuple(_build_totals(refund)),
        taxes=build_tax_rows(refund.taxes),
        payouts=tuple(_build_payouts(refund)),
        codes=tuple(each["code"] for each in list_issued_codes(refund)),
    )


def _build_lines(refund: Refund) -> Iterator[Row]:
    """Build a row per line; a refund of an amount without goods has no quantity."""
    for refund_line in sorted(refund.loaded_lines, key=attrgetter("line.position")):
        yield Row(refund_line.line.name, format_money(refund_line.total))
        if refund_line.quantity and refund_line.quantity != 1:
            yield Row(f"Quantity {format_number(refund_line.quantity)}", is_detail=True)
        elif not refund_line.quantity:
            yield Row("Amount only", is_detail=True)


def _build_totals(refund: Refund) -> Iterator[Row]:
    yield Row(f"REFUNDED {current_tenant().currency}", format_money(refund.total), is_strong=True)
    if refund.cash_rounding:
        yield Row("Cash rounding", format_money(refund.cash_rounding))


def _build_payouts(refund: Refund) -> Iterator[Row]:
    done = [each for each in refund.loaded_payouts if each.status == Payout.Status.DONE]
    for payout in sorted(done, key=attrgetter("pk")):
        yield Row(payout.get_method_display(), format_money(payout.paid))
        if payout.entry == Payment.Entry.EXTERNAL and payout.reference:
            yield Row(f"Reference {payout.reference}", is_detail=True)
        elif payout.method == Payment.Method.STORE_CREDIT:
            yield Row(f"Code {payout.shown_reference}", is_detail=True)
