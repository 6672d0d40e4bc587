"""Reader of .xlsx files: the first sheet, row by row, with limits against decompression bombs."""

import csv
import importlib
import tempfile
import zipfile
import zlib
from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import IO, Any
from xml.parsers import expat

from tenants.csv import MAX_ROW_LENGTH, Record
from tenants.exceptions import FieldError

SIGNATURE = b"PK\x03\x04"
# Excel's old binary format, and encrypted files.
OLD_SIGNATURE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
MAX_COLUMNS = 256
# The rows of a sheet in Excel.
MAX_SHEET_ROWS = 1_048_576
MAX_PARTS = 2_000
MB = 1024 * 1024
# Before dates and numbers in the temporary copy; no text of a sheet can contain the first letter.
MARK = "\x00"
DATE_MARK, NUMBER_MARK = f"{MARK}D", f"{MARK}N"
# Unpacked sizes. The parser holds one row, all shared texts and all other parts in memory.
MAX_TOTAL_BYTES = 192 * MB
MAX_SHEET_BYTES = 64 * MB
# Elements of the sheet: what the parser needs time for.
MAX_SHEET_ELEMENTS = 4_000_000
MAX_TEXTS_BYTES = 32 * MB
MAX_PART_BYTES = 4 * MB
MAX_ITEM_BYTES = MB
CHUNK_SIZE = 64 * 1024
# In characters: a cell in Excel, and a row as in a CSV file. Cells share texts, so that a small
# workbook could fill the disk with its copy.
MAX_CELL_LENGTH = 32_767
MAX_COPY_LENGTH = 64 * MB
# Numbers in a spreadsheet have 15 exact digits.
EXACT_DIGITS = 15
TEXTS = "xl/sharedstrings.xml"
SHEETS = "xl/worksheets/"
# What openpyxl raises for files that are damaged or not a workbook.
UNREADABLE = (
    zipfile.BadZipFile,
    zlib.error,
    expat.ExpatError,
    EOFError,
    OSError,
    SyntaxError,
    ArithmeticError,
    AttributeError,
    LookupError,
    NotImplementedError,  # zipfile, for a kind of compression that it does not know
    RuntimeError,
    TypeError,
    ValueError,
)


class DateCell(str):
    """The text of a date. In a column of codes, the spreadsheet has replaced a code by it."""

    __slots__ = ()


class NumberCell(str):
    """The text of a number that is no text in the spreadsheet. It has a decimal point."""

    __slots__ = ()


class UnsafeWorkbook(Exception):
    """A workbook that would take too much memory, or that declares entities."""


class RowTooLong(ValueError):
    """A row with more text than a spreadsheet allows in a cell, or than a CSV file in a row."""


