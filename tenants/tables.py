"""Uploaded tables: CSV or .xlsx, recognized by the content."""

from typing import IO

from tenants.csv import CSVFile
from tenants.exceptions import FieldError
from tenants.xlsx import OLD_SIGNATURE, SIGNATURE, XLSXFile

TableFile = CSVFile | XLSXFile


def open_table(file: IO[bytes]) -> TableFile:
    """Return the table in a file. What cannot be read is in its `errors` and its rows."""
    file.seek(0)
    start = file.read(len(OLD_SIGNATURE))
    return XLSXFile(file) if start.startswith(SIGNATURE) else CSVFile(file)


def find_file_errors(file: IO[bytes]) -> tuple[FieldError, ...]:
    """Return the error of a file in a format that is not read."""
    file.seek(0)
    if file.read(len(OLD_SIGNATURE)) != OLD_SIGNATURE:
        return ()
    detail = "Old Excel files (.xls) and encrypted ones are not read. Save it as .xlsx or CSV."
    return (FieldError("", "unsupported_format", detail, row=1),)
