"""A paper as the bytes that receipt printers understand (ESC/POS), with its code as QR."""

import unicodedata
from collections.abc import Iterator

from orders.services.documents.document import Document
from orders.services.documents.renderers.columns import TextLine, layout_lines

# Printers are left by the one before in any state: reset, no Chinese letters, international ASCII,
# and code page 19, which is PC858: western letters and the euro.
START = b"\x1b@" + b"\x1c." + b"\x1bR\x00" + b"\x1bt\x13"
ENCODING = "cp858"
LEFT, CENTER = b"\x1ba\x00", b"\x1ba\x01"
PLAIN, STRONG = b"\x1bE\x00", b"\x1bE\x01"
# Feed as far as the knife is away, and cut but for one point.
CUT = b"\x1dVB\x00"
# Model 2, six dots to a module, and a code that a crease in the paper does not spoil.
QR_START = b"\x1d(k\x04\x001A2\x00" + b"\x1d(k\x03\x001C\x06" + b"\x1d(k\x03\x001E1"
QR_PRINT = b"\x1d(k\x03\x001Q0"
# Letters that no decomposition leads to anything in the code page.
TRANSLITERATIONS = str.maketrans(
    {
        **dict.fromkeys("\u2018\u2019\u201a\u2039\u203a", "'"),
        **dict.fromkeys("\u201c\u201d\u201e", '"'),
        **dict.fromkeys("\u2010\u2011\u2012\u2013\u2014\u2212", "-"),
        "\u2022": "*",
        "\u0141": "L",
        "\u0142": "l",
        "\u0110": "D",
        "\u0111": "d",
        "\u0152": "OE",
        "\u0153": "oe",
        "\u1e9e": "SS",
        "\u2044": "/",
    }
)


def render_escpos(document: Document) -> bytes:
    code = TextLine(document.qr_text, is_centered=True)
    lines = b"".join(_encode_line(line) for line in layout_lines(document, transliterate))
    return (
        START
        + lines
        + b"\n"
        + CENTER
        + encode_qr(document.qr_text)
        + LEFT
        + _encode_line(code)
        + CUT
    )


def transliterate(text: str) -> str:
    """In letters that the printer has; what has no relative among them is a question mark.

    Nothing that is part of a name can be a command: control characters are not among them.
    """
    return "".join(
        _transliterate_character(character) for character in unicodedata.normalize("NFC", text)
    )


def _transliterate_character(character: str) -> str:
    if character.isspace():
        return " "
    if _is_printable(character):
        return character
    near = unicodedata.normalize("NFKD", character.translate(TRANSLITERATIONS))
    known = "".join(each for each in near if _is_printable(each))
    return known or ("" if unicodedata.combining(character) else "?")


def _is_printable(character: str) -> bool:
    if unicodedata.category(character).startswith("C"):
        return False
    try:
        character.encode(ENCODING)
    except UnicodeEncodeError:
        return False
    return True


def _encode_line(line: TextLine) -> bytes:
    return b"".join(_encode_styles(line))


def _encode_styles(line: TextLine) -> Iterator[bytes]:
    if line.is_centered:
        yield CENTER
    if line.is_strong:
        yield STRONG
    yield line.text.encode(ENCODING) + b"\n"
    if line.is_strong:
        yield PLAIN
    if line.is_centered:
        yield LEFT


def encode_qr(text: str) -> bytes:
    """The printer draws it itself."""
    data = text.encode("ascii")
    return QR_START + b"\x1d(k" + (len(data) + 3).to_bytes(2, "little") + b"1P0" + data + QR_PRINT
