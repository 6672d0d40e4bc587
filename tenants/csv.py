"""CSV after RFC 4180 and as spreadsheets write it: streaming reader, and safe writer."""

import csv
import io
import re
from codecs import BOM_UTF8, BOM_UTF16_BE, BOM_UTF16_LE, getincrementaldecoder
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import IO

from tenants.exceptions import FieldError

# In characters. Far longer than any valid row, so that an unclosed quote is not read to the end.
MAX_ROW_LENGTH = 65_536
CHUNK_SIZE = 64 * 1024
DELIMITERS = (",", ";", "\t")
# The first line by which Excel names the delimiter.
DELIMITER_LINE = re.compile(r'"?sep=([,;\t|])"?\s*', re.IGNORECASE)
# The first two letters of a header in UTF-16 without a byte order mark.
TWO_LETTERS_LE = re.compile(rb"(?:[^\x00]\x00){2}", re.DOTALL)
TWO_LETTERS_BE = re.compile(rb"(?:\x00[^\x00]){2}", re.DOTALL)
QUOTED = re.compile('"[^"]*"')
# The characters with which formulas begin (OWASP, CSV injection), also in full width. Apostrophes
# before them may come from an earlier escape.
FORMULA = re.compile("'*[=+\\-@\t\r\n\uff1d\uff0b\uff0d\uff20]")
NOT_ASCII = re.compile("[^\x00-\x7f]")
INVALID_BYTE = re.compile("[\udc80-\udcff]")
# Bytes that could not be decoded: `surrogateescape` keeps them, UTF-16 replaces them.
UNDECODED = re.compile("[\udc80-\udcff\ufffd]")


def escape_formula(cell: str) -> str:
    """Return the cell, with a leading apostrophe if a spreadsheet would run it as a formula."""
    return f"'{cell}" if FORMULA.match(cell) else cell


def unescape_formula(cell: str) -> str:
    """Return the cell without the apostrophe of `escape_formula`."""
    return cell[1:] if cell.startswith("'") and FORMULA.match(cell) else cell


def write_csv(rows: Iterable[Iterable[str]]) -> str:
    """Return the rows as CSV text, with the line ends of RFC 4180."""
    text = io.StringIO(newline="")
    csv.writer(text).writerows([escape_formula(cell) for cell in row] for row in rows)
    return text.getvalue()


@dataclass(frozen=True, slots=True)
class Record:
    """The cells of a row, by position. Rows are numbered from 1, the header."""

    number: int
    cells: list[str]


class RowTooLong(csv.Error):
    """A row that is too long, most likely because of an unclosed quote."""


@dataclass(frozen=True, slots=True)
class Encoding:
    """An encoding of text. `name` is for people, `codec` for Python."""

    name: str
    codec: str
    errors: str = "surrogateescape"


UTF_8 = Encoding("UTF-8", "utf-8-sig")
WINDOWS_1252 = Encoding("Windows-1252", "cp1252")
UTF_16 = Encoding("UTF-16", "utf-16", "replace")
UTF_16_LE = Encoding("UTF-16", "utf-16-le", "replace")
UTF_16_BE = Encoding("UTF-16", "utf-16-be", "replace")


class CSVFile:
    """A CSV file that can be read repeatedly. Encoding and delimiter are found by its content."""

    errors: tuple[FieldError, ...] = ()

    def __init__(self, file: IO[bytes]) -> None:
        self.file = file
        self.encoding = detect_encoding(file)
        with self.open_text() as text:
            self.delimiter, self.skips_line = detect_delimiter(text)
        with self.open_records() as records:
            try:
                self.header = next(records, [])
            except csv.Error:
                self.header = []

    @contextmanager
    def open_text(self) -> Iterator[io.TextIOWrapper]:
        self.file.seek(0)
        text = io.TextIOWrapper(
            self.file, self.encoding.codec, errors=self.encoding.errors, newline=""
        )
        try:
            yield text
        finally:
            text.detach()

    @contextmanager
    def open_records(self) -> Iterator[Iterator[list[str]]]:
        """Yield an iterator over all records, the header first."""
        with self.open_text() as text:
            if self.skips_line:
                text.readline(MAX_ROW_LENGTH)
            yield iterate_records(text, self.delimiter)

    def rows(self) -> Iterator[Record | FieldError]:
        """Yield each non-empty row below the header, or the error in it."""
        number = 1
        with self.open_records() as records:
            try:
                for number, cells in enumerate(records, 1):
                    if number > 1 and any(map(str.strip, cells)):
                        yield Record(number, cells)
            except csv.Error:
                detail = "The file is not valid CSV from here on. Check for an unclosed quote."
                yield FieldError("", "malformed_csv", detail, row=number + 1)

    def is_undecoded(self, cell: str) -> bool:
        """Return whether the cell has bytes that are not in the encoding of the file."""
        return not cell.isascii() and UNDECODED.search(cell) is not None


def detect_encoding(file: IO[bytes]) -> Encoding:
    """Return the encoding by the byte order mark, or by what the whole file can be.

    A file that is mostly UTF-8 stays UTF-8, so that its invalid cells are refused rather than
    read as other letters.
    """
    file.seek(0)
    start = file.read(4)
    if start.startswith(BOM_UTF8):
        return UTF_8
    if start.startswith((BOM_UTF16_LE, BOM_UTF16_BE)):
        return UTF_16
    if TWO_LETTERS_LE.fullmatch(start):
        return UTF_16_LE
    if TWO_LETTERS_BE.fullmatch(start):
        return UTF_16_BE
    valid, invalid = count_letters_and_errors(file)
    return WINDOWS_1252 if invalid > valid else UTF_8


def count_letters_and_errors(file: IO[bytes]) -> tuple[int, int]:
    """Return how many letters beyond ASCII and how many other bytes the file has as UTF-8."""
    decoder = getincrementaldecoder("utf-8")("surrogateescape")
    valid = invalid = 0
    file.seek(0)
    while piece := file.read(CHUNK_SIZE):
        text = decoder.decode(piece)
        if not text.isascii():
            errors = len(INVALID_BYTE.findall(text))
            invalid += errors
            valid += len(NOT_ASCII.findall(text)) - errors
    return valid, invalid + len(decoder.decode(b"", final=True))


def detect_delimiter(text: io.TextIOWrapper) -> tuple[str, bool]:
    """Return the delimiter, and whether the first line only names it."""
    header = text.readline(MAX_ROW_LENGTH)
    if named := DELIMITER_LINE.fullmatch(header.lstrip("\ufeff")):
        return named[1], True
    unquoted = QUOTED.sub("", header)
    return max(DELIMITERS, key=unquoted.count), False


def iterate_records(text: io.TextIOBase, delimiter: str) -> Iterator[list[str]]:
    lines = BoundedLines(text)
    for record in csv.reader(lines, delimiter=delimiter, strict=True):
        lines.length = 0
        yield record


class BoundedLines:
    """The lines of a file; raises RowTooLong before an endless row fills the memory."""

    def __init__(self, text: io.TextIOBase) -> None:
        self.text = text
        self.length = 0

    def __iter__(self) -> "BoundedLines":
        return self

    def __next__(self) -> str:
        line = self.text.readline(MAX_ROW_LENGTH)
        self.length += len(line)
        if self.length >= MAX_ROW_LENGTH:
            raise RowTooLong
        if not line:
            raise StopIteration
        return line
