"""ESC/POS output of documents, byte for byte."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from escpos import escpos
from escpos.printer import Dummy
from PIL import Image

from orders.services.documents.document import Document, Row
from orders.services.documents.printer_settings import PrinterSettings
from orders.services.documents.renderers.escpos import (
    LineEncoder,
    encode_qr,
    encode_raster,
    render_escpos,
)
from orders.services.documents.renderers.fonts import CHINESE
from orders.services.documents.renderers.raster import Raster
from tests.support.escpos_printer import print_receipt
from tests.support.fonts import without_fonts
from tests.support.till import cash, line

CODE = "0190b4e0-0000-7000-8000-000000000001"
DOCUMENT = Document(
    title="Receipt 7",
    shop="Café Ünïque",
    store="Main",
    address="1 High Street",
    header_fields=(("Receipt", "7"), ("Order", "1-000007")),
    issued_at=datetime(2026, 7, 1, 0, 30, tzinfo=UTC),
    sections=(
        (Row("Crème brûlée", "4.50"), Row("2 x 2.25 €", is_detail=True)),
        (Row("TOTAL EUR", "4.50", is_strong=True),),
        (),
    ),
    qr_text=CODE,
    copy=2,
)
GOLDEN = (
    b"\x1b@\x1c.\x1bR\x00\x1bt\x13\x1dW\xf8\x01"
    b"\x1ba\x01\x1bE\x01COPY 2\n\x1bE\x00\x1ba\x00"
    b"\x1ba\x01\x1bE\x01Caf\x82 \x9an\x8bque\n\x1bE\x00\x1ba\x00"
    b"\x1ba\x01Main\n\x1ba\x00"
    b"\x1ba\x011 High Street\n\x1ba\x00"
    b"\n"
    b"Receipt 7                 2026-07-01 00:30\n"
    b"Order 1-000007\n"
    b"------------------------------------------\n"
    b"Cr\x8ame br\x96l\x82e                          4.50\n"
    b"  2 x 2.25 \xd5\n"
    b"------------------------------------------\n"
    b"\x1bE\x01TOTAL EUR                             4.50\n\x1bE\x00"
    b"\n"
    b"\x1ba\x01"
    b"\x1d(k\x04\x001A2\x00\x1d(k\x03\x001C\x06\x1d(k\x03\x001E1"
    b"\x1d(k\x27\x001P0" + CODE.encode() + b"\x1d(k\x03\x001Q0"
    b"\x1ba\x00"
    b"\x1ba\x01" + CODE.encode() + b"\n\x1ba\x00"
    b"\x1dVB\x00"
)


def test_document_renders_to_the_expected_bytes():
    assert render_escpos(DOCUMENT) == GOLDEN


def test_narrow_paper_and_another_code_page():
    printer = PrinterSettings(paper_mm=58, code_page="wpc1252")

    job = render_escpos(replace(DOCUMENT, printer=printer))

    assert job.startswith(b"\x1b@\x1c.\x1bR\x00\x1bt\x10\x1dW\x80\x01")
    assert b"\nCr\xe8me br\xfbl\xe9e                4.50\n  2 x 2.25 \x80\n" in job
    assert b"\n" + b"-" * 32 + b"\n" in job
    assert b"\x1ba\x010190b4e0-0000-7000-8000-\n\x1ba\x00\x1ba\x01000000000001\n" in job


@without_fonts
@pytest.mark.parametrize(
    ("text", "letters"),
    [
        ("5 €, ½ l, ñ, ß, Ø", "5 €, ½ l, ñ, ß, Ø"),
        ("Łódź", "Lódz"),
        ("Dvořák", "Dvorák"),
        ("\u201cQuote\u201d \u2013 \u2018it\u2019s\u2019 \u2026", "\"Quote\" - 'it's' ..."),
        ("Ångström ﬁn", "Ångström fin"),
        ("a\u0301q\u0301", "áq"),
        ("寿司 Sushi", "?? Sushi"),
        ("☕", "?"),
        ("a\u00a0b\tc\nd", "a b c d"),
        ("\x1b@\x1bV\x00\x1d", "?@?V? "),
        ("\u202eevil a\u200db", "evil ab"),
        ("กาแฟเย็น", "????????"[:7]),
    ],
)
def test_text_without_fonts_is_transliterated_to_the_code_page_of_the_printer(text, letters):
    encoder = LineEncoder(PrinterSettings(), CHINESE)

    assert encoder.prepare(text) == letters
    letters.encode("cp858")


@without_fonts
def test_transliteration_keeps_the_amount_within_the_line():
    row = Row("…" * 20 + "寿", "1.00")
    document = Document("", "", "", "", (), DOCUMENT.issued_at, ((row,),), CODE)

    lines = print_receipt(render_escpos(document)).lines

    assert max(map(len, lines)) == 42
    assert any(each.endswith("?" + " " * 19 + "1.00") for each in lines)


def test_drawer_is_opened_before_the_first_line():
    printer = PrinterSettings(drawer_pulse=True)
    job = render_escpos(replace(DOCUMENT, printer=printer))

    assert job == GOLDEN.replace(b"\x1dW\xf8\x01", b"\x1dW\xf8\x01\x1bp\x00\x19\xfa", 1)


def test_qr_code_is_the_one_of_another_library():
    other = Dummy()
    other.qr(CODE, native=True, size=6, model=2, ec=escpos.QR_ECLEVEL_M)

    assert encode_qr(CODE) == other.output


def test_raster_is_the_one_of_another_library():
    picture = Image.new("1", (24, 3), "white")
    picture.putpixel((0, 0), 0)
    picture.putpixel((23, 2), 0)
    other = Dummy()
    other.image(picture, impl="bitImageRaster")

    rows = bytes([0x80, 0, 0, 0, 0, 0, 0, 0, 1])
    assert encode_raster(Raster(24, 3, rows)) == other.output


def test_high_raster_is_printed_in_parts():
    raster = Raster(width=16, height=300, rows=bytes(range(256)) * 2 + bytes(88))

    parts = encode_raster(raster).split(b"\x1dv0\x00")[1:]

    assert [part[:4] for part in parts] == [
        b"\x02\x00\x80\x00",
        b"\x02\x00\x80\x00",
        b"\x02\x00\x2c\x00",
    ]
    assert b"".join(part[4:] for part in parts) == raster.rows


@pytest.mark.parametrize(("length", "dots", "module"), [(36, 384, 6), (700, 384, 3), (700, 504, 4)])
def test_long_qr_code_fits_on_the_paper(length, dots, module):
    assert b"\x1d(k\x03\x001C" + bytes([module]) in encode_qr("x" * length, dots)


def test_long_qr_text_has_a_two_byte_length():
    assert b"\x1d(k\x2f\x011P0" + b"7" * 300 in encode_qr("7" * 300)


def test_receipt_as_escpos(till, make_product):
    order = till.sold(line(make_product("2.50", name="Crème \x7f€")), payments=[cash("2.50")])

    response = till.get(f"orders/{order['id']}/receipt/", {"format": "escpos"})

    assert (response.status_code, response["Content-Type"]) == (200, "application/octet-stream")
    assert response["Content-Disposition"] == 'inline; filename="receipt-1.bin"'
    assert response.content.startswith(b"\x1b@")
    assert b"Cr\x8ame ?\xd5" in response.content
    assert response.content.endswith(b"\x1dVB\x00")
