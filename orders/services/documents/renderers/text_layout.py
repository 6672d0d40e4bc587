"""Layout in lines of the printer's paper width, measured in columns of a fixed-width font.

Wide letters (Chinese, Japanese, Korean) take two columns, combining marks none.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from unicodedata import category

from wcwidth import wcswidth, wrap

from orders.services.documents.document import Document, Row


@dataclass(frozen=True, slots=True)
class TextLine:
    text: str
    # Ends at the right edge of the line.
    amount: str = ""
    is_centered: bool = False
    is_strong: bool = False

    def format(self, columns: int) -> str:
        """Return the text with the amount at the right edge; the printer centers."""
        if not self.amount:
            return self.text.rstrip()
        spaces = columns - display_width(self.text) - display_width(self.amount)
        return f"{self.text}{' ' * spaces}{self.amount}"


def display_width(text: str) -> int:
    """Return the columns of a text without control characters."""
    return wcswidth(text)


def remove_controls(text: str) -> str:
    """Remove control characters, which are no text, could be commands, and have no width."""
    return "".join(
        " " if character.isspace() else character
        for character in text
        if character.isspace() or category(character) != "Cc"
    )


def layout_lines(
    document: Document, prepare: Callable[[str], str] = remove_controls
) -> Iterator[TextLine]:
    """Lay out everything but the QR code; `prepare` adapts text to the printer."""
    columns = document.printer.columns
    yield from _layout_header(document, prepare)
    yield TextLine("")
    for number, (name, value) in enumerate(document.header_fields):
        time = "" if number else document.issued_at_text
        yield from _layout_row(Row(prepare(f"{name} {value}"), time), columns)
    for section in filter(None, document.sections):
        yield TextLine("-" * columns)
        for row in section:
            words, amount = prepare(row.words), prepare(row.amount)
            yield from _layout_row(Row(words, amount, row.is_detail, row.is_strong), columns)
    yield from _layout_footer(document, prepare)


def layout_code(document: Document) -> Iterator[TextLine]:
    """Lay out the content of the QR code as text; it is longer than a line of narrow paper."""
    for line in _wrap(document.qr_text, document.printer.columns):
        yield TextLine(line, is_centered=True)


def _layout_header(document: Document, prepare: Callable[[str], str]) -> Iterator[TextLine]:
    columns = document.printer.columns
    for strong in (*document.banners, document.shop):
        for line in _wrap(prepare(strong), columns):
            yield TextLine(line, is_centered=True, is_strong=True)
    for text in (document.store, *document.address.splitlines(), *document.header):
        for line in _wrap(prepare(text), columns):
            yield TextLine(line, is_centered=True)


def _layout_footer(document: Document, prepare: Callable[[str], str]) -> Iterator[TextLine]:
    columns = document.printer.columns
    if document.footer:
        yield TextLine("-" * columns)
    for text in document.footer:
        for line in _wrap(prepare(text), columns):
            yield TextLine(line, is_centered=True)


def _layout_row(row: Row, columns: int) -> Iterator[TextLine]:
    """Wrap the text on the left; put the amount at the right edge of the last line."""
    indent = "  " if row.is_detail else ""
    texts = [f"{indent}{text}" for text in _wrap(row.words, columns - len(indent))]
    width = display_width(row.amount)
    if row.amount and display_width(texts[-1]) + 1 + width > columns:
        texts.append(indent)
    for text in texts[:-1]:
        yield TextLine(text, is_strong=row.is_strong)
    yield TextLine(texts[-1], row.amount, is_strong=row.is_strong)


def _wrap(text: str, columns: int) -> list[str]:
    """Break at spaces and hyphens, and longer words between letters with all their marks."""
    lines = wrap(text, columns, propagate_sgr=False) or [""]
    return [part for line in lines for part in _split_oversized(line, columns)]


def _split_oversized(line: str, columns: int) -> Iterator[str]:
    """Split one letter of many parts that is wider than the paper, such as a row of Hangul jamo."""
    if display_width(line) <= columns:
        yield line
        return
    part = ""
    for character in line:
        if display_width(part + character) > columns:
            yield part
            part = ""
        part += character
    yield part
