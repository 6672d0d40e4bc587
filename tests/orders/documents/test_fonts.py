"""Fonts of the system: which font has which letter."""

import struct
import unicodedata

import pytest
from django.core.checks.registry import registry
from fontTools.ttLib import TTFont

from orders.checks import check_receipt_fonts
from orders.services.documents.renderers import fonts
from orders.services.documents.renderers.bidi import find_levels, reorder
from orders.services.documents.renderers.fonts import find_font, find_region
from orders.services.documents.renderers.raster import list_runs
from tests.support.fonts import without_fonts

LETTERS = {
    "Latin": "Ł",
    "Greek": "Ω",
    "Cyrillic": "Ж",
    "Hebrew": "ש",
    "Arabic": "ق",
    "Thai": "ก",
    "Devanagari": "क",
    "Armenian": "Ա",
    "Georgian": "ა",
    "Hiragana": "さ",
    "Ideographs": "寿",
    "Hangul": "한",
}


@pytest.mark.fonts
@pytest.mark.parametrize("script", LETTERS)
def test_font_of_each_script_has_its_letters(script):
    """Compared with fontTools, which reads the table of characters in another way."""
    letter = LETTERS[script]

    font = find_font(letter)

    known = TTFont(font.path, fontNumber=0, lazy=True).getBestCmap()
    assert ord(letter) in known


@pytest.mark.fonts
@pytest.mark.parametrize("family", ["NotoSansMono", "NotoSansThai", "NotoSansCJK", "DejaVuSans"])
def test_characters_of_a_font_are_those_that_another_library_reads(family):
    path = fonts.find_font_files()[family]
    coverage = fonts._load_coverage(path)

    known = set(TTFont(path, fontNumber=0, lazy=True).getBestCmap())

    ranges = zip(coverage.starts, coverage.ends, strict=True)
    assert {code for start, end in ranges for code in range(start, end + 1)} == known


@pytest.mark.fonts
@pytest.mark.parametrize(
    ("letter", "family"),
    [
        ("ق", "NotoSansArabic"),
        ("ש", "NotoSansHebrew"),
        ("ა", "NotoSansGeorgian"),
        ("Ж", "NotoSansMono"),
    ],
)
def test_font_of_the_script_goes_before_other_fonts(letter, family):
    """DejaVu Sans Mono has all of these letters, those of Arabic in one width."""
    assert find_font(letter) == fonts._find_family(family)


@pytest.mark.fonts
def test_letter_with_marks_is_in_one_font():
    assert find_font("น้ำ") == find_font("น")
    assert find_font("q\u0301") is not None
    assert find_font("می\u200c") == find_font("م")


@pytest.mark.fonts
def test_no_font_has_a_character_that_unicode_has_not():
    assert unicodedata.category("\u0378") == "Cn"
    assert find_font("\u0378") is None


@without_fonts
def test_no_fonts_have_no_letters():
    assert [find_font(letter) for letter in "Ł寿?"] == [None, None, None]


@pytest.mark.fonts
@pytest.mark.usefixtures("no_fribidi")
def test_letters_that_join_are_not_drawn_without_shaping():
    assert [find_font(letter) for letter in "قกक"] == [None, None, None]
    assert all(find_font(letter) for letter in "Ł寿Ω")


@pytest.mark.parametrize(
    ("content", "family"),
    [
        (b"", "empty"),
        (b"\x00\x01\x00\x00\x00\x09", "cut off"),
        (b"ttcf" + b"\xff" * 40, "no table"),
        (b"not a font at all, and longer than its header", "text"),
        (
            struct.pack(">IHHHH4sIII", 0x10000, 1, 0, 0, 0, b"cmap", 0, 28, 4)
            + struct.pack(">HH", 0, 5),
            "no subtable",
        ),
    ],
)
def test_broken_font_has_no_letters(tmp_path, content, family):
    path = tmp_path / f"{family}.ttf"
    path.write_bytes(content)

    coverage = fonts._load_coverage(str(path))

    assert [ord("a") in coverage, 0 in coverage] == [False, False]


@pytest.mark.parametrize(
    ("text", "region"),
    [
        ("寿司さくら", fonts.JAPANESE),
        ("서울 食堂", fonts.KOREAN),
        ("烤鸭", fonts.CHINESE),
        ("ㄅㄆ 烤鴨", fonts.TAIWANESE),
        ("Café", fonts.CHINESE),
    ],
)
def test_region_of_the_ideographs(text, region):
    assert find_region(text) == region


# --- order of letters ----------------------------------------------------------------------------


@pytest.mark.fonts
@pytest.mark.parametrize(
    ("text", "order"),
    [
        ("Cafe 12", ["Cafe 12"]),
        # From right to left: the number stands on the left of the word that it follows.
        ("قهوة 12", ["12", " ", "قهوة"]),
        ("Tee قهوة 12", ["Tee ", "12", " ", "قهوة"]),
        ("قهوة (Nescafe) 3", ["3", ") ", "Nescafe", " (", "قهوة"]),
        ("寿司 قهوة", ["寿司", " ", "قهوة"]),
        ("قهوة กาแฟ", ["กาแฟ", " ", "قهوة"]),
    ],
)
def test_runs_are_in_the_order_in_which_they_are_drawn(text, order):
    runs = list_runs(text, fonts.CHINESE)

    assert [run.text for run in runs] == order
    assert all(run.is_right_to_left for run in runs if "ق" in run.text)


def test_reordering_of_nested_levels():
    assert reorder([*"abcdef"], [0, 1, 2, 2, 1, 0]) == [*"aecdbf"]
    assert reorder([*"ab"], [1, 1]) == ["b", "a"]
    assert reorder([], []) == []


@pytest.mark.fonts
def test_levels_of_a_text():
    assert find_levels("ab ق 1") == [0, 0, 0, 1, 1, 2]
    assert find_levels("ق ab") == [1, 1, 2, 2]
    assert find_levels("") == []


# --- check ---------------------------------------------------------------------------------------


def test_check_runs_with_every_command():
    assert check_receipt_fonts in registry.get_checks()


@without_fonts
def test_check_names_the_packages_that_are_missing(settings):
    (warning,) = check_receipt_fonts()

    assert warning.id == "orders.W001"
    for package in ("fonts-noto-core", "fonts-noto-mono", "fonts-noto-cjk"):
        assert package in warning.hint


@pytest.mark.usefixtures("no_fonts", "no_fribidi")
def test_check_names_the_library_that_joins_letters():
    assert "libfribidi0" in check_receipt_fonts()[0].hint


@without_fonts
def test_check_is_silent_while_debug_is_on(settings):
    settings.DEBUG = True

    assert check_receipt_fonts() == []


@pytest.mark.fonts
def test_check_is_silent_with_all_fonts():
    assert check_receipt_fonts() == []
