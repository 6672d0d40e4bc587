"""Uploaded tables: CSV or .xlsx, recognized by the content."""

from typing import IO

from tenants.csv import CSVFile
from tenants.exceptions import FieldError
from tenants.xlsx import OLD_SIGNATURE, SIGNATURE, XLSXFile

TableFile = CSVFile | XLSXFile


def open_table(file: IO[bytes], *, max_rows: int) -> TableFile:
    """Return the table in a file; of a workbook, up to `max_rows` rows.

    What cannot be read is in its `errors` and its rows.
    """
    file.seek(0)
    start = file.read(len(OLD_SIGNATURE))
    if start.startswith(SIGNATURE):
        return XLSXFile(file, max_rows=max_rows)
    return CSVFile(file)


def find_file_errors(file: IO[bytes]) -> tuple[FieldError, ...]:
    """Return the error of a file in a format that is not read."""
    file.seek(0)
    if file.read(len(OLD_SIGNATURE)) != OLD_SIGNATURE:
        return ()
    detail = (
        "Old Excel files (.xls) and encrypted files are not supported. "
        "Save the file as .xlsx or CSV."
    )
    return (FieldError("", "unsupported_format", detail, row=1),)
