"""Layout in lines of the printer's paper width, measured in columns of a fixed-width font.

Wide letters (Chinese, Japanese, Korean) take two columns, combining marks none.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from unicodedata import category

from wcwidth import iter_graphemes, wcswidth

from orders.services.documents.document import Document, Row

WORDS = re.compile(r"\s+|[^\s-]+-*|-+")
# Vowels of Thai and Lao that belong to the letter before or after them, and punctuation and small
# letters of Japanese and Chinese that stay with the letter before or after them.
NOT_FIRST = frozenset(
    "\u0e30\u0e32\u0e33\u0e45\u0e46\u0e2f\u0eb0\u0eb2\u0eb3\u0ec6"
    "、。，．・：；？！）］｝〕〉》」』】ー々ぁぃぅぇぉっゃゅょゎァィゥェォッャュョヮ"  # noqa: RUF001
)
NOT_LAST = frozenset(
    "\u0e40\u0e41\u0e42\u0e43\u0e44\u0ec0\u0ec1\u0ec2\u0ec3\u0ec4（［｛〔〈《「『【"  # noqa: RUF001
)
MAX_JOINED_LETTERS = 8


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


def layout_code(document: Document, text: str) -> Iterator[TextLine]:
    """Lay out the content of a QR code as text; it is longer than a line of narrow paper."""
    for line in _wrap(text, document.printer.columns):
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
    texts = [f"{indent}{text}" for text in _wrap(row.words, columns, indent)]
    width = display_width(row.amount)
    if row.amount and display_width(texts[-1]) + 1 + width > columns:
        texts.append(indent)
    for text in texts[:-1]:
        yield TextLine(text, is_strong=row.is_strong)
    yield TextLine(texts[-1], row.amount, is_strong=row.is_strong)


def _wrap(text: str, columns: int, indent: str = "") -> list[str]:
    """Break at spaces and after hyphens, and words that are longer than a line between letters.

    The lines fit behind the indent. They are measured with it, because a mark at the beginning of a
    line is joined to the space before it, which becomes wider by that.
    """

    def fits(text: str) -> bool:
        return display_width(indent + text) <= columns

    lines = [""]
    for word in WORDS.findall(text):
        if word.isspace():
            lines[-1] += " " if lines[-1] else ""
        elif fits(lines[-1] + word):
            lines[-1] += word
        elif fits(word):
            lines.append(word)
        else:
            _append_letters(lines, word, fits)
    return [part for line in lines for part in _split_oversized(line.rstrip(), fits)]


def _append_letters(lines: list[str], word: str, fits: Callable[[str], bool]) -> None:
    for letters in _join_letters(word):
        if lines[-1] and not fits(lines[-1] + letters):
            lines.append("")
        lines[-1] += letters


def _join_letters(word: str) -> list[str]:
    """Split a word between letters with all their marks, but not before `NOT_FIRST`.

    A few letters at most are kept together, so that they fit on a line.
    """
    parts = [""]
    for letter in iter_graphemes(word):
        is_joined = letter[0] in NOT_FIRST or parts[-1][-1:] in NOT_LAST
        if is_joined and len(parts[-1]) < MAX_JOINED_LETTERS:
            parts[-1] += letter
        else:
            parts.append(letter)
    return parts


def _split_oversized(line: str, fits: Callable[[str], bool]) -> Iterator[str]:
    """Split one letter of many parts that is wider than the paper, such as a row of Hangul jamo."""
    if fits(line):
        yield line
        return
    part = ""
    for character in line:
        if not fits(part + character):
            yield part
            part = ""
        part += character
    yield part
