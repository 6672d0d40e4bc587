"""Numbers that could mean two amounts, cells that variants leave empty, and sizes of workbooks."""

import io
import zipfile
from decimal import Decimal

import pytest
from django.test.client import MULTIPART_CONTENT

from orders.models import Barcode, Product
from tenants.api.formats import FormatError
from tenants.models import Tenant
from tenants.scope import tenant_scope
from tenants.written_numbers import (
    COMMA_COUNTRIES,
    POINT_COUNTRIES,
    NumberColumn,
    get_country_separator,
)
from tenants.xlsx import MAX_CELL_LENGTH, NumberCell, XLSXFile
from tests.factories.orders import TaxClassFactory
from tests.factories.tenants import StoreFactory
from tests.support.catalog_files import PATH, build_upload_form, export_catalog, upload_catalog
from tests.support.workbooks import build_workbook

NAMESPACE = b"http://schemas.openxmlformats.org/spreadsheetml/2006/main"
STRINGS_TYPE = (
    b'<Override PartName="/xl/sharedStrings.xml" ContentType="application/'
    b'vnd.openxmlformats-officedocument.spreadsheetml.sharedStrings+xml"/></Types>'
)


@pytest.fixture
def catalog(shop):
    def load():
        with tenant_scope(shop):
            return {product.sku: product for product in Product.objects.all()}

    return load


@pytest.fixture
def refuse(manager_client, catalog):
    """Import a file that is refused; return row, column and code of its errors."""

    def send(content):
        answer = upload_catalog(manager_client, content)
        assert answer.status_code == 400, answer.content
        assert catalog() == {}
        return [(each["row"], each["field"], each["code"]) for each in answer.json()["errors"]]

    return send


@pytest.fixture
def accept(manager_client):
    def send(content):
        answer = upload_catalog(manager_client, content)
        assert answer.status_code == 200, answer.content
        return answer.json()

    return send


def set_shop(shop, **values):
    Tenant.objects.filter(pk=shop.pk).update(**values)


# --- numbers ------------------------------------------------------------------------------------


def test_number_of_a_workbook_has_a_decimal_point_in_every_country(
    manager_client, shop, store, catalog
):
    set_shop(shop, country="DE")
    workbook = build_workbook(
        ["sku", "name", "price", "stock", "sold_by"],
        ["A", "Cheese", "2,50", 1.125, "weight"],
        ["B", "Bread", 3, 4, None],
    )

    answer = manager_client.send("POST", PATH, build_upload_form(workbook), MULTIPART_CONTENT)

    assert answer.status_code == 200
    with tenant_scope(shop):
        level = catalog()["A"].stock_levels.get()
    assert level.quantity == Decimal("1.125")


def test_computed_price_with_more_decimals_than_the_currency_is_refused(refuse, shop):
    set_shop(shop, country="DE")

    errors = refuse(build_workbook(["sku", "name", "price"], ["A", "Apple", 2.1 * 1.19]))

    assert errors == [(2, "price", "max_decimal_places")]


def test_numbers_do_not_decide_how_text_beside_them_is_read(accept, shop, catalog):
    set_shop(shop, country="DE")

    accept(build_workbook(["sku", "name", "price"], ["A", "Sofa", "1.250"], ["B", "Bread", 2.5]))

    assert {sku: product.price for sku, product in catalog().items()} == {"A": 1250, "B": 2.5}


def test_number_with_an_exponent_is_no_price():
    column = NumberColumn(otherwise=",", currency="EUR")

    with pytest.raises(FormatError):
        column.normalize(NumberCell("1E+20"), decimals=2)


@pytest.mark.parametrize("cell", ["3 50", "1'25", "01.05.24", "1.25.50", "1,25,50", "1.23.456"])
def test_groups_of_two_digits_are_no_number(cell):
    column = NumberColumn(otherwise=",", currency="EUR")

    with pytest.raises(FormatError, match="not_a_number"):
        column.normalize(cell, decimals=2)


@pytest.mark.parametrize(
    ("cell", "number"),
    [("12,34,567", "1234567"), ("1,23,456.50", "123456.50"), ("1 234 567,5", "1234567.5")],
)
def test_groups_end_with_three_digits(cell, number):
    assert NumberColumn(otherwise=".", currency="INR").normalize(cell, decimals=2) == number


@pytest.mark.parametrize("country", ["", "CA", "CH", "MG", "ZA"])
def test_number_is_refused_where_the_country_does_not_decide(refuse, shop, country):
    set_shop(shop, country=country)

    assert refuse("sku;name;price\nA;Sofa;1.250\n") == [(2, "price", "ambiguous_number")]


def test_no_country_has_both_separators():
    assert not COMMA_COUNTRIES & POINT_COUNTRIES
    assert [get_country_separator(each) for each in ("DE", "HT", "TJ", "US", "MN", "")] == [
        *(",", ",", ",", ".", ".", "")
    ]


