"""Reports as .xlsx workbooks: the cells of the CSV files, as numbers, days and texts."""

import csv
import io
import zipfile
from datetime import date, datetime
from decimal import Decimal

import openpyxl
import pytest

from orders.services.reports.sales import GroupBy
from tenants.workbook import CONTENT_TYPE, Quantity, Sheet, write_workbook
from tests.support.admin_browser import open_browser
from tests.support.refunds import create_refund
from tests.support.till import card, cash, line

pytestmark = pytest.mark.once


def read_sheets(content):
    """Return the rows of each sheet, as cells."""
    book = openpyxl.load_workbook(io.BytesIO(content))
    return {sheet.title: [list(row) for row in sheet.iter_rows()] for sheet in book}


def test_cells_have_their_types():
    at = datetime(2026, 3, 4, 5, 6, 7)  # noqa: DTZ001  (workbooks have no time zones)
    row = [
        *("=1+1", "+1", "@x", "\x01=1\ufffe\uffff", "", None, 7),
        *(Decimal("-12.50"), Quantity("0.735"), date(2026, 3, 4), at),
    ]

    sheets = read_sheets(write_workbook([Sheet("=A", ["=1"] * len(row), [row])], decimals=2))

    header, cells = sheets["=A"]
    assert {cell.data_type for cell in header} == {"s"}
    assert [(cell.value, cell.data_type) for cell in cells] == [
        *(("=1+1", "s"), ("+1", "s"), ("@x", "s"), (" =1  ", "s"), (None, "n"), (None, "n")),
        *((7, "n"), (-12.5, "n"), (0.735, "n")),
        *((datetime(2026, 3, 4), "d"), (at, "d")),  # noqa: DTZ001
    ]
    assert [cell.number_format for cell in cells[-4:]] == [
        *("0.00", "0.###", "yyyy-mm-dd", "yyyy-mm-dd hh:mm:ss")
    ]


@pytest.mark.parametrize(("decimals", "expected"), [(0, "0"), (3, "0.000")])
def test_amounts_have_the_decimals_of_the_currency(decimals, expected):
    content = write_workbook([Sheet("A", ["x"], [[Decimal(1)]])], decimals=decimals)

    assert read_sheets(content)["A"][1][0].number_format == expected


def test_long_texts_and_titles_are_cut():
    content = write_workbook([Sheet("T" * 40, ["x"], [["y" * 40_000]])], decimals=2)

    sheets = read_sheets(content)
    assert [len(title) for title in sheets] == [31]
    assert len(sheets["T" * 31][1][0].value) == 32_767


@pytest.fixture
def sales(till, manager_client, make_product):
    product = make_product("2.50", name="=cmd|' /C calc'!A0")
    order = till.sold(line(product, "3"), payments=[cash("5.00"), card("2.50")])
    create_refund(manager_client, order, lines=[{"line": order["lines"][0]["id"], "quantity": "1"}])


@pytest.mark.usefixtures("sales")
def test_workbook_has_the_figures_of_the_csv_file(manager_client, manager):
    for group in GroupBy:
        query = {"group_by": group.value}
        answer = manager_client.get("reports/sales/", {**query, "format": "xlsx"})
        assert answer["Content-Type"] == CONTENT_TYPE
        assert f"-sales-by-{group.value}-" in answer["Content-Disposition"]
        sheet = manager_client.get("reports/sales/", {**query, "format": "csv"})
        text = b"".join(sheet.streaming_content).decode()
        rows = list(csv.DictReader(io.StringIO(text, newline="")))
        ((header, *cells),) = read_sheets(answer.content).values()
        names = [cell.value for cell in header]

        assert [compare(names, row) for row in cells] == [
            {name: to_number(row[name]) for name in names} for row in rows
        ]
        assert all(row[name] == "" for row in rows for name in row.keys() - set(names))


def compare(names, row):
    """Return the values of a row as numbers and texts."""
    return {name: to_text(cell) for name, cell in zip(names, row, strict=True)}


def to_text(cell):
    if cell.data_type == "d":
        return f"{cell.value:%Y-%m-%d}"
    return "" if cell.value is None else to_number(str(cell.value))


def to_number(text):
    try:
        return Decimal(text).normalize()
    except ArithmeticError:
        return text.removeprefix("'")


@pytest.mark.usefixtures("sales")
def test_admin_downloads_the_workbook(manager):
    browser = open_browser(manager)

    answer = browser.get("/admin/reports/", {"group_by": "product", "format": "xlsx"})

    assert answer["Content-Type"] == CONTENT_TYPE
    ((_, row),) = read_sheets(answer.content).values()
    assert row[1].value.endswith("=cmd|' /C calc'!A0")
    assert row[1].data_type == "s"


@pytest.mark.usefixtures("sales")
def test_month_for_the_bookkeeper_is_a_workbook(manager, manager_client, store):
    month = f"{datetime.now(store.clock):%Y-%m}"
    query = {"store": str(store.pk), "month": month, "format": "xlsx"}

    answer = manager_client.get("reports/bookkeeping/", query)
    page = open_browser(manager).get("/admin/reports/bookkeeping/", query)

    assert zipfile.ZipFile(io.BytesIO(page.content)).testzip() is None
    sheets = read_sheets(answer.content)
    assert list(sheets) == [
        *("Sales by tax", "Taxes", "Payments by method", "Cash book", "Z reports", "Refunds"),
        "Store credits issued",
    ]
    assert [cell.value for cell in sheets["Sales by tax"][1]][1:5] == ["VAT 19 %", 7.5, 6.3, 1.2]
