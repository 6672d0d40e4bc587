"""Plain text renderer."""

from orders.services.documents.document import Document
from orders.services.documents.renderers.text_layout import WIDTH, TextLine, layout_lines


def render_text(document: Document) -> str:
    """Render as text, for a screen or a text-only printer, with the code as text."""
    lines = [*layout_lines(document), TextLine(""), TextLine(document.qr_text, is_centered=True)]
    return "".join(f"{_center(line)}\n" for line in lines)


def _center(line: TextLine) -> str:
    return line.text.center(WIDTH).rstrip() if line.is_centered else line.text