@pytest.mark.parametrize(
    ("currency", "country", "cell", "price"),
    [
        ("KWD", "KW", "1.250", "1.250"),
        ("TND", "TN", "1,250", "1.250"),
        ("KWD", "KW", "1,250", None),
        ("TND", "TN", "1.250", None),
        ("KWD", "", "1.250", None),
    ],
)
def test_price_with_three_decimals_has_the_separator_of_the_country(
    manager_client, shop, catalog, currency, country, cell, price
):
    set_shop(shop, currency=currency, country=country)

    answer = upload_catalog(manager_client, f'sku,name,price\nA,Apple,"{cell}"\n')

    if price:
        assert catalog()["A"].price == Decimal(price)
    else:
        assert [each["code"] for each in answer.json()["errors"]] == ["ambiguous_number"]
        assert catalog() == {}


def test_exported_price_with_three_decimals_is_imported_unchanged(
    manager_client, accept, shop, catalog
):
    set_shop(shop, currency="TND", country="TN")
    accept('sku,name,price\nA,Apple,"1,250"\n')

    assert accept(export_catalog(manager_client))["unchanged"] == 1
    assert catalog()["A"].price == Decimal("1.25")


# --- codes and names ----------------------------------------------------------------------------


def test_number_that_has_lost_the_zero_of_a_barcode_gets_it_back(manager_client, shop):
    header = ["sku", "name", "price", "barcodes"]
    workbook = build_workbook(header, ["A", "x", 1, 36000291452], ["B", "y", 1, 36000291453])

    assert upload_catalog(manager_client, workbook).status_code == 200

    with tenant_scope(shop):
        codes = dict(Barcode.objects.values_list("product__sku", "code"))
    assert codes == {"A": "036000291452", "B": "36000291453"}


@pytest.mark.parametrize("column", ["name", "category"])
def test_error_of_a_spreadsheet_is_no_text(refuse, column):
    row = {"sku": "A", "name": "Apple", "price": 1, "category": "Fruit"} | {column: "#N/A"}

    errors = refuse(build_workbook(list(row), list(row.values())))

    assert errors == [(2, column, "spreadsheet_error")]


# --- other systems ------------------------------------------------------------------------------

SHOPIFY = "Handle,Title,Option1 Value,Variant SKU,Variant Price,Status\n"


@pytest.mark.parametrize(
    ("status", "is_active"),
    [("active", True), ("unlisted", True), ("draft", False), ("archived", False)],
)
def test_status_of_a_product_is_that_of_its_variants(accept, shop, catalog, status, is_active):
    accept(f"{SHOPIFY}shirt,Shirt,S,A,1.00,{status}\nshirt,,M,B,1.00,\ntea,Tea,,C,1.00,active\n")

    active = {sku: product.is_active for sku, product in catalog().items()}
    assert active == {"shirt": is_active, "A": is_active, "B": is_active, "C": True}


LOYVERSE = (
    "Handle,SKU,Name,Sold by weight,Option 1 value,Default price,Track stock,"
    '"Tax - ""VAT"" (19%)"\n'
)


def test_variants_inherit_what_they_leave_empty(accept, shop, store, catalog):
    vat = TaxClassFactory(tenant=shop)
    TaxClassFactory(tenant=shop, name="Other", rates=[])

    header = LOYVERSE.replace("\n", ",In stock [Main]\n")
    accept(f"{header}cheese,A,Cheese,Y,Young,10.00,Y,Y,3\ncheese,B,,,Old,12.00,,,2\n")

    variant = catalog()["B"]
    assert (variant.sold_by, variant.track_stock, variant.tax_class_id) == ("weight", True, vat.pk)


def test_goods_whose_stock_is_not_in_the_file_do_not_track_it(accept, shop, catalog):
    TaxClassFactory(tenant=shop)

    accept(f"{LOYVERSE}cheese,A,Cheese,Y,,10.00,Y,Y\n")

    assert catalog()["A"].track_stock is False


def test_cells_that_are_empty_leave_a_product_unchanged(accept, shop, catalog):
    TaxClassFactory(tenant=shop)
    accept(f"{LOYVERSE}cheese,A,Cheese,Y,,10.00,Y,Y\n")

    assert accept(f"{LOYVERSE}cheese,A,Cheese,,,10.00,,\n")["unchanged"] == 1


@pytest.mark.parametrize(
    ("first", "second", "is_active"), [("N", "Y", True), ("Y", "N", True), ("N", "N", False)]
)
def test_product_is_active_if_any_store_sells_it(
    accept, shop, store, catalog, first, second, is_active
):
    StoreFactory(tenant=shop, name="Second")
    header = (
        "Handle,SKU,Name,Sold by weight,Price [Main],Available for sale [Main],"
        "Available for sale [Second]\n"
    )

    accept(f"{header}x,A,Cheese,N,1.00,{first},{second}\n")

    assert catalog()["A"].is_active is is_active


