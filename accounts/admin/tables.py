"""Tables below a row's own fields: the parts of it, and why its figures are what they are."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django.db.models import Model
from django.urls import reverse
from django.utils.http import urlencode

# As Django's pages show a column that is empty.
NOTHING = "\N{EN DASH}"


@dataclass(frozen=True)
class Cell:
    """Words or a figure, with what it consists of in small print; perhaps a way to its page."""

    text: Any
    url: str = ""
    details: tuple[str, ...] = ()
    is_number: bool = False


@dataclass(frozen=True)
class Line:
    """A line of a table; a strong one is what those before it come to."""

    cells: tuple[Cell, ...]
    is_strong: bool = False


@dataclass(frozen=True)
class Table:
    """Lines under a title. A paper is shown as it is printed, in the place of lines."""

    title: str
    lines: tuple[Line, ...] = ()
    head: tuple[Cell, ...] = ()
    note: str = ""
    nothing: str = ""
    paper: str = ""
    more: tuple[str, str] | None = None


def words(text: Any, url: str = "", *details: str) -> Cell:
    return Cell(text, url, tuple(details))


def figure(text: Any, *details: str) -> Cell:
    return Cell(text, details=tuple(details), is_number=True)


def line(*cells: Cell | str) -> Line:
    return Line(tuple(as_cell(each) for each in cells))


def total(*cells: Cell | str) -> Line:
    return Line(tuple(as_cell(each) for each in cells), is_strong=True)


def head(names: Iterable[str], *numbers: str) -> tuple[Cell, ...]:
    """Words at the left, figures at the right."""
    return (*(words(name) for name in names), *(figure(name) for name in numbers))


def as_cell(cell: Cell | str) -> Cell:
    return cell if isinstance(cell, Cell) else words(cell)


def page_of(row: Model) -> str:
    """Where the shop's own site shows this row."""
    return page_at(type(row), row.pk)


def page_at(model: type[Model], pk: Any) -> str:
    meta = model._meta
    return reverse(f"shop:{meta.app_label}_{meta.model_name}_change", args=[pk])


def list_of(model: type[Model], **query: Any) -> str:
    meta = model._meta
    url = reverse(f"shop:{meta.app_label}_{meta.model_name}_changelist")
    return f"{url}?{urlencode(query)}" if query else url
