"""Lines as wide as the paper, measured in columns: wide letters take two, marks none."""

import re
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from wcwidth import iter_graphemes

from orders.services.documents.document import Document, Row
from orders.services.documents.printer_settings import PrinterSettings
from orders.services.documents.renderers.text import render_text
from orders.services.documents.renderers.text_layout import display_width

PAPER = pytest.mark.parametrize("paper_mm", [80, 58])
DOCUMENT = Document(
    title="Receipt 7",
    shop="喫茶さくら",
    store="Main",
    address="",
    header_fields=(("Receipt", "7"),),
    issued_at=datetime(2026, 7, 1, 0, 30, tzinfo=UTC),
    sections=(),
    qr_text="0190b4e0-0000-7000-8000-000000000001",
)
TEXTS = st.text(min_size=1, max_size=120)


def render_rows(*rows, paper_mm=80, **fields):
    """Return the lines of a section with these rows."""
    printer = PrinterSettings(paper_mm=paper_mm)
    text = render_text(replace(DOCUMENT, sections=(rows,), printer=printer, **fields))
    rule = "-" * printer.columns
    return text.split(f"{rule}\n")[1].split("\n\n")[0].split("\n")


@pytest.mark.parametrize(
    ("text", "columns"),
    [
        ("Cafe\u0301", 4),
        ("寿司", 4),
        ("กาแฟเย็น", 7),
        ("ﾊﾝｶｸ", 4),
        ("\uff41", 2),
        ("a\u200bb", 2),
        ("بُن", 2),
    ],
)
def test_width_of_letters(text, columns):
    assert display_width(text) == columns


@pytest.mark.parametrize(
    ("paper_mm", "line"),
    [
        (80, "特上握り寿司 (大)                    14.50"),
        (58, "特上握り寿司 (大)          14.50"),
    ],
)
def test_amount_of_wide_letters_ends_at_the_edge(paper_mm, line):
    assert render_rows(Row("特上握り寿司 (大)", "14.50"), paper_mm=paper_mm) == [line]


def test_amount_after_combining_marks_ends_at_the_edge():
    (line,) = render_rows(Row("Cafe\u0301 น้ำผึ้ง", "4.50"))

    assert display_width(line) == 42
    assert len(line) == 42 + 1 + 3


def test_text_and_amount_that_fill_the_line_exactly():
    assert render_rows(Row("寿" * 18 + "a", "4.50")) == ["寿" * 18 + "a " + "4.50"]
    assert render_rows(Row("寿" * 19, "4.50")) == ["寿" * 19, " " * 38 + "4.50"]


def test_long_words_are_split_between_letters_with_their_marks():
    first, second = render_rows(Row("e\u0301" * 50))

    assert (first, second) == ("e\u0301" * 42, "e\u0301" * 8)


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        # SARA A belongs to the letter before it, SARA E to the one after it.
        ("ก" * 41 + "ละ", ["ก" * 41, "ละ"]),
        ("ก" * 41 + "เล", ["ก" * 41, "เล"]),
        ("寿" * 21 + "。司", ["寿" * 20, "寿。司"]),
        ("寿" * 20 + "「司」", ["寿" * 20, "「司」"]),
        ("コ" * 20 + "シャー", ["コ" * 20, "シャー"]),
    ],
)
def test_letters_that_belong_together_are_on_one_line(text, lines):
    assert render_rows(Row(text)) == lines


def test_words_are_split_at_spaces_and_after_hyphens():
    text = "Dvořák-Torte   mit Schlagobers und einem-langen Namen"

    assert render_rows(Row(text)) == ["Dvořák-Torte mit Schlagobers und einem-", "langen Namen"]


def test_long_word_begins_on_the_line_of_the_word_before():
    assert render_rows(Row("Tee " + "n" * 50)) == ["Tee " + "n" * 38, "n" * 12]


def test_wide_letter_does_not_start_in_the_last_column():
    assert render_rows(Row("a" + "寿" * 30)) == ["a" + "寿" * 20, "寿" * 10]


@PAPER
def test_header_is_centered_by_columns(paper_mm):
    printer = PrinterSettings(paper_mm=paper_mm)

    first = render_text(replace(DOCUMENT, printer=printer)).split("\n")[0]

    assert first == " " * ((printer.columns - 10) // 2) + "喫茶さくら"


def test_code_is_split_on_narrow_paper():
    printer = PrinterSettings(paper_mm=58)

    lines = render_text(replace(DOCUMENT, printer=printer)).split("\n")

    assert lines[-3:] == ["    0190b4e0-0000-7000-8000-", "          000000000001", ""]


def test_control_characters_are_removed():
    assert render_rows(Row("a\x1b@\x00b\x9b\x7f\tc\u2028d", "1.00")) == [
        "a@b c d" + " " * 31 + "1.00"
    ]


@PAPER
@given(text=TEXTS, amount=st.sampled_from(["", "0.01", "-123456.78"]))
@example(text="\u1100" * 100, amount="1.00")
@example(text="\u0301" * 100, amount="1.00")
@example(text="\u1bf2" + "a" * 100, amount="")
def test_no_line_is_wider_than_the_paper(paper_mm, text, amount):
    printer = PrinterSettings(paper_mm=paper_mm)
    rows = (Row(text, amount), Row(text, amount, is_detail=True))
    document = replace(
        DOCUMENT, shop=text, footer=(text,), sections=(rows,), printer=printer, qr_text="1"
    )

    lines = render_text(document).split("\n")

    assert max(map(display_width, lines)) <= printer.columns
    if amount:
        assert sum(line.endswith(amount) for line in lines) >= 2


@given(text=st.text(st.characters(exclude_categories=["C", "Z"]), min_size=1, max_size=120))
def test_letters_are_not_split_from_their_marks(text):
    letters = [*iter_graphemes(text)]
    if max(map(display_width, letters)) > 2:
        return

    lines = render_rows(Row(text))

    assert re.sub(r"\s", "", "".join(lines)) == text
    ends = {sum(map(len, letters[:count])) for count in range(len(letters) + 1)}
    place = 0
    for line in lines:
        place += len(line)
        assert place in ends
