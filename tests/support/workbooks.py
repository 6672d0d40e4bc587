"""Workbooks (.xlsx) for tests, and broken ones."""

import io
import zipfile
from collections.abc import Callable, Sequence
from typing import Any

from openpyxl import Workbook


def build_workbook(*rows: Sequence[Any], others: Sequence[str] = ()) -> bytes:
    """Return a workbook with these rows in its first sheet, and further sheets."""
    book = Workbook()
    sheet = book.worksheets[0]
    for row in rows:
        sheet.append(list(row))
    for name in others:
        book.create_sheet(name).append(["sku", "name", "price"])
    file = io.BytesIO()
    book.save(file)
    return file.getvalue()


def change_part(workbook: bytes, name: str, change: Callable[[bytes], bytes]) -> bytes:
    """Return the workbook with one part changed."""
    file = io.BytesIO()
    with (
        zipfile.ZipFile(io.BytesIO(workbook)) as old,
        zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as new,
    ):
        for part in old.infolist():
            content = old.read(part)
            new.writestr(part.filename, change(content) if part.filename == name else content)
    return file.getvalue()
