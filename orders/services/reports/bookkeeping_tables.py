"""Tables of the bookkeeper's month, for JSON, CSV files, workbooks and pages."""

import csv
import io
import zipfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any

from orders.models import Payment, Shift
from orders.services.reports.bookkeeping import Month
from tenants.csv import escape_formula
from tenants.scope import current_tenant
from tenants.workbook import Sheet, write_workbook

ZERO = Decimal(0)
# Dates of files in an archive begin in 1980; a fixed one makes equal months equal files.
ARCHIVE_DATE = (1980, 1, 1, 0, 0, 0)
Row = dict[str, Any]


class Kind(StrEnum):
    """What the cells of a column are."""

    DAY = "day"
    TIME = "time"
    AMOUNT = "amount"
    NUMBER = "number"
    TEXT = "text"


@dataclass(frozen=True, slots=True)
class Column:
    kind: Kind
    label: str


@dataclass(frozen=True, slots=True)
class MonthTable:
    """A table by the name of its file, with the columns of its rows."""

    name: str
    title: str
    columns: Mapping[str, Column]
    list_rows: Callable[[Month], Iterator[Row]]


def list_sales(month: Month) -> Iterator[Row]:
    for (day, tax), each in sorted(month.sales.items()):
        yield {
            "day": day,
            "tax": tax.label,
            "sold": each.sold,
            "sold_net": each.sold - each.sold_tax,
            "sold_tax": each.sold_tax,
            "refunded": each.refunded,
            "refunded_net": each.refunded - each.refunded_tax,
            "refunded_tax": each.refunded_tax,
        }


def list_taxes(month: Month) -> Iterator[Row]:
    for (day, label), each in sorted(month.taxes.items()):
        yield {
            "day": day,
            "tax": label,
            "taxable": each.taxable,
            "tax_total": each.tax,
            "refunded_taxable": each.refunded_taxable,
            "refunded_tax_total": each.refunded_tax,
        }


def list_payments(month: Month) -> Iterator[Row]:
    for (day, method), each in sorted(month.payments.items()):
        yield {
            "day": day,
            "method": str(Payment.Method(method).label),
            "received": each.received,
            "returned": each.returned,
            "refunded": each.refunded,
            "net": each.net,
        }


def list_cash_book(month: Month) -> Iterator[Row]:
    """Yield the entries with the balance of all drawers, between the two balances of the month."""
    balance = month.opening_cash
    yield build_cash_row(month.first, "opening", balance)
    for entry in month.cash_book:
        balance += entry.amount
        yield build_cash_row(
            entry.day, entry.kind, balance, entry.register, entry.amount, entry.text
        )
    yield build_cash_row(month.last, "closing", balance)


def build_cash_row(
    day: date,
    kind: str,
    balance: Decimal,
    register: str = "",
    amount: Decimal = ZERO,
    text: str = "",
) -> Row:
    return {
        "day": day,
        "register": register,
        "kind": kind,
        "text": text,
        "cash_in": max(amount, ZERO),
        "cash_out": max(-amount, ZERO),
        "balance": balance,
    }


def list_z_reports(month: Month) -> Iterator[Row]:
    for shift in month.z_reports:
        report = shift.z_report or {}
        sums = {
            name: sum((Decimal(row[name]) for row in report.get("payments", ())), ZERO)
            for name in ("amount", "canceled", "refunded")
        }
        cash = next((row for row in shift.counted if row["method"] == "cash"), None)
        yield {
            "day": month.store.business_days.day_at(get_closing(shift)),
            "register": month.registers.get(shift.register_id, ""),
            "z_number": shift.z_number,
            "opened_at": shift.created_at,
            "closed_at": shift.closed_at,
            "sales": Decimal(report["sales"]["total"]),
            "refunds": Decimal(report["refunds"]["total"]),
            "received": sums["amount"],
            "returned": sums["canceled"],
            "refunded": sums["refunded"],
            "expected_cash": Decimal(cash["expected"]) if cash else ZERO,
            "counted_cash": shift.counted_cash or ZERO,
            "difference": Decimal(cash["difference"]) if cash else ZERO,
            "note": shift.note,
        }


def get_closing(shift: Shift) -> datetime:
    """Return when a shift with a Z report was closed."""
    return shift.closed_at or shift.created_at


def list_refunds(month: Month) -> Iterator[Row]:
    for each in sorted(month.refunds, key=lambda row: row["at"]):
        yield {
            "day": each["day"],
            "at": each["at"],
            "register": each["register"],
            "receipt": each["receipt_number"],
            "order": each["order__number"],
            "by": each["by"],
            "reason": "Failed refund" if each["is_reversal"] else each["reason"],
            "total": each["total"],
            "tax_total": each["tax_total"],
            "cash_rounding": each["cash_rounding"],
        }


def list_credits(month: Month) -> Iterator[Row]:
    for day, amount in sorted(month.credits_issued.items()):
        yield {"day": day, "issued": amount}


