"""Layout in lines of 42 characters: the width of an 80 mm receipt printer in font A."""

import textwrap
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from orders.services.documents.document import Document, Row

WIDTH = 42


@dataclass(frozen=True, slots=True)
class TextLine:
    text: str
    is_centered: bool = False
    is_strong: bool = False


def layout_lines(
    document: Document, transliterate: Callable[[str], str] = str
) -> Iterator[TextLine]:
    """Lay out everything but the QR code; `transliterate` adapts text to the printer."""
    yield from _layout_header(document, transliterate)
    yield TextLine("")
    for number, (name, value) in enumerate(document.header_fields):
        time = "" if number else document.issued_at_text
        yield from _layout_row(Row(transliterate(f"{name} {value}"), time))
    for section in filter(None, document.sections):
        yield TextLine("-" * WIDTH)
        for row in section:
            words, amount = transliterate(row.words), transliterate(row.amount)
            yield from _layout_row(Row(words, amount, row.is_detail, row.is_strong))
    yield from _layout_footer(document, transliterate)


def _layout_header(document: Document, transliterate: Callable[[str], str]) -> Iterator[TextLine]:
    for strong in (*document.banners, document.shop):
        for line in _wrap(transliterate(strong)):
            yield TextLine(line, is_centered=True, is_strong=True)
    for text in (document.store, *document.address.splitlines(), *document.header):
        for line in _wrap(transliterate(text)):
            yield TextLine(line, is_centered=True)


def _layout_footer(document: Document, transliterate: Callable[[str], str]) -> Iterator[TextLine]:
    if document.footer:
        yield TextLine("-" * WIDTH)
    for text in document.footer:
        for line in _wrap(transliterate(text)):
            yield TextLine(line, is_centered=True)


def _layout_row(row: Row) -> Iterator[TextLine]:
    """Wrap the text on the left; put the amount at the right edge of the last line."""
    indent = "  " if row.is_detail else ""
    texts = [f"{indent}{text}" for text in _wrap(row.words, WIDTH - len(indent))]
    if row.amount and len(texts[-1]) + 1 + len(row.amount) > WIDTH:
        texts.append(indent)
    for text in texts[:-1]:
        yield TextLine(text, is_strong=row.is_strong)
    last = texts[-1]
    yield TextLine(f"{last}{row.amount.rjust(WIDTH - len(last))}".rstrip(), is_strong=row.is_strong)


def _wrap(text: str, width: int = WIDTH) -> list[str]:
    return textwrap.wrap(text, width) or [""]
