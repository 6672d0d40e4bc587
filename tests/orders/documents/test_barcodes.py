"""Bars of codes, as another library draws them, and as a scanner reads them from label sheets."""

import importlib

import pypdfium2
import pytest
import zxingcpp
from hypothesis import given
from hypothesis import strategies as st

from orders.codes.barcodes import encode_barcode
from orders.services.documents.label_sheets import SHEETS
from orders.services.documents.price_labels import PriceLabel
from orders.services.documents.renderers.label_pdf import render_label_pdf

pytestmark = pytest.mark.once

DOTS_PER_INCH = 300
NAMES = ("Alpenmilch 100 g", "Κεφαλοτύρι", "Сыр Российский", "日本酒 大吟醸", "T-shirt, M, Red")
CODES = {
    "4006381333931": ("EAN-13", "4006381333931"),
    "042100005264": ("EAN-13", "0042100005264"),
    "96385074": ("EAN-8", "96385074"),
    "ABC-123/x": ("Code 128", "ABC-123/x"),
    "14006381333938": ("Code 128", "14006381333938"),
    "1234567": ("Code 128", "1234567"),
}


def add_check_digit(digits):
    odd, even = digits[::-2], digits[-2::-2]
    return f"{digits}{-(3 * sum(map(int, odd)) + sum(map(int, even))) % 10}"


def draw_by_library(kind, code):
    ean = importlib.import_module("barcode.ean")
    classes = {"EAN-13": ean.EuropeanArticleNumber13, "EAN-8": ean.EuropeanArticleNumber8}
    return classes[kind](code).build()[0].replace("G", "1")


def build_label(number, code):
    symbol = encode_barcode(code)
    name = NAMES[number % len(NAMES)]
    return PriceLabel(name, "12,99 \N{EURO SIGN}", "1 kg = 17,32", "", code, symbol)


def read_pages(pdf):
    """Return what a scanner reads on each page, with the places in millimeters."""
    pages = []
    with pypdfium2.PdfDocument(pdf) as document:
        for page in document:
            image = page.render(scale=DOTS_PER_INCH / 72).to_pil()
            pages.append(zxingcpp.read_barcodes(image))
    return pages


def to_millimeters(dots):
    return dots / DOTS_PER_INCH * 25.4


@given(st.from_regex(r"\A[0-9]{12}\Z"))
def test_ean_13_has_the_bars_of_another_library(digits):
    code = add_check_digit(digits)
    symbol = encode_barcode(code)
    assert (symbol.kind, symbol.modules) == ("EAN-13", draw_by_library("EAN-13", code))


@given(st.from_regex(r"\A[0-9]{7}\Z"))
def test_ean_8_has_the_bars_of_another_library(digits):
    code = add_check_digit(digits)
    symbol = encode_barcode(code)
    assert (symbol.kind, symbol.modules) == ("EAN-8", draw_by_library("EAN-8", code))


@pytest.mark.parametrize("code", ["", "Käse", "\x1d01", "日本", "\u0661\u0662"])
def test_codes_that_no_symbol_has_are_not_drawn(code):
    assert encode_barcode(code) is None


def test_wrong_check_digit_is_no_ean():
    assert encode_barcode("4006381333932").kind == "Code 128"


@pytest.mark.parametrize(
    "key",
    ["L4736", "5160", *(pytest.param(key, marks=pytest.mark.slow) for key in SHEETS)],
)
def test_barcodes_of_a_sheet_are_read_back_at_their_places(key):
    sheet = SHEETS[key]
    codes = [[*CODES][number % len(CODES)] for number in range(sheet.per_page)]
    labels = [build_label(number, code) for number, code in enumerate(codes)]

    first, second = read_pages(render_label_pdf(labels, sheet, start=3))

    expected = [CODES[code][1] for code in codes]
    assert sorted(each.text for each in (*first, *second)) == sorted(expected)
    assert sorted(each.text for each in second) == sorted(expected[-2:])
    for each in first:
        corners = (each.position.top_left, each.position.bottom_right)
        (left, top), (right, bottom) = (
            (to_millimeters(corner.x), to_millimeters(corner.y)) for corner in corners
        )
        places = map(sheet.find_position, range(2, sheet.per_page))
        assert any(
            x <= left <= right <= x + sheet.width and y <= top <= bottom <= y + sheet.height
            for x, y in places
        ), (each.text, left, top)


@pytest.mark.parametrize("key", SHEETS)
def test_labels_of_a_sheet_are_on_its_page_and_do_not_overlap(key):
    sheet = SHEETS[key]
    positions = [sheet.find_position(place) for place in range(sheet.per_page)]

    assert all(x >= 0 and x + sheet.width <= sheet.page[0] + 0.001 for x, _ in positions)
    assert all(y >= 0 and y + sheet.height <= sheet.page[1] + 0.001 for _, y in positions)
    assert (sheet.pitch_x or sheet.width) >= sheet.width
    assert (sheet.pitch_y or sheet.height) >= sheet.height


def test_code_that_is_too_long_for_the_label_has_no_bars():
    label = build_label(0, "SKU-with-a-very-long-name-0123456789")

    (narrow,) = read_pages(render_label_pdf([label], SHEETS["L7651"]))
    (wide,) = read_pages(render_label_pdf([label], SHEETS["L4760"]))

    assert narrow == []
    assert [each.text for each in wide] == [label.code]


def test_copies_are_beside_each_other():
    labels = [build_label(0, "4006381333931"), build_label(1, "96385074")]

    (page,) = read_pages(render_label_pdf(labels, SHEETS["L7160"], copies=2))

    in_order = sorted(
        page, key=lambda each: (each.position.top_left.y // 200, each.position.top_left.x)
    )
    assert [each.text for each in in_order] == ["4006381333931"] * 2 + ["96385074"] * 2
