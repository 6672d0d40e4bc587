"""A paper as plain text."""

from orders.services.documents.document import Document
from orders.services.documents.renderers.columns import WIDTH, TextLine, layout_lines


def render_text(document: Document) -> str:
    """For a screen and for a printer that knows nothing but letters; the code is written out."""
    lines = [*layout_lines(document), TextLine(""), TextLine(document.qr_text, is_centered=True)]
    return "".join(f"{_center(line)}\n" for line in lines)


def _center(line: TextLine) -> str:
    return line.text.center(WIDTH).rstrip() if line.is_centered else line.text
