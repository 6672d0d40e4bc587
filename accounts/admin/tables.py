"""Read-only tables below the fields of an admin page."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django.db.models import Model
from django.urls import reverse
from django.utils.http import urlencode

# Shown for empty values, as in Django's lists.
EMPTY = "\N{EN DASH}"


@dataclass(frozen=True)
class Cell:
    """Text or number, with optional details in small print and a link."""

    text: Any
    url: str = ""
    details: tuple[str, ...] = ()
    is_number: bool = False


@dataclass(frozen=True)
class TableRow:
    """A row of a table; a strong row is the sum of the rows before it."""

    cells: tuple[Cell, ...]
    is_strong: bool = False


@dataclass(frozen=True)
class Table:
    """A table with a title. `printed_text` is shown instead of rows."""

    title: str
    lines: tuple[TableRow, ...] = ()
    head: tuple[Cell, ...] = ()
    note: str = ""
    nothing: str = ""
    printed_text: str = ""
    more: tuple[str, str] | None = None


def text_cell(text: Any, url: str = "", *details: str) -> Cell:
    return Cell(text, url, tuple(details))


def number_cell(text: Any, *details: str) -> Cell:
    return Cell(text, details=tuple(details), is_number=True)


def table_row(*cells: Cell | str) -> TableRow:
    return TableRow(tuple(to_cell(each) for each in cells))


def total_row(*cells: Cell | str) -> TableRow:
    return TableRow(tuple(to_cell(each) for each in cells), is_strong=True)


def header_cells(names: Iterable[str], *numbers: str) -> tuple[Cell, ...]:
    """Build a header: text columns, then number columns."""
    return (*(text_cell(name) for name in names), *(number_cell(name) for name in numbers))


def to_cell(cell: Cell | str) -> Cell:
    return cell if isinstance(cell, Cell) else text_cell(cell)


def admin_url(row: Model) -> str:
    """Return the URL of this row's page in the admin site."""
    return admin_url_for(type(row), row.pk)


def admin_url_for(model: type[Model], pk: Any) -> str:
    meta = model._meta
    return reverse(f"shop:{meta.app_label}_{meta.model_name}_change", args=[pk])


def admin_list_url(model: type[Model], **query: Any) -> str:
    meta = model._meta
    url = reverse(f"shop:{meta.app_label}_{meta.model_name}_changelist")
    return f"{url}?{urlencode(query)}" if query else url
