"""Printing of receipts: the first print is the original, later ones are counted copies."""

from collections.abc import Callable
from dataclasses import dataclass

from accounts.models import User
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
    """A format of documents."""

    content_type: str
    # Set for downloads; empty for formats that the browser shows.
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


def render_document(document: Document, format_name: str) -> tuple[bytes, dict[str, str]]:
    """Return the document in a format, and the HTTP headers that describe it."""
    renderer = RENDERERS[format_name]
    headers = {"Content-Type": renderer.content_type}
    if renderer.extension:
        name = f"{document.file_name}.{renderer.extension}"
        headers["Content-Disposition"] = f'inline; filename="{name}"'
    return renderer.render(document), headers


def ensure_renderable(format_name: str) -> None:
    """Raise `PdfUnavailable` before the print is counted, so that the original is not lost."""
    if format_name == "pdf":
        load_weasyprint()


def print_document(receipt: SaleReceipt | RefundReceipt, format_name: str, *, by: User) -> Document:
    """Count a print and return the document: the original once, then numbered copies."""
    ensure_renderable(format_name)
    copy = _count_print(receipt, format_name, by) - 1
    return receipt.build_document(copy=copy) if copy else receipt.build_original(by)


def preview_document(receipt: SaleReceipt | RefundReceipt, format_name: str) -> Document:
    """Return what the next print would show, without counting it."""
    ensure_renderable(format_name)
    return receipt.build_document(copy=receipt.prints)


@atomic_with_retry
def _count_print(receipt: SaleReceipt | RefundReceipt, format_name: str, by: User) -> int:
    row = receipt.row
    prints = row.count_print(receipt.names.as_json())
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
