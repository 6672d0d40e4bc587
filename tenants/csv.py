"""CSV after RFC 4180: streaming reader, and writer that escapes spreadsheet formulas."""

import csv
import io
import re
from collections import Counter
from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import IO

from tenants.exceptions import FieldError

# In characters. Far longer than any valid row, so that an unclosed quote is not read to the end.
MAX_ROW_LENGTH = 65_536
MAX_NAME_LENGTH = 100
# The characters with which formulas begin (OWASP, CSV injection), also in full width. Apostrophes
# before them may come from an earlier escape.
FORMULA = re.compile("'*[=+\\-@\t\r\n\uff1d\uff0b\uff0d\uff20]")
# Bytes that are not UTF-8, as decoded by the error handler `surrogateescape`.
UNDECODED = re.compile("[\udc80-\udcff]")


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
class Row:
    """The cells of a row by column name. Rows are numbered from 1, the header."""

    number: int
    cells: dict[str, str]


class RowTooLong(csv.Error):
    """A row that is too long, most likely because of an unclosed quote."""


class CSVFile:
    """A CSV file with a header row and its columns in any order; `errors` are those of the header.

    The file can be read repeatedly.
    """

    def __init__(self, file: IO[bytes], *, columns: Collection[str], required: str) -> None:
        self.file = file
        with self.open_records() as records:
            try:
                header = next(records, [])
            except csv.Error:
                header = []
        self.columns = [unescape_formula(cell).strip().lower() for cell in header]
        self.errors = tuple(find_header_errors(self.columns, columns, required))

    @contextmanager
    def open_records(self) -> Iterator[Iterator[list[str]]]:
        """Yield an iterator over all records. The header decides between comma and semicolon."""
        self.file.seek(0)
        text = io.TextIOWrapper(self.file, "utf-8-sig", errors="surrogateescape", newline="")
        try:
            header = text.readline(MAX_ROW_LENGTH)
            text.seek(0)
            delimiter = ";" if header.count(";") > header.count(",") else ","
            yield iterate_records(text, delimiter)
        finally:
            text.detach()

    def rows(self) -> Iterator[Row | FieldError]:
        """Yield each non-empty row, or the error in it."""
        number = 1
        with self.open_records() as records:
            try:
                for number, cells in enumerate(records, 1):
                    if number > 1 and any(map(str.strip, cells)):
                        yield self.row(number, cells)
            except csv.Error:
                detail = "The file is not valid CSV from here on. Check for an unclosed quote."
                yield FieldError("", "malformed_csv", detail, row=number + 1)

    def row(self, number: int, cells: list[str]) -> Row | FieldError:
        if len(cells) != len(self.columns):
            detail = f"Expected {len(self.columns)} cells as in the header, found {len(cells)}."
            return FieldError("", "wrong_number_of_cells", detail, row=number)
        named = dict(zip(self.columns, cells, strict=True))
        for column, cell in named.items():
            if not cell.isascii() and UNDECODED.search(cell):
                return FieldError(
                    column, "malformed_encoding", "Must be encoded in UTF-8.", row=number
                )
        return Row(
            number, {column: unescape_formula(cell).strip() for column, cell in named.items()}
        )


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


def find_header_errors(
    header: list[str], columns: Collection[str], required: str
) -> Iterator[FieldError]:
    for column, times in Counter(header).items():
        name = UNDECODED.sub("\ufffd", column)[:MAX_NAME_LENGTH]
        if column not in columns:
            detail = f"Unknown column. Known columns: {', '.join(columns)}."
            yield FieldError(name, "unknown_column", detail, row=1)
        elif times > 1:
            yield FieldError(name, "duplicate_column", "Must be given only once.", row=1)
    if required not in header:
        yield FieldError(required, "required", "The header must contain this column.", row=1)
