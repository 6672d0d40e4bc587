"""A paper as a page for a screen, and as the HTML part of a mail."""

from typing import Any

import segno
from django.template.loader import render_to_string
from django.utils.safestring import SafeString

from orders.services.documents.document import Document


def render_html(document: Document) -> str:
    return render_to_string(
        "receipts/receipt.html", build_context(document) | {"qr": draw_qr(document.qr_text)}
    )


def render_mail(document: Document) -> str:
    """Mail programs show no drawings: the code is written out there."""
    return render_to_string("receipts/mail.html", build_context(document))


def build_context(document: Document) -> dict[str, Any]:
    return {"document": document, "sections": [section for section in document.sections if section]}


def draw_qr(text: str) -> SafeString:
    """A drawing inside the page: one path without styles, which no security policy refuses.

    It is made of numbers alone: nothing of the text stands in it.
    """
    drawing = segno.make_qr(text, error="m").svg_inline(
        omitsize=True, svgclass="qr", lineclass=None, dark="#000", border=4
    )
    return SafeString(drawing)
