"""What a printer makes of receipts in many scripts, on paper of 80 and 58 mm.

Lines in the code page are read back as text. Of lines that are images, the size is compared with
the paper, and the amount with the same amount printed alone. tests/tools/receipt_picture.py draws
receipts to look at.
"""

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageChops

from orders.services.documents.document import Document, Row
from orders.services.documents.printer_settings import CODE_PAGES, PrinterSettings
from orders.services.documents.renderers import raster
from orders.services.documents.renderers.escpos import LineEncoder, render_escpos
from orders.services.documents.renderers.fonts import CHINESE
from orders.services.documents.renderers.text_layout import TextLine
from tests.support.escpos_printer import CODE_PAGE_NAMES, Text, load_table, print_receipt
from tests.support.fonts import without_fonts

PAPER = pytest.mark.parametrize("paper_mm", [80, 58])
CODE = "0190b4e0-0000-7000-8000-000000000001"
DOCUMENT = Document(
    title="Receipt 7",
    shop="Shop",
    store="Main",
    address="",
    header_fields=(("Receipt", "7"),),
    issued_at=datetime(2026, 7, 1, 0, 30, tzinfo=UTC),
    sections=(),
    qr_text=CODE,
)
# Names of products, and a usual code page that has their letters.
NAMES = {
    "Latin": ("Crème brûlée", "pc858"),
    "Polish": ("Żurek z kiełbasą", "pc852"),
    "Greek": ("Καφές ελληνικός", "wpc1253"),
    "Cyrillic": ("Борщ украинский", "pc866"),
    "Turkish": ("Türk kahvesi, şiş", "wpc1254"),
    "Baltic": ("Šaltibarščiai", "wpc1257"),
}
IMAGES = {
    "Greek": "Καφές ελληνικός διπλός",
    "Cyrillic": "Пельмени по-сибирски",
    "Hebrew": "קפה הפוך (0.5 ליטר)",
    "Arabic": "شاي بالنعناع (كبير)",
    "Thai": "น้ำผึ้งปั่น",
    "Devanagari": "पनीर टिक्का क्षत्रिय",
    "Japanese": "特上握り寿司",
    "Chinese": "宫保鸡丁盖浇饭",
    "Korean": "김치찌개와 공기밥",
    "Mixed": "Sushi 寿司 กาแฟ قهوة",
}
LONG = {script: name * 12 for script, name in IMAGES.items()}


def print_rows(*rows, paper_mm=80, code_page="pc858", **fields):
    printer = PrinterSettings(paper_mm=paper_mm, code_page=code_page, **fields)
    return print_receipt(render_escpos(replace(DOCUMENT, sections=(rows,), printer=printer)))


@PAPER
@pytest.mark.parametrize("script", NAMES)
def test_letters_of_the_code_page_are_printed_as_text(script, paper_mm):
    name, code_page = NAMES[script]

    receipt = print_rows(Row(name, "14.50"), paper_mm=paper_mm, code_page=code_page)

    columns = {80: 42, 58: 32}[paper_mm]
    assert name + "14.50".rjust(columns - len(name)) in receipt.lines
    assert receipt.pictures == []
    assert max(map(len, receipt.lines)) == columns
    assert (receipt.width, receipt.qr, receipt.cuts) == (columns * 12, CODE, 1)


@pytest.mark.parametrize("name", CODE_PAGES)
def test_every_letter_of_a_code_page_is_the_one_that_the_printer_prints(name):
    page = CODE_PAGES[name]
    letters = [each for each in load_table(page.number).values() if each.isalpha()]

    encoder = LineEncoder(PrinterSettings(code_page=name), CHINESE)
    receipt = print_rows(*[Row(f"x{letter}x") for letter in letters], code_page=name)

    assert str(page.number) in CODE_PAGE_NAMES
    assert [f"x{letter}x" for letter in letters if encoder.has(letter)] == [
        line for line in receipt.lines if len(line) == 3 and line[0] == line[-1] == "x"
    ]
    assert len(letters) > 40


