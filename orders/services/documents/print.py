"""Handing papers over: each print is counted, so that there is one original."""

from collections.abc import Callable
from dataclasses import dataclass

from accounts.models import User
from orders.models import Receipt, Refund
from orders.services.documents.document import Paper
from orders.services.documents.refund_receipt import RefundReceipt
from orders.services.documents.renderers.escpos import escpos_of
from orders.services.documents.renderers.html import html_of
from orders.services.documents.renderers.pdf import ensure_pdf, pdf_of
from orders.services.documents.renderers.text import text_of
from orders.services.documents.sale_receipt import ReceiptContent
from tenants import audit
from tenants.scope import atomic_with_retry


@dataclass(frozen=True, slots=True)
class Face:
    """A paper drawn in one way."""

    content_type: str
    # Where it is a file rather than something to be looked at.
    extension: str
    draw: Callable[[Paper], bytes]


FACES = {
    "html": Face("text/html; charset=utf-8", "", lambda paper: html_of(paper).encode()),
    "pdf": Face("application/pdf", "pdf", pdf_of),
    "text": Face("text/plain; charset=utf-8", "", lambda paper: text_of(paper).encode()),
    "escpos": Face("application/octet-stream", "bin", escpos_of),
}


def ensure_drawable(form: str) -> None:
    """Refused before it is counted: nobody gets a copy who got no original."""
    if form == "pdf":
        ensure_pdf()


def printed(receipt: ReceiptContent | RefundReceipt, form: str, *, by: User) -> Paper:
    """The paper to be handed over: the original once, to whoever comes first, and then copies."""
    ensure_drawable(form)
    copy = _count(receipt.row, form, by) - 1
    return receipt.paper(copy=copy) if copy else receipt.original()


def previewed(receipt: ReceiptContent | RefundReceipt, form: str) -> Paper:
    """What the next print would be, without one."""
    ensure_drawable(form)
    return receipt.paper(copy=receipt.prints)


@atomic_with_retry
def _count(row: Receipt | Refund, form: str, by: User) -> int:
    prints = row.count_print()
    if prints > 1:
        audit.record(
            "receipt_copied",
            actor=by,
            target=row,
            copy=prints - 1,
            format=form,
            order=str(row.order_id),
        )
    return prints
