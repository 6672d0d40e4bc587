"""Catalog files as people have them: encodings, delimiters, workbooks, numbers and codes."""

import csv
import io
from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orders.models import Product
from orders.services.catalog.code_cells import (
    join_barcodes,
    protect_code,
    read_code,
    restore_code,
    split_barcodes,
)
from tenants.api.formats import FormatError
from tenants.csv import CSVFile, escape_formula
from tenants.scope import tenant_scope
from tenants.written_numbers import NumberColumn, get_country_separator
from tests.support.catalog_files import PATH, export_catalog, snapshot_catalog, upload_catalog
from tests.support.workbooks import build_workbook, change_part

SHEET = "xl/worksheets/sheet1.xml"
STYLES_PART = "xl/styles.xml"
ROWS = "sku,name,price\nA,Käse,3.50\n"


def list_errors(answer):
    assert answer.status_code == 400, answer.content
    return [(each["row"], each["field"], each["code"]) for each in answer.json()["errors"]]


@pytest.fixture
def load(manager_client, shop):
    """Import a file; return name and price by SKU."""

    def send(content):
        answer = upload_catalog(manager_client, content)
        assert answer.status_code == 200, answer.content
        with tenant_scope(shop):
            return {
                row.sku: (
                    row.name,
                    row.price.normalize(),
                    sorted(row.barcodes.values_list("code", flat=True)),
                )
                for row in Product.objects.all()
            }

    return send


# --- encodings and delimiters -------------------------------------------------------------------


@pytest.mark.parametrize(
    "content",
    [
        ROWS.encode("utf-8"),
        ROWS.encode("utf-8-sig"),
        ROWS.encode("cp1252"),
        ROWS.encode("utf-16"),
        b"\xfe\xff" + ROWS.encode("utf-16-be"),
        ROWS.encode("utf-16-le"),
        ROWS.encode("utf-16-be"),
        # Excel's "Unicode text", and "CSV" in most of Europe.
        ROWS.replace(",", "\t").replace("\n", "\r\n").encode("utf-16"),
        ROWS.replace(",", ";").replace("3.50", "3,50").encode("cp1252"),
        b"sep=;\r\n" + ROWS.replace(",", ";").replace("3.50", "3,50").encode(),
        b"\xef\xbb\xbfsep=\t\n" + ROWS.replace(",", "\t").encode(),
        b'"sep=|"\n' + ROWS.replace(",", "|").encode(),
        # Commas in a quoted heading do not make it a file with commas.
        'sku;name;price;"a,b,c,d,e"\nA;Käse;3,50;\n'.encode(),
        # Empty columns at the end.
        "sku,name,price,,\nA,Käse,3.50,,\n".encode(),
        "sku,name,price\nA,Käse,3.50,,\n".encode(),
        "sku,name,price,,\nA,Käse,3.50\n".encode(),
    ],
)
def test_file_is_read_in_its_encoding_and_with_its_delimiter(load, content):
    assert load(content) == {"A": ("Käse", Decimal("3.5"), [])}


@pytest.mark.slow
@given(
    st.text(st.characters(codec="cp1252", exclude_categories=("Cc",)), min_size=1),
    st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be"]),
    st.sampled_from(",;\t"),
)
def test_any_text_is_read_as_it_was_written(text, encoding, delimiter):
    out = io.StringIO(newline="")
    csv.writer(out, delimiter=delimiter).writerows([["sku", "name"], ["A", text]])

    file = CSVFile(io.BytesIO(out.getvalue().encode(encoding)))

    assert [record.cells for record in file.rows()] == [["A", text]]
    assert (file.header, file.delimiter) == (["sku", "name"], delimiter)


@given(st.text(st.characters(codec="cp1252", exclude_categories=("Cc",)), min_size=1))
def test_windows_1252_is_read_unless_it_is_utf_8(text):
    content = f"sku,name\nA,Größe Käse süß\nB,{text.replace(',', '').replace(chr(34), '')}\n"
    cells = [each.cells for each in CSVFile(io.BytesIO(content.encode("cp1252"))).rows()]

    assert cells[0] == ["A", "Größe Käse süß"]


# --- workbooks ----------------------------------------------------------------------------------


def test_first_sheet_of_a_workbook_is_imported(load):
    workbook = build_workbook(
        ["sku", "name", "price", "barcodes", "note", None],
        ["A", "Käse", 3.5, 4006381333931, date(2026, 11, 30)],
        [],
        [815, date(2026, 11, 30), 0.1 + 0.2 - 0.1, "42|43", None],
        ["B", "Bread", "3,90", None, None, "beside"],
        others=["Prices"],
    )

    assert load(workbook) == {
        "A": ("Käse", Decimal("3.5"), ["4006381333931"]),
        "815": ("2026-11-30", Decimal("0.2"), ["42", "43"]),
        "B": ("Bread", Decimal("3.9"), []),
    }