class XLSXFile:
    """The first sheet of a workbook, up to `max_rows` rows. It can be read repeatedly.

    Formulas have the value that the spreadsheet has saved. The workbook is parsed once, into a
    temporary CSV file, because parsing is slow.
    """

    def __init__(self, file: IO[bytes], *, max_rows: int = MAX_SHEET_ROWS) -> None:
        self.file = file
        self.rows_left = max_rows
        # Rows with nothing but spaces take time too.
        self.blank_rows_left = max_rows
        self.header: list[str] = []
        self.errors: tuple[FieldError, ...] = ()
        self.row_error: FieldError | None = None
        self.copy = tempfile.SpooledTemporaryFile(  # noqa: SIM115  (read as long as this object)
            max_size=MB, mode="w+", encoding="utf-8", newline=""
        )
        try:
            ensure_safe(file)
            self.convert()
        except UnsafeWorkbook:
            self.errors = (build_size_error(1),)
        except UNREADABLE:
            self.errors = (build_unreadable_error(1),)

    def convert(self) -> None:
        """Copy the header and the rows that are not empty, each with its number."""
        number = 0
        try:
            for number, values in enumerate(self.iterate_values(), 1):
                self.convert_row(number, values)
                if not self.rows_left or self.row_error is not None:
                    return
        except RowTooLong:
            self.set_error(build_length_error(number), number)
        except UNREADABLE:
            self.set_error(build_unreadable_error(number + 1), number + 1)

    def convert_row(self, number: int, values: tuple[Any, ...]) -> None:
        if number == 1:
            self.header = trim([restore_cell(text) for text in format_values(values)])
        elif any(value is not None for value in values[: len(self.header)]):
            texts = format_values(values[: len(self.header)])
            self.write_row(number, texts if any(map(str.strip, texts)) else [])

    def set_error(self, error: FieldError, number: int) -> None:
        """Set the error of a row, behind which nothing is read; of the file if it is the header."""
        self.errors = (error,) if number == 1 else ()
        self.row_error = error

    def write_row(self, number: int, texts: list[str]) -> None:
        """Write a row into the copy unless it is blank, as long as the copy is not too long."""
        if texts:
            csv.writer(self.copy).writerow([number, *texts])
            self.rows_left -= 1
        else:
            self.blank_rows_left -= 1
        if self.copy.tell() > MAX_COPY_LENGTH or not self.blank_rows_left:
            self.row_error = build_size_error(number)

    def rows(self) -> Iterator[Record | FieldError]:
        """Yield each non-empty row below the header, or the error in it."""
        self.copy.seek(0)
        for number, *cells in csv.reader(self.copy):
            yield Record(
                int(number), [restore_cell(cell) if cell[:1] == MARK else cell for cell in cells]
            )
        if self.row_error is not None:
            yield self.row_error

    def iterate_values(self) -> Iterator[tuple[Any, ...]]:
        """Yield the values of each row, padded to the same length."""
        openpyxl: Any = importlib.import_module("openpyxl")
        self.file.seek(0)
        book = openpyxl.load_workbook(self.file, read_only=True, data_only=True, keep_links=False)
        try:
            sheet = book.worksheets[0]
            ensure_safe_sheet(self.file, sheet._worksheet_path)
            # The size that the file declares may be wrong.
            sheet.reset_dimensions()
            yield from sheet.iter_rows(
                min_row=1, max_row=MAX_SHEET_ROWS, max_col=MAX_COLUMNS, values_only=True
            )
        finally:
            book.close()

    def is_undecoded(self, cell: str) -> bool:
        return False


def trim(header: list[str]) -> list[str]:
    """Return the header without the empty cells at its end."""
    while header and not header[-1].strip():
        header.pop()
    return header


def restore_cell(cell: str) -> str:
    """Return the cell of the temporary copy as what it was in the sheet."""
    if cell.startswith(DATE_MARK):
        return DateCell(cell[len(DATE_MARK) :])
    return NumberCell(cell[len(NUMBER_MARK) :]) if cell.startswith(NUMBER_MARK) else cell


def build_unreadable_error(row: int) -> FieldError:
    detail = "The workbook cannot be read. Save the sheet with the products as CSV."
    return FieldError("", "malformed_workbook", detail, row=row)


def build_size_error(row: int) -> FieldError:
    detail = "The workbook is too large. Save the sheet with the products as CSV."
    return FieldError("", "workbook_too_large", detail, row=row)


def build_length_error(row: int) -> FieldError:
    detail = (
        f"The row is too long. A cell may have {MAX_CELL_LENGTH} characters, and a row "
        f"{MAX_ROW_LENGTH}."
    )
    return FieldError("", "malformed_workbook", detail, row=row)


def format_values(values: tuple[Any, ...]) -> list[str]:
    """Return the texts of a row. Raises `RowTooLong`."""
    texts = ["" if value is None else format_cell(value) for value in values]
    lengths = [len(text) for text in texts]
    if max(lengths, default=0) > MAX_CELL_LENGTH or sum(lengths) > MAX_ROW_LENGTH:
        raise RowTooLong
    return texts


def format_cell(value: object) -> str:
    """Return the text of a value as a spreadsheet shows it in a cell without a format.

    Dates and numbers have their mark in front.
    """
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return NUMBER_MARK + format_number(value)
    if isinstance(value, datetime) and value.time() == time():
        return f"{DATE_MARK}{value.date().isoformat()}"
    if isinstance(value, date | time | timedelta):
        return f"{DATE_MARK}{value}"
    return str(value)


