"""Settings of the receipt printer that a document is rendered for."""

from dataclasses import dataclass
from typing import Literal

# Roll widths in millimetres.
PaperWidth = Literal[80, 58]

DOTS_PER_COLUMN = 12
# Characters per line in font A (12 x 24 dots) at 203 dpi. Printers for 80 mm print 512 or 576 dots,
# so 42 columns (504 dots) fit on all of them.
COLUMNS: dict[PaperWidth, int] = {80: 42, 58: 32}


@dataclass(frozen=True, slots=True)
class CodePage:
    """A character table of the printer: its number in `ESC t`, and the Python codec."""

    number: int
    codec: str


# Numbers as in Epson's ESC/POS command reference, `ESC t`. Tables of Arabic and Hebrew are not
# listed, because printers neither join letters nor order them from right to left, nor are tables
# without a Python codec (PC851, Thai) and with separate accents (WPC1258): lines with these letters
# are printed as an image.
CODE_PAGES: dict[str, CodePage] = {
    "pc437": CodePage(0, "cp437"),
    "pc737": CodePage(14, "cp737"),
    "pc775": CodePage(33, "cp775"),
    "pc850": CodePage(2, "cp850"),
    "pc852": CodePage(18, "cp852"),
    "pc855": CodePage(34, "cp855"),
    "pc857": CodePage(13, "cp857"),
    "pc858": CodePage(19, "cp858"),
    "pc860": CodePage(3, "cp860"),
    "pc861": CodePage(35, "cp861"),
    "pc863": CodePage(4, "cp863"),
    "pc865": CodePage(5, "cp865"),
    "pc866": CodePage(17, "cp866"),
    "pc869": CodePage(38, "cp869"),
    "pc1125": CodePage(44, "cp1125"),
    "wpc1250": CodePage(45, "cp1250"),
    "wpc1251": CodePage(46, "cp1251"),
    "wpc1252": CodePage(16, "cp1252"),
    "wpc1253": CodePage(47, "cp1253"),
    "wpc1254": CodePage(48, "cp1254"),
    "wpc1257": CodePage(51, "cp1257"),
    "iso8859-2": CodePage(39, "iso8859_2"),
    "iso8859-7": CodePage(15, "iso8859_7"),
    "iso8859-15": CodePage(40, "iso8859_15"),
    "kz1048": CodePage(53, "kz1048"),
}


@dataclass(frozen=True, slots=True)
class PrinterSettings:
    """What a renderer must know about the printer of the store."""

    paper_mm: PaperWidth = 80
    # A key of `CODE_PAGES`.
    code_page: str = "pc858"
    # Open the cash drawer that is connected to the printer. In a document, whether this document
    # opens it.
    drawer_pulse: bool = False
    # A PNG image, printed above everything else.
    logo: bytes | None = None

    @property
    def columns(self) -> int:
        """Return the number of characters of a line."""
        return COLUMNS[self.paper_mm]

    @property
    def dots(self) -> int:
        """Return the width of a line in dots."""
        return self.columns * DOTS_PER_COLUMN


DEFAULT_PRINTER = PrinterSettings()