def test_workbook_is_a_request_body_too(manager_client, shop):
    content_type = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
    workbook = build_workbook(["sku", "name", "price"], ["A", "Apple", 1])

    answer = manager_client.send("POST", PATH, workbook, content_type)

    assert (answer.status_code, answer.json()["created"]) == (200, 1)


def test_formula_has_its_saved_value(load):
    def with_value(sheet):
        return sheet.replace(b"<f>1+1</f><v />", b"<f>1+1</f><v>2</v>")

    workbook = build_workbook(["sku", "name", "price"], ["A", "Apple", "=1+1"])

    assert load(change_part(workbook, SHEET, with_value)) == {"A": ("Apple", Decimal(2), [])}


@pytest.mark.parametrize(
    ("row", "errors"),
    [
        ([date(2026, 1, 2), "Apple", 1, None], [(4, "sku", "date_in_code")]),
        (["A", "Apple", 1, date(2026, 1, 2)], [(4, "barcodes", "date_in_code")]),
        # More digits than a spreadsheet keeps.
        ([1234567890123456789, "Apple", 1, None], [(4, "sku", "digits_lost")]),
        (["A", "Apple", "", None], [(4, "price", "blank")]),
        (
            ["A", "#NAME?", "#REF!", "#N/A"],
            [
                (4, "name", "spreadsheet_error"),
                (4, "price", "not_a_number"),
                (4, "barcodes", "spreadsheet_error"),
            ],
        ),
    ],
)
def test_wrong_cell_of_a_workbook_is_refused_with_its_row(manager_client, shop, row, errors):
    header = ["sku", "name", "price", "barcodes"]
    workbook = build_workbook(header, ["GOOD", "Good", 1, None], [], row)

    assert list_errors(upload_catalog(manager_client, workbook)) == errors
    with tenant_scope(shop):
        assert not Product.objects.exists()


GOOD = build_workbook(["sku", "name", "price"], ["A", "Apple", 1])
ENTITIES = (
    b'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;&a;&a;">]>'
    b"<worksheet>&b;</worksheet>"
)
WIDE = (
    b'<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheetData>'
    b"<row>" + b"<c/>" * 600_000 + b"</row></sheetData></worksheet>"
)


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (change_part(GOOD, SHEET, lambda _: ENTITIES), "workbook_too_large"),
        (change_part(GOOD, SHEET, lambda _: WIDE), "workbook_too_large"),
        (
            change_part(GOOD, "xl/styles.xml", lambda old: old + b" " * 5_000_000),
            "workbook_too_large",
        ),
        (change_part(GOOD, SHEET, lambda old: old[:200]), "malformed_workbook"),
        (change_part(GOOD, "xl/workbook.xml", lambda _: b"<workbook/>"), "malformed_workbook"),
        (GOOD[:-30], "malformed_workbook"),
        (b"PK\x03\x04", "malformed_workbook"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 600, "unsupported_format"),
    ],
)
def test_unsafe_or_damaged_workbook_is_refused(manager_client, shop, content, code):
    assert list_errors(upload_catalog(manager_client, content)) == [(1, "", code)]
    with tenant_scope(shop):
        assert not Product.objects.exists()


def test_row_number_beyond_all_rows_of_a_sheet_is_not_waited_for(load):
    def far_away(sheet):
        return sheet.replace(b'<row r="3"', b'<row r="999999999999"').replace(
            b'r="A3"', b'r="A999999999999"'
        )

    workbook = build_workbook(["sku", "name", "price"], ["A", "Apple", 1], ["B"])

    assert list(load(change_part(workbook, SHEET, far_away))) == ["A"]


# --- numbers ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("cells", "prices"),
    [
        (["3,50"], ["3.50"]),
        (["34.0000"], ["34"]),
        (["1.234,50", "1.234"], ["1234.50", "1234"]),
        (["1,234.50", "1,234"], ["1234.50", "1234"]),
        (["1.234"], ["1234"]),
        (["3.50", "1.200"], ["3.50", "1.20"]),
        (["1.234.567"], ["1234567"]),
        (["0.500"], ["0.50"]),
        ([".5", ",5"], ["0.50", "0.50"]),
        (["€ 3,50", "3,50 €", "3,50\u00a0€", "EUR 3,50", "$3.5"], ["3.50"] * 5),
        (["1'234.50", "1\u2019234.50", "1 234,50", "1\u202f234,50"], ["1234.50"] * 4),
        (["1,23,456.00"], ["123456"]),
    ],
)
def test_prices_are_read_as_their_column_shows(load, cells, prices):
    rows = "".join(f'S-{number},Thing,"{cell}"\n' for number, cell in enumerate(cells))

    found = load(f"sku,name,price\n{rows}")

    assert [found[f"S-{number}"][1] for number in range(len(cells))] == [
        Decimal(price).normalize() for price in prices
    ]


