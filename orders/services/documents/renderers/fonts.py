"""Fonts of the system for text that a printer has no letters for: which font has which letter.

Noto has a font for each script, and its file is named after the script.
"""

import importlib
import os
import re
import struct
import unicodedata
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import Any, BinaryIO

from orders.services.documents.renderers.bidi import load_fribidi

FONT_DIRECTORIES = (
    "/usr/share/fonts",
    "/usr/local/share/fonts",
    "~/.local/share/fonts",
    "/Library/Fonts",
    "/System/Library/Fonts",
    "C:/Windows/Fonts",
)
# Of each family, the regular style: NotoSans-Regular.ttf, NotoSans[wdth,wght].ttf, DejaVuSans.ttf.
FONT_FILE = re.compile(
    r"(NotoSans\w*|NotoSerifTibetan|DejaVuSans(?:Mono)?|DroidSansFallbackFull)"
    r"(-Regular|-VF|\[[\w,]+\])?\.(?:ttf|otf|ttc)"
)
# Sizes in dots that fit the printer's characters of 12 x 24 dots: letters of the fixed-width fonts
# are 12 dots wide, ideographs 24.
SIZES = {"NotoSansMono": 20, "DejaVuSansMono": 20, "NotoSansCJK": 24, "DroidSansFallbackFull": 24}
OTHER_SIZE = 22
FIXED_WIDTH = "NotoSansMono"
# DejaVu Sans Mono has Arabic too, in letters of one width, so the font of the script goes first.
FALLBACKS = (
    "DejaVuSansMono",
    "NotoSans",
    "NotoSansCJK",
    "NotoSansSymbols",
    "NotoSansSymbols2",
    "NotoSansMath",
    "NotoSerifTibetan",
    "DejaVuSans",
    "DroidSansFallbackFull",
)
# What `check` looks for: a font, the script it is for, and the package of Debian that has it.
EXPECTED_FONTS = (
    ("NotoSansMono", "fonts-noto-mono"),
    ("NotoSansArabic", "fonts-noto-core"),
    ("NotoSansThai", "fonts-noto-core"),
    ("NotoSansCJK", "fonts-noto-cjk"),
)
# Letters from Hebrew to Myanmar and a few later blocks join, reorder or stack: they need Raqm.
COMPLEX_LETTERS = re.compile(
    "[\u0590-\u109f\u1700-\u1cff\ua800-\uabff\ufb1d-\ufdff\ufe70-\ufeff\U00010800-\U00011fff]"
)
# Index of the font in the collection NotoSansCJK for each region, because the same ideographs
# differ in shape.
JAPANESE, KOREAN, CHINESE, TAIWANESE = range(4)
REGIONS = (
    (re.compile("[\u3040-\u30ff\u31f0-\u31ff\uff66-\uff9f]"), JAPANESE),
    (re.compile("[\u1100-\u11ff\u3130-\u318f\ua960-\ua97f\uac00-\ud7ff]"), KOREAN),
    (re.compile("[\u3100-\u312f\u31a0-\u31bf]"), TAIWANESE),
)


@dataclass(frozen=True, slots=True)
class Font:
    """A font file, with the size in which it is drawn."""

    path: str
    size: int
    is_collection: bool = False


@cache
def find_font_files() -> dict[str, str]:
    """Return the paths of the known families on this machine."""
    found: dict[str, str] = {}
    for directory in FONT_DIRECTORIES:
        for folder, _, names in os.walk(os.path.expanduser(directory)):
            for name in names:
                if match := FONT_FILE.fullmatch(name):
                    found.setdefault(match[1], os.path.join(folder, name))
    return found


def list_missing_packages() -> list[str]:
    """Return the packages of Debian without which some scripts cannot be printed."""
    files = find_font_files()
    missing = [package for family, package in EXPECTED_FONTS if family not in files]
    return sorted({*missing, *([] if can_shape() else ["libfribidi0"])})


@cache
def can_shape() -> bool:
    """Return whether Pillow can join Arabic letters and place marks, which needs FriBiDi."""
    return importlib.import_module("PIL.features").check("raqm") and load_fribidi() is not None


def find_region(text: str) -> int:
    """Return the face of NotoSansCJK for the ideographs of a document."""
    return next((region for letters, region in REGIONS if letters.search(text)), CHINESE)


