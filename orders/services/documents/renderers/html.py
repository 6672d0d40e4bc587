"""HTML renderers: a page, and the HTML part of an e-mail."""

import base64
from typing import Any

from django.template.loader import render_to_string

from orders.services.documents.document import Document
from tenants.qr import draw_qr


def render_html(document: Document, *, opens_dialog: bool = False) -> str:
    """Render as a page, which can open the print dialog of the browser by itself."""
    return render_to_string(
        "receipts/receipt.html",
        build_context(document)
        | {
            "qr": draw_qr(document.qr_text),
            "fiscal_qr": draw_qr(document.fiscal_qr) if document.fiscal_qr else "",
            "logo_url": build_logo_url(document.printer.logo),
            "opens_dialog": opens_dialog,
        },
    )


def render_mail(document: Document) -> str:
    """Render for e-mail, with the code as text because mail clients do not show SVG."""
    return render_to_string("receipts/mail.html", build_context(document))


def build_context(document: Document) -> dict[str, Any]:
    return {"document": document, "sections": [section for section in document.sections if section]}


def build_logo_url(logo: bytes | None) -> str:
    """Return the logo as a `data:` URL, as the page must not need another request."""
    return f"data:image/png;base64,{base64.b64encode(logo).decode()}" if logo else ""