@pytest.mark.parametrize(("country", "price"), [("DE", "1234"), ("US", "1.234")])
def test_country_decides_where_a_column_does_not_show_it(country, price):
    column = NumberColumn(otherwise=get_country_separator(country), currency="EUR")
    column.see("1.234")

    assert column.normalize("1.234", decimals=2) == price


def test_other_columns_decide_where_a_column_does_not_show_it():
    in_file: set[str] = set()
    prices, stock = (NumberColumn(otherwise=",", currency="EUR", in_file=in_file) for _ in range(2))
    prices.see("3.50")
    stock.see("1.250")

    assert stock.normalize("1.250", decimals=3) == "1.250"


@pytest.mark.parametrize(
    ("cells", "errors"),
    [
        (["1.50", "2,50", "1.234"], [(4, "price", "ambiguous_number")]),
        (["USD 1"], [(2, "price", "wrong_currency")]),
        (["1 pcs"], [(2, "price", "not_a_number")]),
        (["1,2,3"], [(2, "price", "not_a_number")]),
        (["1.2345"], [(2, "price", "max_decimal_places")]),
        (["1E+05"], [(2, "price", "not_a_number")]),
        (["12-3"], [(2, "price", "not_a_number")]),
        (["-1,50"], [(2, "price", "not_a_number")]),
        (["1" * 50], [(2, "price", "max_digits")]),
    ],
)
def test_unclear_price_is_refused_with_its_row(manager_client, shop, cells, errors):
    rows = "".join(f'S-{number},Thing,"{cell}"\n' for number, cell in enumerate(cells))

    assert list_errors(upload_catalog(manager_client, f"sku,name,price\n{rows}")) == errors
    with tenant_scope(shop):
        assert not Product.objects.exists()


AMOUNTS = st.decimals(0, 10**9, places=2, allow_nan=False, allow_infinity=False)
STYLES = st.sampled_from([(",", "."), (".", ","), ("", "."), ("", ","), (" ", ","), ("'", ".")])


@given(st.lists(AMOUNTS, min_size=1), STYLES, st.sampled_from(["", "€", "EUR "]))
def test_amounts_are_read_as_they_were_written(amounts, style, sign):
    thousands, decimal = style
    texts = [
        sign + f"{amount:,.2f}".replace(",", "_").replace(".", decimal).replace("_", thousands)
        for amount in amounts
    ]
    column = NumberColumn(otherwise=".", currency="EUR")
    for text in texts:
        column.see(text)

    assert [Decimal(column.normalize(text, decimals=2)) for text in texts] == amounts


@given(st.text(max_size=50))
def test_any_text_is_a_number_or_a_format_error(text):
    column = NumberColumn(otherwise=",", currency="EUR")
    column.see(text)
    try:
        Decimal(column.normalize(text, decimals=2))
    except FormatError:
        return


# --- codes --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("cell", "code"),
    [
        ("'4006381333931", "4006381333931"),
        ('="0043"', "0043"),
        ('=T("0043")', "0043"),
        ("4006381333931.0", "4006381333931"),
        ("4006381333931.00", "4006381333931"),
        ("\u20194006381333931", "4006381333931"),
        ("\u20184006381333931", "4006381333931"),
        ("4.006381333931E+12", "4006381333931"),
        ("4,006381333931e+12", "4006381333931"),
        ("'4.80001E+12", "4.80001E+12"),
        ("0043", "0043"),
        ("1E5", "1E5"),
        ("A-1.0", "A-1.0"),
        # Text, and so no dates.
        ("'10-Jan", "10-Jan"),
        ("'2026-01-10", "2026-01-10"),
        ("SET-10", "SET-10"),
        ("JAN-10", "JAN-10"),
        ("Janet-10", "Janet-10"),
        ("45-Jan", "45-Jan"),
        ("2026-13-10", "2026-13-10"),
        ("1-2-2026-3", "1-2-2026-3"),
    ],
)
def test_damage_of_a_code_is_undone_where_it_is_certain(load, cell, code):
    out = io.StringIO(newline="")
    barcode = cell.replace(",", "\\,") if "E" not in cell.upper() else cell
    csv.writer(out).writerows([["sku", "name", "price", "barcodes"], [cell, "Thing", "1", barcode]])

    assert load(out.getvalue()) == {code: ("Thing", Decimal(1), [code])}