def build_columns(**columns: str) -> dict[str, Column]:
    """Return columns by name, each given as its kind and label: `amount Sold`."""
    parts = {name: text.partition(" ") for name, text in columns.items()}
    return {name: Column(Kind(kind), label) for name, (kind, _, label) in parts.items()}


TABLES = (
    MonthTable(
        "sales",
        "Sales by tax",
        build_columns(
            day="day Day",
            tax="text Tax",
            sold="amount Sold",
            sold_net="amount Sold without tax",
            sold_tax="amount Tax sold",
            refunded="amount Refunded",
            refunded_net="amount Refunded without tax",
            refunded_tax="amount Tax refunded",
        ),
        list_sales,
    ),
    MonthTable(
        "taxes",
        "Taxes",
        build_columns(
            day="day Day",
            tax="text Tax",
            taxable="amount Taxed amount",
            tax_total="amount Tax",
            refunded_taxable="amount Taxed amount refunded",
            refunded_tax_total="amount Tax refunded",
        ),
        list_taxes,
    ),
    MonthTable(
        "payments",
        "Payments by method",
        build_columns(
            day="day Day",
            method="text Method",
            received="amount Received",
            returned="amount Returned before the sale",
            refunded="amount Refunded",
            net="amount Left",
        ),
        list_payments,
    ),
    MonthTable(
        "cash_book",
        "Cash book",
        build_columns(
            day="day Day",
            register="text Register",
            kind="text Entry",
            text="text Reason",
            cash_in="amount In",
            cash_out="amount Out",
            balance="amount Balance",
        ),
        list_cash_book,
    ),
    MonthTable(
        "z_reports",
        "Z reports",
        build_columns(
            day="day Day",
            register="text Register",
            z_number="number Z",
            opened_at="time Opened",
            closed_at="time Closed",
            sales="amount Sold",
            refunds="amount Refunds",
            received="amount Received",
            returned="amount Returned before the sale",
            refunded="amount Refunded",
            expected_cash="amount Expected cash",
            counted_cash="amount Counted cash",
            difference="amount Difference",
            note="text Note",
        ),
        list_z_reports,
    ),
    MonthTable(
        "refunds",
        "Refunds",
        build_columns(
            day="day Day",
            at="time Time",
            register="text Register",
            receipt="number Receipt",
            order="text Order",
            by="text By",
            reason="text Reason",
            total="amount Refunded",
            tax_total="amount Tax",
            cash_rounding="amount Cash rounding",
        ),
        list_refunds,
    ),
    MonthTable(
        "store_credits",
        "Store credits issued",
        build_columns(day="day Day", issued="amount Issued"),
        list_credits,
    ),
)


def format_cell(value: Any, month: Month) -> Any:
    """Return a value as text: amounts with the decimals of the currency, times of the store."""
    if isinstance(value, Decimal):
        return str(current_tenant().quantize_amount(value))
    if isinstance(value, datetime):
        return value.astimezone(month.store.clock).isoformat(timespec="seconds")
    return value.isoformat() if isinstance(value, date) else value


def format_rows(table: MonthTable, month: Month) -> list[Row]:
    return [
        {name: format_cell(value, month) for name, value in row.items()}
        for row in table.list_rows(month)
    ]


def build_archive(month: Month) -> bytes:
    """Return a ZIP archive with a CSV file for each table."""
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as files:
        for table in TABLES:
            info = zipfile.ZipInfo(f"{table.name.replace('_', '-')}.csv", ARCHIVE_DATE)
            info.compress_type = zipfile.ZIP_DEFLATED
            files.writestr(info, write_table(table, month))
    return archive.getvalue()


def write_table(table: MonthTable, month: Month) -> str:
    """Return the table as CSV; texts are escaped against formulas."""
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow(table.columns)
    for row in table.list_rows(month):
        cells = (row[name] for name in table.columns)
        writer.writerow(
            [
                escape_formula(cell) if isinstance(cell, str) else format_cell(cell, month)
                for cell in cells
            ]
        )
    return text.getvalue()


def build_workbook(month: Month) -> bytes:
    """Return a workbook with a sheet for each table."""
    sheets = (
        Sheet(
            table.title,
            [column.label for column in table.columns.values()],
            (
                [convert_cell(row[name], month) for name in table.columns]
                for row in table.list_rows(month)
            ),
        )
        for table in TABLES
    )
    return write_workbook(sheets, decimals=current_tenant().currency_exponent)


def convert_cell(value: Any, month: Month) -> Any:
    """Return a value for a workbook, with the local time of the store."""
    if isinstance(value, datetime):
        return value.astimezone(month.store.clock).replace(tzinfo=None, microsecond=0)
    return value


def build_file_name(month: Month, extension: str) -> str:
    tenant: Any = current_tenant()
    return f"{tenant.slug}-bookkeeping-{month.first:%Y-%m}.{extension}"
