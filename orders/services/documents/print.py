"""Handing papers over: each print is counted, so that there is one original."""

from collections.abc import Callable
from dataclasses import dataclass

from accounts.models import User
from orders.models import Receipt, Refund
from orders.services.documents.document import Document
from orders.services.documents.refund_receipt import RefundReceipt
from orders.services.documents.renderers.escpos import render_escpos
from orders.services.documents.renderers.html import render_html
from orders.services.documents.renderers.pdf import load_weasyprint, render_pdf
from orders.services.documents.renderers.text import render_text
from orders.services.documents.sale_receipt import SaleReceipt
from tenants import audit
from tenants.scope import atomic_with_retry


@dataclass(frozen=True, slots=True)
class Renderer:
    """A paper drawn in one way."""

    content_type: str
    # Where it is a file rather than something to be looked at.
    extension: str
    render: Callable[[Document], bytes]


RENDERERS = {
    "html": Renderer(
        "text/html; charset=utf-8", "", lambda document: render_html(document).encode()
    ),
    "pdf": Renderer("application/pdf", "pdf", render_pdf),
    "text": Renderer(
        "text/plain; charset=utf-8", "", lambda document: render_text(document).encode()
    ),
    "escpos": Renderer("application/octet-stream", "bin", render_escpos),
}


def ensure_renderable(format_name: str) -> None:
    """Refused before it is counted: nobody gets a copy who got no original."""
    if format_name == "pdf":
        load_weasyprint()


def print_document(receipt: SaleReceipt | RefundReceipt, format_name: str, *, by: User) -> Document:
    """The paper to be handed over: the original once, to whoever comes first, and then copies."""
    ensure_renderable(format_name)
    copy = _count_print(receipt.row, format_name, by) - 1
    return receipt.build_document(copy=copy) if copy else receipt.build_original()


def preview_document(receipt: SaleReceipt | RefundReceipt, format_name: str) -> Document:
    """What the next print would be, without one."""
    ensure_renderable(format_name)
    return receipt.build_document(copy=receipt.prints)


@atomic_with_retry
def _count_print(row: Receipt | Refund, format_name: str, by: User) -> int:
    prints = row.count_print()
    if prints > 1:
        audit.record(
            "receipt_copied",
            actor=by,
            target=row,
            copy=prints - 1,
            format=format_name,
            order=str(row.order_id),
        )
    return prints
