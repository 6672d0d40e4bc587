"""Receipt of a refund: returned lines, taxes and payouts."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from operator import attrgetter

from django.utils import timezone

from accounts.models import User
from orders.models import Payment, Payout, Refund
from orders.services.documents.document import (
    Document,
    ReceiptContent,
    Row,
    build_heading,
    build_modifier_rows,
    build_traceability_rows,
    format_money,
)
from orders.services.documents.issuer import build_issuer
from orders.services.documents.labels import Labels
from orders.services.documents.names import find_names
from orders.services.payments.store_credit import list_issued_codes
from tenants.api.formats import format_number
from tenants.scope import current_tenant


@dataclass(frozen=True, slots=True)
class RefundReceipt(ReceiptContent):
    """The content of a refund receipt. It refers to the sale's receipt."""

    row: Refund
    # Receipt number of the sale.
    order_receipt_number: int
    reason: str
    refunded_at: datetime
    payouts: tuple[Row, ...]
    # Codes of store credits that the refund issued; only the original shows them in full, to the
    # person who made the refund.
    codes: tuple[str, ...] = ()
    moves_cash: bool = False

    def build_original(self, by: User) -> Document:
        """Return the original, which alone contains the codes, if `by` may see them."""
        shows_codes = self.row.may_show_codes_to(by, timezone.now())
        return self.build_document(extra=self.build_code_rows(self.codes if shows_codes else ()))

    def build_document(self, copy: int = 0, extra: tuple[Row, ...] = ()) -> Document:
        labels = self.labels
        sale = f"{self.order_receipt_number}, {self.names.order_register}"
        return Document(
            title=f"{labels('Refund')} {self.number}",
            file_name=f"refund-{self.number}",
            kind=labels("REFUND"),
            **self.build_frame(copy=copy, moves_cash=self.moves_cash),
            header_fields=(
                (labels("Receipt"), str(self.number)),
                (labels("Refund of order"), self.order),
                (labels("Refund of receipt"), sale),
                (labels("Register"), self.register),
                (labels("Served by"), self.names.served_by),
                (labels("Reason"), self.reason),
                *self.build_times(self.refunded_at),
                *self.customer,
            ),
            issued_at=self.refunded_at,
            sections=(
                self.lines,
                self.totals,
                (*self.payouts, *extra),
                self.taxes,
                self.build_fiscal_rows(),
            ),
            qr_text=str(self.id),
        )


def build_refund_receipt(refund: Refund) -> RefundReceipt:
    """Build the receipt of a completed refund. Raises `NoRefundReceipt` before that."""
    number, completed_at = refund.receipt_number_and_time()
    order = refund.order
    order_receipt_number, _ = order.receipt_number_and_time()
    issuer = build_issuer(refund.store, refund.profile)
    names = find_names(refund, refund, served_by=str(refund.by), order_register=order.register.name)
    clock = names.clock
    return RefundReceipt(
        **build_heading(refund, order, issuer, names),
        row=refund,
        number=number,
        order_receipt_number=order_receipt_number,
        reason=refund.reason,
        started_at=min(refund.created_at, completed_at).astimezone(clock),
        refunded_at=completed_at.astimezone(clock),
        lines=tuple(_build_lines(refund, issuer.labels)),
        totals=tuple(_build_totals(refund, issuer.labels)),
        payouts=tuple(_build_payouts(refund, issuer.labels)),
        codes=tuple(each["code"] for each in list_issued_codes(refund)),
        moves_cash=any(each.method == Payment.Method.CASH for each in _list_done(refund)),
    )


def _build_lines(refund: Refund, labels: Labels) -> Iterator[Row]:
    """Build the rows of each line; a refund of an amount without goods has no quantity."""
    for refund_line in sorted(refund.loaded_lines, key=attrgetter("line.position")):
        yield Row(refund_line.line.name, format_money(refund_line.total))
        if refund_line.quantity:
            quantity = format_number(refund_line.quantity)
            yield Row(f"{labels('Quantity')} {quantity}", is_detail=True)
            yield from build_modifier_rows(refund_line.line, prices=False)
            yield from build_traceability_rows(refund_line.line, labels)
        else:
            yield Row(labels("Amount only"), is_detail=True)


def _build_totals(refund: Refund, labels: Labels) -> Iterator[Row]:
    total = f"{labels('REFUNDED')} {current_tenant().currency}"
    yield Row(total, format_money(refund.total), is_strong=True)
    if refund.cash_rounding:
        yield Row(labels("Cash rounding"), format_money(refund.cash_rounding))


def _list_done(refund: Refund) -> list[Payout]:
    """Return what was paid out, also if a payout failed later: a reprint never changes."""
    done = [
        each
        for each in refund.loaded_payouts
        if each.status == Payout.Status.DONE or refund.reversed_at
    ]
    return sorted(done, key=attrgetter("pk"))


def _build_payouts(refund: Refund, labels: Labels) -> Iterator[Row]:
    for payout in _list_done(refund):
        yield Row(labels(payout.get_method_display()), format_money(payout.paid))
        if payout.entry == Payment.Entry.EXTERNAL and payout.reference:
            yield Row(f"{labels('Reference')} {payout.reference}", is_detail=True)
        elif payout.method == Payment.Method.STORE_CREDIT:
            yield Row(f"{labels('Code')} {payout.shown_reference}", is_detail=True)
