"""The first rows of a catalog file and the wrong ones, with their errors at the cells."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import IO, Any

from orders.services.catalog.csv_file import MAX_ROWS
from orders.services.catalog.file_columns import FileColumns, ImportOptions
from tenants.csv import Record
from tenants.exceptions import FieldError
from tenants.tables import TableFile, find_file_errors, open_table

FIRST_ROWS = 10
MAX_SHOWN_ROWS = 60
MAX_CELL_LENGTH = 60


@dataclass(frozen=True, slots=True)
class PreviewCell:
    text: str
    errors: list[str]


@dataclass(frozen=True, slots=True)
class PreviewRow:
    """A row of the file. `errors` are those that belong to no cell."""

    number: int
    cells: list[PreviewCell]
    errors: list[str]


@dataclass(frozen=True, slots=True)
class FilePreview:
    """Headings of the file, each with the column that it is read as, and rows."""

    headings: list[tuple[str, str]] = field(default_factory=list)
    rows: list[PreviewRow] = field(default_factory=list)


def build_file_preview(
    file: IO[bytes], options: ImportOptions, errors: Iterable[Mapping[str, Any]]
) -> FilePreview:
    """Return the first rows and those with errors, which have `row`, `field` and `detail`."""
    if find_file_errors(file):
        return FilePreview()
    table = open_table(file, max_rows=MAX_ROWS)
    if table.errors:
        return FilePreview()
    columns = FileColumns(table.header, options)
    by_row: defaultdict[int, list[Mapping[str, Any]]] = defaultdict(list)
    for error in errors:
        by_row[error["row"]].append(error)
    rows = [_build_row(each, columns, by_row[each.number]) for each in _choose_rows(table, by_row)]
    named = _list_meanings(columns)
    headings = [(heading, named.get(place, "")) for place, heading in enumerate(columns.headings)]
    return FilePreview(headings, rows)


def _list_meanings(columns: FileColumns) -> dict[int, str]:
    """Return as what each column is read, by its position."""
    meanings = {place: "stock" for place, _ in columns.places.stock}
    meanings |= {place: f"option {name}" for place, name in columns.places.options_by_name}
    for name, places in columns.places.fields.items():
        meanings |= dict.fromkeys(places, name.replace("_", " "))
    return meanings


def _choose_rows(table: TableFile, wrong: Mapping[int, Any]) -> Iterator[Record]:
    """Yield the first rows, and later ones with errors, up to a maximum."""
    last, shown = max(wrong, default=0), 0
    for seen, record in enumerate(table.rows()):
        is_first = seen < FIRST_ROWS
        if isinstance(record, FieldError) or not (is_first or record.number <= last):
            return
        if is_first or (record.number in wrong and shown < MAX_SHOWN_ROWS):
            shown += 1
            yield record


def _build_row(record: Record, columns: FileColumns, errors: list[Mapping[str, Any]]) -> PreviewRow:
    """Return the row; an error is at the first cell whose heading or column it names."""
    places = {name: found[0] for name, found in reversed(columns.places.fields.items())}
    by_cell: defaultdict[int, list[str]] = defaultdict(list)
    others = []
    for error in errors:
        name = error["field"]
        place = columns.headings.index(name) if name in columns.headings else places.get(name)
        others.append(error["detail"]) if place is None else by_cell[place].append(error["detail"])
    cells = [
        PreviewCell(shorten(record.cells[place : place + 1]), by_cell[place])
        for place in range(len(columns.headings))
    ]
    return PreviewRow(record.number, cells, others)


def shorten(cells: list[str]) -> str:
    """Return the text of the cell, which a short row does not have, up to a maximum."""
    text = "".join(cells).strip()
    return (
        text
        if len(text) <= MAX_CELL_LENGTH
        else f"{text[: MAX_CELL_LENGTH - 1]}\N{HORIZONTAL ELLIPSIS}"
    )