@lru_cache(maxsize=4096)
def find_font(letter: str) -> Font | None:
    """Return the font for a letter with all its marks, or None if no font has it."""
    if COMPLEX_LETTERS.search(letter) and not can_shape():
        return None
    visible = [ord(each) for each in letter if unicodedata.category(each) != "Cf"]
    for font in filter(None, map(_find_family, _list_families(letter[0]))):
        coverage = _load_coverage(font.path)
        if all(character in coverage for character in visible):
            return font
    return None


def _list_families(character: str) -> Iterator[str]:
    """List the families to search: fixed width, the script's own, then those for many scripts."""
    yield FIXED_WIDTH
    script = unicodedata.name(character, "").partition(" ")[0]
    yield f"NotoSans{script.title()}"
    yield from FALLBACKS


def _find_family(family: str) -> Font | None:
    path = find_font_files().get(family)
    if path is None:
        return None
    return Font(path, SIZES.get(family, OTHER_SIZE), family == "NotoSansCJK")


@lru_cache(maxsize=32)
def load_font(font: Font, region: int) -> Any:
    """Open a font with Pillow, which reads only the glyphs that are drawn."""
    image_font = importlib.import_module("PIL.ImageFont")
    layout = image_font.Layout
    return image_font.truetype(
        font.path,
        font.size,
        index=region if font.is_collection and font.path.endswith(".ttc") else 0,
        layout_engine=layout.RAQM if can_shape() else layout.BASIC,
    )


# Formats of the subtables that list characters.
GROUPS, SEGMENTS = 12, 4


class Coverage:
    """The characters that a font has glyphs for, as sorted ranges.

    Read from the file, because Pillow cannot list them and a dictionary of 45,000 ideographs
    takes 40 MB. Format of the table: https://learn.microsoft.com/typography/opentype/spec/cmap
    """

    def __init__(self, ranges: list[tuple[int, int]]) -> None:
        self.starts = [start for start, _ in ranges]
        self.ends = [end for _, end in ranges]

    def __contains__(self, character: int) -> bool:
        place = bisect_right(self.starts, character) - 1
        return place >= 0 and character <= self.ends[place]


@cache
def _load_coverage(path: str) -> Coverage:
    """Read which characters a font has; a broken file has none."""
    try:
        with open(path, "rb") as file:
            table = _read_table(file, b"cmap")
            return Coverage(sorted(_list_ranges(table)))
    except (OSError, struct.error):
        return Coverage([])


def _read_table(file: BinaryIO, wanted: bytes) -> bytes:
    """Return a table of a font file, or of the first font of a collection."""
    start = 0
    if file.read(4) == b"ttcf":
        file.seek(12)
        (start,) = struct.unpack(">I", file.read(4))
    file.seek(start + 4)
    (count,) = struct.unpack(">H6x", file.read(8))
    for _ in range(count):
        tag, offset, length = struct.unpack(">4s4xII", file.read(16))
        if tag == wanted:
            file.seek(offset)
            return file.read(length)
    return b""


def _list_ranges(table: bytes) -> Iterator[tuple[int, int]]:
    """List the ranges of the subtable with all characters, otherwise of the one with most."""
    (count,) = struct.unpack_from(">2xH", table)
    offsets = {struct.unpack_from(">I", table, 8 + 8 * number)[0] for number in range(count)}
    by_format = {struct.unpack_from(">H", table, offset)[0]: offset for offset in offsets}
    if GROUPS in by_format:
        yield from _list_groups(table, by_format[GROUPS])
    elif SEGMENTS in by_format:
        yield from _list_segments(table, by_format[SEGMENTS])


def _list_groups(table: bytes, offset: int) -> Iterator[tuple[int, int]]:
    """List the ranges of a subtable of format 12."""
    (count,) = struct.unpack_from(">I", table, offset + 12)
    for number in range(count):
        yield struct.unpack_from(">II", table, offset + 16 + 12 * number)


def _list_segments(table: bytes, offset: int) -> Iterator[tuple[int, int]]:
    """List the ranges of a subtable of format 4. The last one, 0xFFFF, is no character."""
    (double,) = struct.unpack_from(">H", table, offset + 6)
    count = double // 2 - 1
    ends = struct.unpack_from(f">{count}H", table, offset + 14)
    starts = struct.unpack_from(f">{count}H", table, offset + 16 + double)
    yield from zip(starts, ends, strict=True)
