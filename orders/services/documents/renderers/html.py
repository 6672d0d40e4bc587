"""A paper as a page for a screen, and as the HTML part of a mail."""

from typing import Any

import segno
from django.template.loader import render_to_string
from django.utils.safestring import SafeString

from orders.services.documents.document import Paper


def html_of(paper: Paper) -> str:
    return render_to_string("receipts/receipt.html", face_of(paper) | {"qr": qr(paper.code)})


def mail_of(paper: Paper) -> str:
    """Mail programs show no drawings: the code is written out there."""
    return render_to_string("receipts/mail.html", face_of(paper))


def face_of(paper: Paper) -> dict[str, Any]:
    return {"paper": paper, "parts": [part for part in paper.parts if part]}


def qr(text: str) -> SafeString:
    """A drawing inside the page: one path without styles, which no security policy refuses.

    It is made of numbers alone: nothing of the text stands in it.
    """
    drawing = segno.make_qr(text, error="m").svg_inline(
        omitsize=True, svgclass="qr", lineclass=None, dark="#000", border=4
    )
    return SafeString(drawing)
