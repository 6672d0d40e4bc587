"""Settings of receipt printers: widths and code pages."""

import codecs

import pytest

from orders.services.documents.printer_settings import CODE_PAGES, PrinterSettings


@pytest.mark.parametrize(("paper_mm", "columns", "dots"), [(80, 42, 504), (58, 32, 384)])
def test_width_of_a_line(paper_mm, columns, dots):
    printer = PrinterSettings(paper_mm=paper_mm)

    assert (printer.columns, printer.dots) == (columns, dots)


def test_default_printer():
    printer = PrinterSettings()

    assert (printer.paper_mm, printer.code_page, printer.drawer_pulse) == (80, "pc858", False)
    assert printer.logo is None


@pytest.mark.parametrize("name", CODE_PAGES)
def test_code_page_contains_ascii_and_one_byte_letters(name):
    codec = CODE_PAGES[name].codec
    ascii_letters = bytes(range(0x20, 0x7F)).decode("ascii")

    assert codecs.lookup(codec)
    assert ascii_letters.encode(codec).decode("ascii") == ascii_letters
    assert len(bytes(range(0x80, 0x100)).decode(codec, errors="replace")) == 128


def test_code_pages_have_different_numbers():
    numbers = [page.number for page in CODE_PAGES.values()]

    assert len(set(numbers)) == len(numbers)
