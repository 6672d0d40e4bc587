"""Plain text renderer."""

from orders.services.documents.document import Document
from orders.services.documents.renderers.text_layout import WIDTH, TextLine, layout_lines


def render_text(document: Document) -> str:
    """Render as text, for a screen or a text-only printer, with the code as text."""
    lines = [*layout_lines(document), TextLine(""), TextLine(document.qr_text, is_centered=True)]
    texts = (each.text.center(WIDTH).rstrip() if each.is_centered else each.text for each in lines)
    return "".join(f"{text}\n" for text in texts)
