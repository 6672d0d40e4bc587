"""A paper as the bytes that receipt printers understand (ESC/POS), with its code as QR."""

import unicodedata
from collections.abc import Iterator

from orders.services.documents.document import Paper
from orders.services.documents.renderers.columns import Line, lines_of

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
SPELLED = str.maketrans(
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


def escpos_of(paper: Paper) -> bytes:
    code = Line(paper.code, is_centered=True)
    lines = b"".join(_line(line) for line in lines_of(paper, spelled))
    return START + lines + b"\n" + CENTER + qr(paper.code) + LEFT + _line(code) + CUT


def spelled(text: str) -> str:
    """In letters that the printer has; what has no relative among them is a question mark.

    Nothing that is part of a name can be a command: control characters are not among them.
    """
    return "".join(_letters(character) for character in unicodedata.normalize("NFC", text))


def _letters(character: str) -> str:
    if character.isspace():
        return " "
    if _is_printable(character):
        return character
    near = unicodedata.normalize("NFKD", character.translate(SPELLED))
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


def _line(line: Line) -> bytes:
    return b"".join(_styled(line))


def _styled(line: Line) -> Iterator[bytes]:
    if line.is_centered:
        yield CENTER
    if line.is_strong:
        yield STRONG
    yield line.text.encode(ENCODING) + b"\n"
    if line.is_strong:
        yield PLAIN
    if line.is_centered:
        yield LEFT


def qr(text: str) -> bytes:
    """The printer draws it itself."""
    data = text.encode("ascii")
    return QR_START + b"\x1d(k" + (len(data) + 3).to_bytes(2, "little") + b"1P0" + data + QR_PRINT
