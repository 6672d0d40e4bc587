"""CSV of a sales report."""

import csv
import io
from collections.abc import Iterator
from itertools import chain, islice
from typing import Any

from orders.services.reports.sales import FIGURES, Report
from tenants.csv import escape_formula
from tenants.scope import current_tenant

ROWS_PER_CHUNK = 500


def build_file_name(report: Report) -> str:
    days = f"{report.first}-to-{report.last}"
    return f"{current_tenant().slug}-sales-by-{report.group_by.value}-{days}.csv"


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