def format_number(value: float) -> str:
    """Return the number with 15 digits; a longer one in scientific notation, as digits are lost."""
    text = f"{value:.{EXACT_DIGITS}g}"
    number = Decimal(text)
    if not number.is_finite() or number.adjusted() >= EXACT_DIGITS:
        return text.upper()
    return f"{number:f}"


def ensure_safe(file: IO[bytes]) -> None:
    """Raise `UnsafeWorkbook` for a file that would fill the memory when it is opened.

    Only the beginnings of the sheets are parsed then.
    """
    file.seek(0)
    with zipfile.ZipFile(file) as archive:
        parts = archive.infolist()
        sizes = [part.file_size for part in parts if is_xml_name(part.filename)]
        if len(parts) > MAX_PARTS or sum(sizes) > MAX_TOTAL_BYTES:
            raise UnsafeWorkbook
        for part in parts:
            name = part.filename.lower().lstrip("/")
            is_xml = is_xml_name(name)
            if is_xml and part.file_size > get_size_limit(name):
                raise UnsafeWorkbook
            with archive.open(part) as stream:
                if is_xml:
                    check_part(stream, item=get_item_name(name), max_items=get_item_limit(name))
                # Whatever its name is, a workbook can refer to it as a sheet.
                elif part.file_size > MAX_PART_BYTES and looks_like_xml(stream.read(CHUNK_SIZE)):
                    raise UnsafeWorkbook


def ensure_safe_sheet(file: IO[bytes], name: str) -> None:
    """Raise `UnsafeWorkbook` for a sheet that takes too much memory or time to parse."""
    with zipfile.ZipFile(file) as archive, archive.open(name) as stream:
        check_part(stream, item="row")


def is_xml_name(name: str) -> bool:
    return name.lower().endswith((".xml", ".rels"))


def looks_like_xml(start: bytes) -> bool:
    text = start.lstrip(b"\xef\xbb\xbf \t\r\n")
    return not text or text.startswith((b"<", b"\xff\xfe", b"\xfe\xff", b"\0"))


def get_size_limit(name: str) -> int:
    if name.startswith(SHEETS):
        return MAX_SHEET_BYTES
    return MAX_TEXTS_BYTES if name == TEXTS else MAX_PART_BYTES


def get_item_name(name: str) -> str:
    """Return the element that the parser holds in memory as a whole; empty for the whole part."""
    if name.startswith(SHEETS):
        return "row"
    return "si" if name == TEXTS else ""


def get_item_limit(name: str) -> int | None:
    """Return how many items of a part are parsed; None for all. Of a sheet, only its beginning."""
    return 1 if name.startswith(SHEETS) else None


def check_part(stream: IO[bytes], *, item: str, max_items: int | None = None) -> None:
    """Raise `UnsafeWorkbook` for a part with a DOCTYPE or with a row or text that is too long.

    Nothing is checked behind the first `max_items` items.
    """
    counter = ItemCounter(item)
    while piece := stream.read(CHUNK_SIZE):
        counter.parse(piece)
        if max_items is not None and counter.items > max_items:
            return
    counter.parser.Parse(b"", True)


class ItemCounter:
    """Parser that counts the elements and items of a part, and measures the items."""

    def __init__(self, item: str) -> None:
        self.item = item
        self.items = self.elements = self.last_item = self.read = 0
        self.parser = parser = expat.ParserCreate()
        parser.StartDoctypeDeclHandler = parser.EntityDeclHandler = refuse_declaration
        if item:
            parser.StartElementHandler = self.count

    def count(self, name: str, _: object) -> None:
        self.elements += 1
        if name.rpartition(":")[2] == self.item:
            self.items += 1
            self.last_item = self.parser.CurrentByteIndex

    def parse(self, piece: bytes) -> None:
        self.read += len(piece)
        self.parser.Parse(piece)
        is_long = self.read - self.last_item > MAX_ITEM_BYTES + CHUNK_SIZE
        if self.item and (is_long or self.elements > MAX_SHEET_ELEMENTS):
            raise UnsafeWorkbook


def refuse_declaration(*_: object) -> None:
    raise UnsafeWorkbook
