"""ESC/POS renderer for receipt printers, with a QR code."""

import unicodedata
from collections.abc import Iterator

from orders.services.documents.document import Document
from orders.services.documents.renderers.text_layout import TextLine, layout_lines

# The previous job may leave any state: reset, switch off Chinese characters, choose the US
# character set and code page 19 (PC858: western letters and the euro sign).
START = b"\x1b@" + b"\x1c." + b"\x1bR\x00" + b"\x1bt\x13"
ENCODING = "cp858"
LEFT, CENTER = b"\x1ba\x00", b"\x1ba\x01"
PLAIN, STRONG = b"\x1bE\x00", b"\x1bE\x01"
# Feed to the cutter, then cut, leaving one point.
CUT = b"\x1dVB\x00"
# QR model 2, module of 6 dots, error correction M.
QR_START = b"\x1d(k\x04\x001A2\x00" + b"\x1d(k\x03\x001C\x06" + b"\x1d(k\x03\x001E1"
QR_PRINT = b"\x1d(k\x03\x001Q0"
# Letters whose Unicode decomposition is not in the code page either.
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
    """Replace characters that the code page lacks by similar ones, else by a question mark.

    Control characters are removed, so that no text can contain printer commands.
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
    """Return the command for a QR code; the printer draws it."""
    data = text.encode("ascii")
    return QR_START + b"\x1d(k" + (len(data) + 3).to_bytes(2, "little") + b"1P0" + data + QR_PRINT