def test_fixed_price_ends_that_the_cashier_types_it(accept, shop, catalog):
    header = "Token,Item Name,Variation Name,SKU,Price\n"
    accept(f"{header}t,Tea,Regular,A,variable\n")
    assert catalog()["A"].open_price

    accept(f"{header}t,Tea,Regular,A,2.50\n")

    assert (catalog()["A"].open_price, catalog()["A"].price) == (False, Decimal("2.5"))


# --- sizes of workbooks -------------------------------------------------------------------------


def build_with_shared_text(text, rows):
    """Return a workbook in which each row has the same shared text as its name."""

    def build_row(*texts):
        cells = b"".join(b'<c t="s"><v>%d</v></c>' % each for each in texts)
        return b"<row>" + cells + b"</row>"

    sheet = build_row(0, 1, 2) + build_row(3, 4, 3) * rows
    texts = [b"sku", b"name", b"price", b"1", text]
    parts = {
        "xl/worksheets/sheet1.xml": b'<worksheet xmlns="%s"><sheetData>%s</sheetData></worksheet>'
        % (NAMESPACE, sheet),
        "xl/sharedStrings.xml": b'<sst xmlns="%s">%s</sst>'
        % (NAMESPACE, b"".join(b"<si><t>%s</t></si>" % each for each in texts)),
    }
    file = io.BytesIO()
    with (
        zipfile.ZipFile(io.BytesIO(build_workbook(["sku"]))) as old,
        zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as new,
    ):
        parts = {name: old.read(name) for name in old.namelist()} | parts
        types = parts["[Content_Types].xml"]
        if b"sharedStrings" not in types:
            parts["[Content_Types].xml"] = types.replace(b"</Types>", STRINGS_TYPE)
        for name, content in parts.items():
            new.writestr(name, content)
    return file.getvalue()


@pytest.mark.parametrize("length", [MAX_CELL_LENGTH + 1, 200_000])
def test_text_that_is_longer_than_a_cell_is_refused(refuse, length):
    assert refuse(build_with_shared_text(b"x" * length, 1)) == [(2, "", "malformed_workbook")]


def test_copy_ends_at_the_first_row_that_is_too_long():
    table = XLSXFile(io.BytesIO(build_with_shared_text(b"x" * 900_000, 200)))

    assert table.copy.tell() == 0
    assert [each.row for each in table.rows()] == [2]


def test_copy_has_a_limit(monkeypatch):
    monkeypatch.setattr("tenants.xlsx.MAX_COPY_LENGTH", 100_000)
    table = XLSXFile(io.BytesIO(build_with_shared_text(b"x" * 30_000, 200)))

    *rows, error = table.rows()

    assert (len(rows), error.code) == (4, "workbook_too_large")


def test_copy_ends_at_the_last_row_that_is_read():
    table = XLSXFile(io.BytesIO(build_with_shared_text(b"x", 20)), max_rows=5)

    assert [each.number for each in table.rows()] == [2, 3, 4, 5, 6]


def test_workbook_has_a_limit_of_blank_rows():
    table = XLSXFile(io.BytesIO(build_with_shared_text(b"x", 1)), max_rows=5)
    assert table.row_error is None

    blank = build_workbook(["sku"], *[[" "]] * 9, ["A"])

    assert [each.code for each in XLSXFile(io.BytesIO(blank), max_rows=5).rows()] == [
        "workbook_too_large"
    ]
    assert len(list(XLSXFile(io.BytesIO(blank), max_rows=50).rows())) == 1


def test_file_with_too_many_rows_is_refused(refuse, monkeypatch):
    monkeypatch.setattr("orders.services.catalog.csv_file.MAX_ROWS", 2)
    rows = [[str(number), "Thing", 1] for number in range(4)]

    assert refuse(build_workbook(["sku", "name", "price"], *rows)) == [(4, "", "too_many_rows")]


@pytest.mark.parametrize("limit", ["MAX_TOTAL_BYTES", "MAX_SHEET_ELEMENTS", "MAX_SHEET_BYTES"])
def test_workbook_that_takes_too_long_to_read_is_refused(refuse, monkeypatch, limit):
    monkeypatch.setattr(f"tenants.xlsx.{limit}", 10)
    rows = [["A", "Apple", 1], ["B", "Bread", 1]]

    errors = refuse(build_workbook(["sku", "name", "price"], *rows))

    assert errors == [(1, "", "workbook_too_large")]


def test_other_sheets_are_not_read_behind_their_beginning(accept):
    sheet = b'<worksheet xmlns="%s"><sheetData>' % NAMESPACE + b"<row><c/></row>" * 20_000
    file = io.BytesIO(build_workbook(["sku", "name", "price"], ["A", "Apple", 1]))
    with zipfile.ZipFile(file, "a", zipfile.ZIP_DEFLATED) as workbook:
        # Not well-formed at its end.
        workbook.writestr("xl/worksheets/other.xml", sheet)

    assert accept(file.getvalue())["created"] == 1
