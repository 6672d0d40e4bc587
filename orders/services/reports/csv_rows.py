"""CSV and workbook of a sales report."""

import csv
import io
from collections.abc import Iterator
from itertools import chain, islice
from typing import Any

from orders.services.reports.sales import FIGURES, GroupBy, Report
from tenants.api.formats import parse_date as parse_day
from tenants.csv import escape_formula
from tenants.scope import current_tenant
from tenants.workbook import Sheet, write_workbook

ROWS_PER_CHUNK = 500


def build_file_name(report: Report, extension: str = "csv") -> str:
    days = f"{report.first}-to-{report.last}"
    return f"{current_tenant().slug}-sales-by-{report.group_by.value}-{days}.{extension}"


def build_workbook(report: Report, *, largest_first: bool = False) -> bytes:
    """Return the rows as a workbook, with the columns that the grouping has."""
    title = f"Sales by {report.group_by.value}".replace("_", " ")
    rows = (
        [parse_day(key), *cells] if report.group_by is GroupBy.DAY else [key, *cells]
        for key, *cells in report.list_cells(largest_first=largest_first)
    )
    sheet = Sheet(title, ["key", "label", *report.figures], rows)
    return write_workbook([sheet], decimals=current_tenant().currency_exponent)


def generate_csv(rows: Iterator[dict[str, Any]]) -> Iterator[str]:
    """Yield CSV text in chunks. Keys and labels are escaped against formulas, figures are not."""
    header = ["key", "label", *FIGURES]
    cells = (
        [escape_formula(row["key"]), escape_formula(row["label"]), *islice(row.values(), 2, None)]
        for row in rows
    )
    lines = chain([header], cells)
    while some := list(islice(lines, ROWS_PER_CHUNK)):
        text = io.StringIO(newline="")
        csv.writer(text).writerows(some)
        yield text.getvalue()
