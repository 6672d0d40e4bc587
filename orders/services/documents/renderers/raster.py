"""Images for receipt printers: lines of text in letters that the printer lacks, and logos."""

import importlib
import logging
from dataclasses import dataclass
from functools import lru_cache
from io import BytesIO
from itertools import groupby
from operator import itemgetter
from typing import Any

from wcwidth import iter_graphemes

from orders.services.documents.printer_settings import DOTS_PER_COLUMN
from orders.services.documents.renderers.bidi import find_levels, reorder
from orders.services.documents.renderers.fonts import can_shape, find_font, load_font
from orders.services.documents.renderers.text_layout import TextLine

logger = logging.getLogger(__name__)

# Rows of a line at 203 dpi: as far apart as lines of text, with the letters on the 25th row.
LINE_HEIGHT, BASELINE = 30, 23
# Rows above and below for marks and for scripts that need more; what is beyond is cut off.
MARGIN = 24
# Columns between a text and its amount.
GAP = 12
# Pixels that are covered more than this (of 255) are printed.
THRESHOLD = 110
DOTS = [255 if value >= THRESHOLD else 0 for value in range(256)]
# A PNG can announce any size in a few bytes. 4 million pixels are 2,000 x 2,000.
MAX_LOGO_PIXELS = 4_000_000
MAX_LOGO_HEIGHT = 400


@dataclass(frozen=True, slots=True)
class Raster:
    """Rows of dots, one bit each, from left to right; 1 is black."""

    width: int
    height: int
    rows: bytes


@dataclass(frozen=True, slots=True)
class Run:
    """Letters of one font and one direction."""

    text: str
    font: Any
    is_right_to_left: bool

    @property
    def direction(self) -> dict[str, str]:
        """Return the argument for Pillow, which refuses it without Raqm."""
        return {"direction": "rtl" if self.is_right_to_left else "ltr"} if can_shape() else {}

    @property
    def width(self) -> int:
        width: float = self.font.getlength(self.text, **self.direction)
        return round(width)


@lru_cache(maxsize=512)
def draw_line(line: TextLine, width: int, region: int) -> Raster:
    """Draw a line as wide as the paper; a text that would not fit is compressed.

    Drawing takes milliseconds, and the same products are sold again: 512 lines take 1 to 2 MB.
    `region` is the face of the font for ideographs, see `find_region`.
    """
    canvas = _new_canvas(width)
    words = line.text.strip()
    # Not drawn with the words, because they may run from right to left.
    indent = (len(line.text) - len(line.text.lstrip())) * DOTS_PER_COLUMN
    amount = _draw_text(line.amount, region)
    place = width - indent - (amount.width + GAP if line.amount else 0)
    text = _fit(_draw_text(words, region), place)
    canvas.paste(text, ((width - text.width) // 2 if line.is_centered else indent, 0))
    canvas.paste(amount, (width - amount.width, 0))
    if line.is_strong:
        canvas = _embolden(canvas)
    return _to_raster(_crop_rows(canvas))


def _new_canvas(width: int) -> Any:
    """Return an image whose ink is white, as a printed dot is a 1."""
    return importlib.import_module("PIL.Image").new("L", (width, LINE_HEIGHT + 2 * MARGIN))


def _draw_text(text: str, region: int) -> Any:
    """Draw a text in the order in which it is read, in as many fonts as it needs."""
    runs = list_runs(text, region)
    widths = [run.width for run in runs]
    canvas = _new_canvas(max(1, sum(widths)))
    draw = importlib.import_module("PIL.ImageDraw").Draw(canvas)
    x = 0
    for run, width in zip(runs, widths, strict=True):
        place = (x, MARGIN + BASELINE)
        draw.text(place, run.text, fill=255, font=run.font, anchor="ls", **run.direction)
        x += width
    return canvas


def list_runs(text: str, region: int) -> list[Run]:
    """Split a text by font and direction, from left to right."""
    letters = list(iter_graphemes(text))
    levels = find_levels(text)
    keys, place = [], 0
    for letter in letters:
        keys.append((find_font(letter), levels[place]))
        place += len(letter)
    runs, run_levels = [], []
    for (font, level), group in groupby(zip(keys, letters, strict=True), key=itemgetter(0)):
        if font is not None:
            words = "".join(letter for _, letter in group)
            runs.append(Run(words, load_font(font, region), level % 2 == 1))
            run_levels.append(level)
    return reorder(runs, run_levels)


def _fit(image: Any, width: int) -> Any:
    """Compress an image that is wider than its place."""
    if image.width <= width:
        return image
    return image.resize((max(1, width), image.height))


def _embolden(canvas: Any) -> Any:
    """Print every dot twice, one dot apart, as printers do for emphasis."""
    chops = importlib.import_module("PIL.ImageChops")
    shifted = _new_canvas(canvas.width)
    shifted.paste(canvas, (1, 0))
    return chops.lighter(canvas, shifted)


def _crop_rows(canvas: Any) -> Any:
    """Remove the rows above and below the line that nothing is drawn on."""
    box = canvas.getbbox() or (0, MARGIN, 0, MARGIN)
    top, bottom = min(box[1], MARGIN), max(box[3], MARGIN + LINE_HEIGHT)
    return canvas.crop((0, top, canvas.width, bottom))


def _to_raster(canvas: Any) -> Raster:
    """Return the dots of an image whose ink is white."""
    dots = canvas.point(DOTS, "1")
    return Raster(canvas.width, canvas.height, dots.tobytes())


@lru_cache(maxsize=8)
def draw_logo(png: bytes, width: int) -> Raster | None:
    """Return a logo in black dots, at most as wide as the paper, or None if it cannot be read.

    A receipt is printed without a logo that is broken, too large or no PNG.
    """
    image = importlib.import_module("PIL.Image")
    try:
        with image.open(BytesIO(png), formats=("PNG",)) as picture:
            return _dither(picture, width)
    except Exception as error:  # Pillow raises many kinds for broken files.
        logger.warning("The logo of a receipt cannot be read: %s", error)
        return None


def _dither(picture: Any, width: int) -> Raster:
    """Scale a picture down to the paper, on white, and turn grey into a pattern of dots.

    The pixels are read after their number is known. Raises `ValueError` if there are too many.
    """
    if picture.width * picture.height > MAX_LOGO_PIXELS:
        raise ValueError(f"{picture.width} x {picture.height} pixels are too many.")
    image, operations = (importlib.import_module(f"PIL.{name}") for name in ("Image", "ImageOps"))
    picture = picture.convert("RGBA")
    picture.thumbnail((width, MAX_LOGO_HEIGHT))
    page = image.new("RGBA", picture.size, "white")
    page.alpha_composite(picture)
    dots = operations.invert(page.convert("L")).convert("1")
    return Raster(dots.width, dots.height, dots.tobytes())
