"""Tables as files: CSV after RFC 4180, as spreadsheets write and read it.

A file is read row by row and never held as a whole; whatever is in a cell that is written, a
spreadsheet shows it and does not compute it.
"""

import csv
import io
import re
from collections import Counter
from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import IO

from tenants.exceptions import FieldError

# No row of ours is near it, and one that never ends is not read to its end.
MAX_ROW_LENGTH = 65_536
SHOWN = 100
# What a spreadsheet takes for the beginning of a formula, in full width too. Apostrophes before it
# may be ours already.
FORMULA = re.compile("'*[=+\\-@\t\r\n\uff1d\uff0b\uff0d\uff20]")
# A byte that is not UTF-8, as Python keeps it in text.
UNDECODED = re.compile("[\udc80-\udcff]")


def escape_formula(cell: str) -> str:
    """The cell with an apostrophe before what would be a formula."""
    return f"'{cell}" if FORMULA.match(cell) else cell


def unescape_formula(cell: str) -> str:
    """The cell without the apostrophe that `shown` put there."""
    return cell[1:] if cell.startswith("'") and FORMULA.match(cell) else cell


def write_csv(rows: Iterable[Iterable[str]]) -> str:
    """These rows, each ended as RFC 4180 has it."""
    text = io.StringIO(newline="")
    csv.writer(text).writerows([escape_formula(cell) for cell in row] for row in rows)
    return text.getvalue()


@dataclass(frozen=True, slots=True)
class Row:
    """One row by the names of its columns. The number is the spreadsheet's: the header is 1."""

    number: int
    cells: dict[str, str]


class RowTooLong(csv.Error):
    """A row that nobody wrote: most likely a quote that was never closed."""


class CSVFile:
    """A file with a header in its first row, its columns in any order; `errors` are the header's.

    It may be read as often as needed.
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
        """The records of the file from its beginning, separated as its header is."""
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
        """Every row in which there is something, or what is wrong with it."""
        number = 1
        with self.open_records() as records:
            try:
                for number, cells in enumerate(records, 1):
                    if number > 1 and any(map(str.strip, cells)):
                        yield self.row(number, cells)
            except csv.Error:
                detail = "This cannot be read as CSV, nor can what follows: look for an open quote."
                yield FieldError("", "malformed_csv", detail, row=number + 1)

    def row(self, number: int, cells: list[str]) -> Row | FieldError:
        if len(cells) != len(self.columns):
            detail = f"{len(cells)} cells, where the header has {len(self.columns)}."
            return FieldError("", "wrong_number_of_cells", detail, row=number)
        named = dict(zip(self.columns, cells, strict=True))
        for column, cell in named.items():
            if not cell.isascii() and UNDECODED.search(cell):
                return FieldError(column, "malformed_encoding", "Not UTF-8.", row=number)
        return Row(
            number, {column: unescape_formula(cell).strip() for column, cell in named.items()}
        )


def iterate_records(text: io.TextIOBase, delimiter: str) -> Iterator[list[str]]:
    lines = BoundedLines(text)
    for record in csv.reader(lines, delimiter=delimiter, strict=True):
        lines.length = 0
        yield record


class BoundedLines:
    """The lines of a file, counted so that a row without an end is not read into memory."""

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
        name = UNDECODED.sub("\ufffd", column)[:SHOWN]
        if column not in columns:
            detail = f"There is no such column; there are {', '.join(columns)}."
            yield FieldError(name, "unknown_column", detail, row=1)
        elif times > 1:
            yield FieldError(name, "duplicate_column", "Given more than once.", row=1)
    if required not in header:
        yield FieldError(required, "required", "The header must have this column.", row=1)
