"""Plain text renderer."""

from orders.services.documents.document import Document
from orders.services.documents.renderers.text_layout import (
    TextLine,
    display_width,
    layout_code,
    layout_lines,
)


def render_text(document: Document) -> str:
    """Render as text, for a screen or a text-only printer, with the code as text."""
    fiscal = [TextLine(""), *layout_code(document, document.fiscal_qr)]
    lines = [
        *layout_lines(document),
        *(fiscal if document.fiscal_qr else ()),
        TextLine(""),
        *layout_code(document, document.qr_text),
    ]
    return "".join(f"{_align(line, document.printer.columns)}\n" for line in lines)


def _align(line: TextLine, columns: int) -> str:
    """Return the line with its amount at the right edge, or in the middle if it is centered."""
    text = line.format(columns)
    spaces = (columns - display_width(text)) // 2 if line.is_centered else 0
    return f"{' ' * spaces}{text}"