@pytest.mark.parametrize(
    ("cell", "code"),
    [
        ("4.80001E+12", "digits_lost"),
        ("4,8E+12", "digits_lost"),
        ("#N/A", "spreadsheet_error"),
        ("=A1", "formula_in_code"),
        ('=T("1")&"2"', "formula_in_code"),
        ("10-Jan", "date_in_code"),
        ("10. Jan", "date_in_code"),
        ("3-mai-26", "date_in_code"),
        ("Jan-10", "date_in_code"),
        ("2026-01-10", "date_in_code"),
        ("2026-01-10 00:00:00", "date_in_code"),
        ("10.01.2026", "date_in_code"),
        ("1/10/2026", "date_in_code"),
    ],
)
@pytest.mark.parametrize("column", ["sku", "barcodes", "plu", "parent", "external_id"])
def test_damaged_code_is_refused_with_its_row(manager_client, shop, column, cell, code):
    row = {"sku": "A", "name": "Thing", "price": "1"} | {column: cell}
    text = io.StringIO(newline="")
    csv.writer(text).writerows([list(row), list(row.values())])

    assert list_errors(upload_catalog(manager_client, text.getvalue())) == [(2, column, code)]
    with tenant_scope(shop):
        assert not Product.objects.exists()


@pytest.mark.parametrize(
    ("cell", "code"),
    [
        ("36000291452", "036000291452"),
        ("36000291452.0", "036000291452"),
        ("3.6000291452E+10", "036000291452"),
        # Another check digit, or marked as text.
        ("36000291453", "36000291453"),
        ("'36000291452", "36000291452"),
        ('="36000291452"', "36000291452"),
    ],
)
def test_zero_in_front_of_a_upc_is_restored(load, manager_client, cell, code):
    text = io.StringIO(newline="")
    csv.writer(text).writerows([["sku", "name", "price", "barcodes"], ["A", "Thing", "1", cell]])

    assert load(text.getvalue()) == {"A": ("Thing", Decimal(1), [code])}
    # Also by the import of an export, where a code with 11 digits stays as it is.
    report = upload_catalog(manager_client, export_catalog(manager_client)).json()
    assert (report["created"], report["updated"], report["unchanged"]) == (0, 0, 1)


def test_plu_is_restored(manager_client, shop):
    upload_catalog(manager_client, 'sku,name,price,plu\nA,Thing,1,"=""0043"""\n')

    with tenant_scope(shop):
        assert Product.objects.get().plu == "43"


def test_commas_separate_barcodes_that_are_gtins(load):
    assert load('sku,name,price,barcodes\nA,x,1,"4006381333931, 96385074"\n')["A"][2] == [
        "4006381333931",
        "96385074",
    ]


@pytest.mark.parametrize("cell", ["a,b", "4006381333931,43", "4006381333931,"])
def test_other_commas_in_barcodes_are_refused(manager_client, shop, cell):
    text = f'sku,name,price,barcodes\nA,x,1,"{cell}"\n'

    assert list_errors(upload_catalog(manager_client, text)) == [
        (2, "barcodes", "comma_in_barcode")
    ]
    with tenant_scope(shop):
        assert not Product.objects.exists()


def test_escaped_comma_is_part_of_a_barcode(load):
    assert load('sku,name,price,barcodes\nA,x,1,"a\\,b"\n')["A"][2] == ["a,b"]


CODES = st.one_of(
    st.text(st.characters(exclude_categories=("C", "Z")), min_size=1, max_size=20),
    st.sampled_from(["'x", '="0043"', "4.80001E+12", "12345678.0", "#N/A", "a,b", "'=1", "\\"]),
    st.from_regex(r"[0-9]([.,][0-9]{1,3})?E[+-][0-9]{1,2}", fullmatch=True),
)


@given(CODES)
def test_exported_code_is_imported_unchanged(code):
    assert read_code(escape_formula(protect_code(code))) == code
    assert restore_code(protect_code(code)) == code


@given(st.lists(CODES, min_size=1, max_size=5))
def test_exported_barcodes_are_imported_unchanged(codes):
    assert split_barcodes(escape_formula(join_barcodes(codes))) == codes


# --- booleans -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("cell", "value"),
    [
        *((word, True) for word in ("Y", "J", "ja", "Ja", "yes", "TRUE", "WAHR", "1", "oui", "sí")),
        *((word, False) for word in ("N", "nein", "no", "FALSE", "FALSCH", "0", "non")),
    ],
)
def test_yes_and_no_are_read_in_several_languages(manager_client, shop, cell, value):
    upload_catalog(manager_client, f"sku,name,price,open_price\nA,Thing,1,{cell}\n")

    with tenant_scope(shop):
        assert Product.objects.get().open_price is value


def test_file_that_cannot_be_read_changes_nothing_in_a_dry_run(manager_client, shop):
    with tenant_scope(shop):
        before = snapshot_catalog()

    report = upload_catalog(manager_client, GOOD[:-30], "?dry_run=1").json()

    assert (report["format"], report["error_count"]) == ("", 1)
    with tenant_scope(shop):
        assert snapshot_catalog() == before