@pytest.mark.fonts
@PAPER
@pytest.mark.parametrize("script", IMAGES)
def test_other_letters_are_printed_as_images(script, paper_mm):
    width = {80: 504, 58: 384}[paper_mm]

    receipt = print_rows(Row(IMAGES[script], "14.50"), Row("Plain", "14.50"), paper_mm=paper_mm)

    (picture,) = receipt.pictures
    assert picture.width == width
    assert 30 <= picture.height <= 78
    assert "Plain" + "14.50".rjust(width // 12 - 5) in receipt.lines
    name, amount = split_ink(picture)
    assert name[0] <= 4
    assert amount[2] >= width - 4
    alone = draw_alone("14.50")
    assert ImageChops.difference(picture.crop(amount), alone).getbbox() is None


def split_ink(picture):
    """Return the boxes of what is drawn on the left and on the right of the widest gap."""
    ink = ImageChops.invert(picture.convert("L"))
    columns = [bool(ink.crop((x, 0, x + 1, ink.height)).getbbox()) for x in range(ink.width)]
    gaps, start = [], None
    for x, has_ink in enumerate(columns):
        if has_ink:
            start = None
        else:
            start = x if start is None else start
            gaps.append((x - start, start, x))
    _, start, end = max(gap for gap in gaps if any(columns[: gap[1]]) and any(columns[gap[2] :]))
    left = ink.crop((0, 0, start, ink.height)).getbbox()
    right = ink.crop((end, 0, ink.width, ink.height)).getbbox()
    return left, (right[0] + end, right[1], right[2] + end, right[3])


def draw_alone(text):
    """Return an amount as it is printed on an empty line, without its margins."""
    drawn = raster.draw_line(TextLine(text), 504, CHINESE)
    picture = Image.frombytes("1", (drawn.width, drawn.height), drawn.rows)
    return ImageChops.invert(picture.crop(picture.getbbox()).convert("L")).convert("1")


@pytest.mark.fonts
@PAPER
@pytest.mark.parametrize("script", LONG)
def test_long_names_of_any_script_stay_on_the_paper(script, paper_mm):
    receipt = print_rows(
        Row(LONG[script], "14.50"),
        Row(LONG[script], is_detail=True),
        Row(LONG[script], is_strong=True),
        paper_mm=paper_mm,
    )

    assert len(receipt.pictures) >= 6
    assert {picture.width for picture in receipt.pictures} == {receipt.width}
    assert max(map(len, receipt.lines)) <= receipt.width // 12


@pytest.mark.fonts
def test_emphasized_line_has_more_ink():
    plain, strong = print_rows(Row("寿司"), Row("寿司", is_strong=True)).pictures

    assert strong.histogram()[0] > plain.histogram()[0] * 1.1


@pytest.mark.fonts
def test_indent_of_text_from_right_to_left():
    plain, detail = print_rows(Row("بدون سكر"), Row("بدون سكر", is_detail=True)).pictures

    first, second = (ImageChops.invert(each.convert("L")).getbbox() for each in (plain, detail))
    assert second[0] == first[0] + 24
    assert second[2] == first[2] + 24


@pytest.mark.fonts
def test_arabic_letters_are_joined():
    """Compared with the same letters, which a character between them keeps apart."""
    joined, apart = print_rows(Row("عجب"), Row("ع\u200cج\u200cب")).pictures

    assert ImageChops.difference(joined, apart).getbbox()


@pytest.mark.fonts
def test_receipt_of_many_lines_opens_few_fonts_and_has_bounded_size():
    raster.load_font.cache_clear()
    raster.draw_line.cache_clear()
    name = "ข้าวผัดกุ้งจานใหญ่พิเศษใส่ไข่ดาว"

    job = render_escpos(replace(DOCUMENT, sections=(tuple([Row(name, "1.00")] * 200),)))

    assert len(print_receipt(job).pictures) == 200
    assert len(job) < 200 * 63 * 78
    assert raster.load_font.cache_info().misses == 2


@without_fonts
@PAPER
@pytest.mark.parametrize("script", IMAGES)
def test_letters_without_a_font_are_question_marks(script, paper_mm):
    receipt = print_rows(Row(IMAGES[script], "14.50"), paper_mm=paper_mm)

    assert receipt.pictures == []
    (line,) = [each for each in receipt.lines if each.endswith("14.50")]
    assert "?" in line
    assert len(line) == receipt.width // 12


@pytest.mark.fonts
@pytest.mark.usefixtures("no_fribidi")
def test_letters_that_join_are_question_marks_without_fribidi():
    receipt = print_rows(Row("قهوة", "1.00"), Row("寿司", "2.00"))

    assert "????" + "1.00".rjust(38) in receipt.lines
    assert len(receipt.pictures) == 1


TEXTS = st.text(min_size=1, max_size=60)


@pytest.mark.slow
@PAPER
@given(text=TEXTS, code_page=st.sampled_from(sorted(CODE_PAGES)))
def test_any_text_is_printed_within_the_paper(paper_mm, text, code_page):
    receipt = print_rows(
        Row(text, "14.50"),
        Row(text, is_detail=True, is_strong=True),
        paper_mm=paper_mm,
        code_page=code_page,
    )

    assert all(len(line) <= receipt.width // 12 for line in receipt.lines)
    assert all(picture.width == receipt.width for picture in receipt.pictures)
    printed = [item for item in receipt.items if isinstance(item, Text)]
    assert len(printed) + len(receipt.pictures) >= 8
    assert (receipt.pulses, receipt.cuts, receipt.qr) == (0, 1, CODE)
