"""Writer of .xlsx workbooks: numbers and days as such, and texts that are never formulas."""

import importlib
import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from tenants.api.formats import CONTROLS

CONTENT_TYPE = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
# In Excel.
MAX_CELL_LENGTH = 32_767
MAX_TITLE_LENGTH = 31
DAY, TIME = "yyyy-mm-dd", "yyyy-mm-dd hh:mm:ss"
# Characters; wide enough for days and most names.
COLUMN_WIDTH = 16


class Quantity(Decimal):
    """A number of units or a weight, which is shown with the decimals that it has."""


Cell = str | int | Decimal | date | datetime | None


@dataclass(frozen=True, slots=True)
class Sheet:
    """A sheet with a row of column names. Times are local, because Excel knows no time zones."""

    title: str
    columns: Sequence[str]
    rows: Iterable[Sequence[Cell]]


class WorkbookWriter:
    """Writes sheets row by row, so that only one row is in memory as objects.

    `decimals` are those of amounts. The styles of cells are shared, because making one for each
    cell takes most of the time.
    """

    def __init__(self, decimals: int) -> None:
        openpyxl: Any = importlib.import_module("openpyxl")
        cells: Any = importlib.import_module("openpyxl.cell")
        styles: Any = importlib.import_module("openpyxl.styles")
        self.cell_class = cells.WriteOnlyCell
        self.book = openpyxl.Workbook(write_only=True)
        self.model = self.book.create_sheet("Model")
        amount = f"0.{'0' * decimals}" if decimals else "0"
        self.styles = {
            Decimal: self.build_style(amount),
            Quantity: self.build_style("0.###"),
            date: self.build_style(DAY),
            datetime: self.build_style(TIME),
        }
        bold = self.cell_class(self.model)
        bold.font = styles.Font(bold=True)
        self.heading = bold._style
        self.book.remove(self.model)

    def build_style(self, number_format: str) -> Any:
        cell = self.cell_class(self.model)
        cell.number_format = number_format
        return cell._style

    def add(self, sheet: Sheet) -> None:
        page = self.book.create_sheet(sheet.title[:MAX_TITLE_LENGTH])
        page.freeze_panes = "A2"
        page.sheet_format.defaultColWidth = COLUMN_WIDTH
        page.append([self.build_heading(page, name) for name in sheet.columns])
        for row in sheet.rows:
            page.append([self.build_cell(page, value) for value in row])

    def build_heading(self, page: Any, name: str) -> Any:
        cell = self.build_text(page, name)
        cell._style = self.heading
        return cell

    def build_cell(self, page: Any, value: Cell) -> Any:
        """Return a cell, or the value itself if it needs neither a style nor a type."""
        if isinstance(value, str):
            return self.build_text(page, value) if value else None
        style = self.styles.get(type(value))
        if style is None:
            return value
        cell = self.cell_class(page, value)
        cell._style = style
        return cell

    def build_text(self, page: Any, text: str) -> Any:
        """Return a cell of text, also if a formula could begin like it."""
        cell = self.cell_class(page, CONTROLS.sub(" ", text)[:MAX_CELL_LENGTH])
        cell.data_type = "s"
        return cell

    def save(self) -> bytes:
        file = io.BytesIO()
        self.book.save(file)
        return file.getvalue()


def write_workbook(sheets: Iterable[Sheet], *, decimals: int) -> bytes:
    """Return a workbook with these sheets; amounts are shown with so many decimals."""
    writer = WorkbookWriter(decimals)
    for sheet in sheets:
        writer.add(sheet)
    return writer.save()
