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

from tenants.csv import Record
from tenants.exceptions import FieldError

SIGNATURE = b"PK\x03\x04"
# Excel's old binary format, and encrypted files.
OLD_SIGNATURE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
MAX_COLUMNS = 256
# The rows of a sheet in Excel.
MAX_SHEET_ROWS = 1_048_576
MAX_PARTS = 2_000
MB = 1024 * 1024
# Before the text of a date in the temporary copy; no text of a sheet can contain it.
DATE_MARK = "\x00"
# Unpacked sizes. The parser holds one row, all shared texts and all other parts in memory.
MAX_SHEET_BYTES = 128 * MB
MAX_TEXTS_BYTES = 32 * MB
MAX_PART_BYTES = 4 * MB
MAX_ITEM_BYTES = MB
CHUNK_SIZE = 64 * 1024
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
    NotImplementedError,
    RuntimeError,
    TypeError,
    ValueError,
)


class DateCell(str):
    """The text of a date. In a column of codes, the spreadsheet has replaced a code by it."""

    __slots__ = ()


class UnsafeWorkbook(ValueError):
    """A workbook that would take too much memory, or that declares entities."""


class XLSXFile:
    """The first sheet of a workbook. It can be read repeatedly.

    Formulas have the value that the spreadsheet has saved. The workbook is parsed once, into a
    temporary CSV file, because parsing is slow.
    """

    def __init__(self, file: IO[bytes]) -> None:
        self.file = file
        self.header: list[str] = []
        self.errors: tuple[FieldError, ...] = ()
        self.row_error: FieldError | None = None
        self.copy = tempfile.SpooledTemporaryFile(  # noqa: SIM115  (read as long as this object)
            max_size=MB, mode="w+", encoding="utf-8", newline=""
        )
        try:
            ensure_safe(file)
        except UnsafeWorkbook:
            detail = "The workbook is too large. Save the sheet with the products as CSV."
            self.errors = (FieldError("", "workbook_too_large", detail, row=1),)
        except UNREADABLE:
            self.errors = (build_unreadable_error(1),)
        else:
            self.convert()

    def convert(self) -> None:
        """Copy the header and the rows that are not empty, each with its number."""
        number = 0
        writer = csv.writer(self.copy)
        try:
            for number, values in enumerate(self.iterate_values(), 1):
                if number == 1:
                    self.header = trim([format_cell(value) for value in values])
                elif texts := self.format_row(values):
                    writer.writerow([number, *texts])
        except UNREADABLE:
            error = build_unreadable_error(number + 1)
            self.errors = () if number else (error,)
            self.row_error = error

    def format_row(self, values: tuple[Any, ...]) -> list[str]:
        """Return the texts below the header; an empty list for an empty row."""
        if all(value is None for value in values):
            return []
        texts = [format_cell(value) for value in values[: len(self.header)]]
        return texts if any(map(str.strip, texts)) else []

    def rows(self) -> Iterator[Record | FieldError]:
        """Yield each non-empty row below the header, or the error in it."""
        self.copy.seek(0)
        for number, *cells in csv.reader(self.copy):
            yield Record(int(number), list(map(restore_date, cells)))
        if self.row_error is not None:
            yield self.row_error

    def iterate_values(self) -> Iterator[tuple[Any, ...]]:
        """Yield the values of each row, padded to the same length."""
        openpyxl: Any = importlib.import_module("openpyxl")
        self.file.seek(0)
        book = openpyxl.load_workbook(self.file, read_only=True, data_only=True, keep_links=False)
        try:
            sheet = book.worksheets[0]
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


def restore_date(cell: str) -> str:
    return DateCell(cell[1:]) if cell.startswith(DATE_MARK) else cell


def build_unreadable_error(row: int) -> FieldError:
    detail = "The workbook cannot be read. Save the sheet with the products as CSV."
    return FieldError("", "malformed_workbook", detail, row=row)


def format_cell(value: object) -> str:
    """Return the text of a value as a spreadsheet shows it in a cell without a format."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return format_number(value)
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
    """Raise `UnsafeWorkbook` for a file that would fill the memory when it is parsed."""
    file.seek(0)
    with zipfile.ZipFile(file) as archive:
        parts = archive.infolist()
        if len(parts) > MAX_PARTS:
            raise UnsafeWorkbook
        for part in parts:
            name = part.filename.lower().lstrip("/")
            is_xml = name.endswith((".xml", ".rels"))
            if is_xml and part.file_size > get_size_limit(name):
                raise UnsafeWorkbook
            with archive.open(part) as stream:
                if is_xml:
                    check_part(stream, item=get_item_name(name))
                # Whatever its name is, a workbook can refer to it as a sheet.
                elif part.file_size > MAX_PART_BYTES and looks_like_xml(stream.read(CHUNK_SIZE)):
                    raise UnsafeWorkbook


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


def check_part(stream: IO[bytes], *, item: str) -> None:
    """Raise `UnsafeWorkbook` for a part with a DOCTYPE or with a row or text that is too long."""
    parser = expat.ParserCreate()
    last_item = read = 0

    def start(name: str, _: object) -> None:
        nonlocal last_item
        if name.rpartition(":")[2] == item:
            last_item = parser.CurrentByteIndex

    parser.StartDoctypeDeclHandler = parser.EntityDeclHandler = refuse_declaration
    if item:
        parser.StartElementHandler = start
    while piece := stream.read(CHUNK_SIZE):
        read += len(piece)
        parser.Parse(piece)
        if item and read - last_item > MAX_ITEM_BYTES + CHUNK_SIZE:
            raise UnsafeWorkbook
    parser.Parse(b"", True)


def refuse_declaration(*_: object) -> None:
    raise UnsafeWorkbook
