"""ESC/POS renderer for receipt printers, with a QR code.

A line is text if the code page of the printer has all its letters, otherwise an image.
"""

import importlib
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from wcwidth import iter_graphemes

from orders.services.documents.document import Document
from orders.services.documents.printer_settings import (
    CODE_PAGES,
    DEFAULT_PRINTER,
    CodePage,
    PrinterSettings,
)
from orders.services.documents.renderers.fonts import find_font, find_region
from orders.services.documents.renderers.raster import Raster, draw_line, draw_logo
from orders.services.documents.renderers.text_layout import TextLine, layout_code, layout_lines

# The previous job may leave any state: reset, switch off Chinese characters, and choose the US
# character set.
RESET = b"\x1b@" + b"\x1c." + b"\x1bR\x00"
CHOOSE_CODE_PAGE = b"\x1bt"
# Lines are centered and cut off within this width, on printers with more dots too.
SET_WIDTH = b"\x1dW"
LEFT, CENTER = b"\x1ba\x00", b"\x1ba\x01"
PLAIN, STRONG = b"\x1bE\x00", b"\x1bE\x01"
# Epson calls this command obsolete, but it is the one that printers of all makes understand.
PRINT_RASTER = b"\x1dv0\x00"
# Printers with little memory print an image in parts, without a gap.
MAX_RASTER_ROWS = 128
# Pin 2 of the drawer connector, 50 ms on, 500 ms until the next pulse (units of 2 ms).
OPEN_DRAWER = b"\x1bp\x00\x19\xfa"
# Feed to the cutter, then cut, leaving one point.
CUT = b"\x1dVB\x00"
# QR model 2, then the dots of a module, then error correction M.
QR_MODEL, QR_MODULE = b"\x1d(k\x04\x001A2\x00", b"\x1d(k\x03\x001C"
QR_CORRECTION = b"\x1d(k\x03\x001E1"
MAX_MODULE_DOTS = 6
QR_PRINT = b"\x1d(k\x03\x001Q0"
# Punctuation that is the same in ASCII, so that a line need not be an image because of it.
PUNCTUATION = str.maketrans(
    {
        **dict.fromkeys("\u2018\u2019\u201a\u2039\u203a", "'"),
        **dict.fromkeys("\u201c\u201d\u201e", '"'),
        **dict.fromkeys("\u2010\u2011\u2012\u2013\u2014\u2212", "-"),
        "\u2022": "*",
        "\u2026": "...",
        "\u2044": "/",
    }
)
# Letters that no font has, and whose Unicode decomposition is not in the code page either.
TRANSLITERATIONS = str.maketrans(
    {
        "\u0141": "L",
        "\u0142": "l",
        "\u0110": "D",
        "\u0111": "d",
        "\u0152": "OE",
        "\u0153": "oe",
        "\u1e9e": "SS",
    }
)


def render_escpos(document: Document) -> bytes:
    return b"".join(_render_parts(document))


def _render_parts(document: Document) -> Iterator[bytes]:
    printer = document.printer
    encoder = LineEncoder(printer, find_region("".join(_list_texts(document))))
    yield encoder.start
    if printer.drawer_pulse:
        yield OPEN_DRAWER
    if printer.logo and (logo := draw_logo(printer.logo, printer.dots)):
        yield CENTER + encode_raster(logo) + LEFT
    for line in layout_lines(document, encoder.prepare):
        yield encoder.encode(line)
    if document.fiscal_qr:
        yield b"\n" + CENTER + encode_qr(document.fiscal_qr, printer.dots) + LEFT
    yield b"\n" + CENTER + encode_qr(document.qr_text, printer.dots) + LEFT
    for line in layout_code(document, document.qr_text):
        yield encoder.encode(line)
    yield CUT


def _list_texts(document: Document) -> Iterator[str]:
    """List the texts that may have ideographs."""
    yield from (document.shop, document.store, document.address, *document.header, *document.footer)
    for section in document.sections:
        yield from (row.words for row in section)


@dataclass(frozen=True, slots=True)
class LineEncoder:
    """Encode lines of text for one printer."""

    printer: PrinterSettings
    # Face of the font for ideographs.
    region: int
    page: CodePage = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "page", CODE_PAGES[self.printer.code_page])

    @property
    def start(self) -> bytes:
        """Return the commands before the first line."""
        width = SET_WIDTH + self.printer.dots.to_bytes(2, "little")
        return RESET + CHOOSE_CODE_PAGE + bytes([self.page.number]) + width

    def prepare(self, text: str) -> str:
        """Replace what can be printed neither as text nor as an image, else by a question mark.

        Control characters are removed, so that no text can contain printer commands.
        """
        text = unicodedata.normalize("NFC", text)
        if self.has(text):
            return text
        return "".join(map(self._prepare_letter, iter_graphemes(text)))

    def _prepare_letter(self, letter: str) -> str:
        """Return a letter with its marks as it is printed."""
        if letter.isspace():
            return " "
        visible = "".join(each for each in letter if unicodedata.category(each) != "Cf")
        if self.has(visible):
            return visible
        plain = letter.translate(PUNCTUATION)
        if self.has(plain) or (unicodedata.category(letter[0])[0] != "C" and find_font(letter)):
            return plain
        return self._transliterate(letter)

    def _transliterate(self, letter: str) -> str:
        """Return similar letters of the code page, else a question mark."""
        near = unicodedata.normalize("NFKD", letter.translate(TRANSLITERATIONS))
        known = "".join(each for each in near if self.has(each))
        has_no_width = all(unicodedata.category(each) in {"Mn", "Me", "Cf"} for each in letter)
        return known or ("" if has_no_width else "?")

    def has(self, text: str) -> bool:
        """Return whether the code page has all characters of a text, none of them a control."""
        if any(unicodedata.category(character)[0] == "C" for character in text):
            return False
        try:
            text.encode(self.page.codec)
        except UnicodeEncodeError:
            return False
        return True

    def encode(self, line: TextLine) -> bytes:
        """Return a line as text in the code page, or as an image."""
        text = line.format(self.printer.columns)
        if not self.has(text):
            return encode_raster(draw_line(line, self.printer.dots, self.region))
        before = CENTER * line.is_centered + STRONG * line.is_strong
        after = PLAIN * line.is_strong + LEFT * line.is_centered
        return before + text.encode(self.page.codec) + b"\n" + after


def encode_raster(raster: Raster) -> bytes:
    """Return the commands for an image; the printer feeds the paper by its height."""
    return b"".join(_encode_bands(raster))


def _encode_bands(raster: Raster) -> Iterator[bytes]:
    row = (raster.width + 7) // 8
    for top in range(0, raster.height, MAX_RASTER_ROWS):
        rows = min(MAX_RASTER_ROWS, raster.height - top)
        size = row.to_bytes(2, "little") + rows.to_bytes(2, "little")
        yield PRINT_RASTER + size + raster.rows[top * row : (top + rows) * row]


def encode_qr(text: str, dots: int = DEFAULT_PRINTER.dots) -> bytes:
    """Return the command for a QR code, which the printer draws, at most `dots` wide."""
    data = text.encode("ascii")
    # Imported when asked for, as in the HTML renderer.
    segno: Any = importlib.import_module("segno")
    modules, _ = segno.make_qr(text, error="m").symbol_size(border=0)
    size = bytes([max(min(MAX_MODULE_DOTS, dots // modules), 1)])
    start = QR_MODEL + QR_MODULE + size + QR_CORRECTION
    return start + b"\x1d(k" + (len(data) + 3).to_bytes(2, "little") + b"1P0" + data + QR_PRINT
