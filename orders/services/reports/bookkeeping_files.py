"""The files of the bookkeeper's month by their format."""

from orders.services.reports import booking_batch, bookkeeping_tables
from orders.services.reports.bookkeeping import Month
from tenants import workbook


def build_file(kind: str, month: Month) -> tuple[bytes, str, str] | None:
    """Return content, type and name of a file, or None for a format that is no file.

    Raises as `build_batch`.
    """
    if kind == "zip":
        content = bookkeeping_tables.build_archive(month)
        return content, "application/zip", bookkeeping_tables.build_file_name(month, "zip")
    if kind == "xlsx":
        content = bookkeeping_tables.build_workbook(month)
        return content, workbook.CONTENT_TYPE, bookkeeping_tables.build_file_name(month, "xlsx")
    if kind == "datev":
        content = booking_batch.build_batch(month)
        return content, booking_batch.CONTENT_TYPE, booking_batch.build_file_name(month)
    return None
