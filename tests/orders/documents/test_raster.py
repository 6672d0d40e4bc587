"""Logos of receipts: scaled to the paper, dithered, and left out if they cannot be read."""

import zlib
from dataclasses import replace
from io import BytesIO

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageDraw

from orders.services.documents.printer_settings import PrinterSettings
from orders.services.documents.renderers.escpos import render_escpos
from orders.services.documents.renderers.raster import MAX_LOGO_HEIGHT, draw_logo
from tests.orders.documents.test_escpos_printer import DOCUMENT
from tests.support.escpos_printer import Picture, print_receipt


def make_png(width=200, height=80, mode="RGBA", color=(0, 0, 0, 0), shape=True):
    """Return a PNG: a black square on a transparent ground."""
    image = Image.new(mode, (width, height), color)
    if shape:
        ImageDraw.Draw(image).rectangle((0, 0, width // 4, height // 2), fill="black")
    file = BytesIO()
    image.save(file, "PNG")
    return file.getvalue()


def print_logo(png, paper_mm=80):
    """Return the pictures at the top of a receipt with this logo."""
    printer = PrinterSettings(paper_mm=paper_mm, logo=png)
    receipt = print_receipt(render_escpos(replace(DOCUMENT, printer=printer)))
    assert "Receipt 7" in "".join(receipt.lines)
    return [item for item in receipt.items if isinstance(item, Picture)]


def test_logo_is_printed_in_the_middle_above_everything_else():
    png = make_png()
    printer = PrinterSettings(logo=png)

    receipt = print_receipt(render_escpos(replace(DOCUMENT, printer=printer)))

    logo = receipt.items[0]
    assert isinstance(logo, Picture)
    assert logo.is_centered
    assert logo.image.size == (200, 80)
    assert logo.image.getpixel((10, 10)) == 0
    assert logo.image.getpixel((190, 10)) == 255


@pytest.mark.parametrize(
    ("paper_mm", "size", "printed"),
    [
        (80, (1008, 100), (504, 50)),
        (58, (1008, 100), (384, 38)),
        (80, (504, 2), (504, 2)),
        (80, (100, 4000), (16, 400)),
        (80, (4000, 1), (504, 1)),
    ],
)
def test_logo_is_scaled_to_the_paper(paper_mm, size, printed):
    logos = print_logo(make_png(*size), paper_mm)

    assert sum(logo.image.height for logo in logos) == printed[1]
    assert {logo.image.width for logo in logos} == {printed[0]}
    assert max(logo.image.height for logo in logos) <= 128


def test_grey_becomes_a_pattern_of_dots():
    (logo,) = print_logo(make_png(64, 64, "L", 128, shape=False))

    black = logo.image.histogram()[0]
    assert 64 * 64 * 0.4 < black < 64 * 64 * 0.6


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "I;16"])
def test_every_kind_of_png_is_printed(mode):
    assert print_logo(make_png(40, 20, mode, 0, shape=False))


def make_bomb(width, height):
    """Return a small file that announces a huge picture."""
    rows = zlib.compress(bytes(1000))
    header = width.to_bytes(4, "big") + height.to_bytes(4, "big") + b"\x08\x06\x00\x00\x00"
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        len(data).to_bytes(4, "big") + kind + data + zlib.crc32(kind + data).to_bytes(4, "big")
        for kind, data in ((b"IHDR", header), (b"IDAT", rows), (b"IEND", b""))
    )


@pytest.mark.parametrize(
    "png",
    [
        b"",
        b"GIF89a",
        b"\x89PNG\r\n\x1a\n",
        make_png().replace(b"IDAT", b"IDAX"),
        make_bomb(65_000, 65_000),
        make_bomb(2_000, 2_001),
        make_bomb(2**31 - 1, 1),
        make_bomb(0, 10),
    ],
    ids=lambda png: f"{len(png)} bytes",
)
def test_receipt_is_printed_without_a_logo_that_cannot_be_read(png):
    assert print_logo(png) == []


@pytest.mark.parametrize("length", [40, 60, len(make_png()) - 30])
def test_receipt_is_printed_with_a_logo_that_is_cut_off(length):
    """The rows that were read may be printed: other libraries switch this on in Pillow."""
    assert len(print_logo(make_png()[:length])) <= 1


def test_other_kinds_of_images_are_not_read():
    file = BytesIO()
    Image.new("L", (10, 10)).save(file, "JPEG")

    assert print_logo(file.getvalue()) == []


@given(place=st.integers(0, 200), byte=st.integers(0, 255))
def test_no_broken_logo_fails(place, byte):
    png = bytearray(make_png(16, 16))
    png[place % len(png)] = byte

    logo = draw_logo(bytes(png), 504)

    assert logo is None or (logo.width <= 504 and logo.height <= MAX_LOGO_HEIGHT)
