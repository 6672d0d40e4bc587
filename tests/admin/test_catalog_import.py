"""The page that imports catalog files: errors are seen in place, and nothing is saved with them."""

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from orders.models import Product
from orders.serializers import catalog_file
from tenants.models import AuditEvent
from tenants.scope import tenant_scope
from tests.factories.tenants import StoreFactory
from tests.support.admin_browser import open_browser
from tests.support.move_in_files import build_export

pytestmark = pytest.mark.once

PAGE = "/admin/orders/product/import/"


@pytest.fixture
def send(managers_browser, store):
    """Submit the form with a file; return the page as text."""

    def submit(content, **fields):
        content = content.encode() if isinstance(content, str) else content
        file = SimpleUploadedFile("products.csv", content)
        answer = managers_browser.post(PAGE, {"file": file, **fields})
        assert answer.status_code == 200
        return answer.content.decode()

    return submit


def count_products(shop):
    with tenant_scope(shop):
        return Product.objects.count()


def test_list_of_products_leads_to_the_import(managers_browser):
    page = managers_browser.get("/admin/orders/product/").content.decode()

    assert f'href="{PAGE}"' in page
    assert 'name="file"' in managers_browser.get(PAGE).content.decode()


def test_file_of_another_system_is_checked_and_imported(send, shop, manager):
    checked = send(build_export("shopify"), dry_run="on")
    assert "Nothing was saved" in checked
    assert "4 created" in checked
    assert count_products(shop) == 0

    imported = send(build_export("shopify"))

    assert "Imported" in imported
    assert "shopify" in imported
    assert "Body (HTML)" in imported
    assert count_products(shop) == 4  # with the parent of the variants
    with tenant_scope(shop):
        assert AuditEvent.objects.get(event="products_imported").actor == manager.pk


def test_wrong_rows_are_shown_with_row_and_column(send, shop):
    page = send("sku,name,price\nA,Apple,1\nB,<b>Bread</b>,x\n4.8E+12,Cake,1\n")

    assert "Nothing was imported" in page
    assert "<td>3</td><td>price</td><td>Enter an amount such as 12.50.</td>" in page
    assert "<td>4</td><td>sku</td>" in page
    assert "Errors (2)" in page
    assert count_products(shop) == 0


@pytest.mark.parametrize(
    ("text", "detail"),
    [
        (
            "sku,name,price,stock\nA,Apple,1,5\n",
            "Select the store of this stock (Store of the stock).",
        ),
        ("Nr,name,price\n1,Apple,1\n", "map a heading to it in the field Columns."),
        ("sku,name,price,tax_percent\nA,Apple,1,99\n", "tax class for new products (Tax class)."),
    ],
)
def test_errors_name_the_fields_of_the_form(send, shop, text, detail):
    with tenant_scope(shop):
        StoreFactory(tenant=shop, name="Second")

    page = send(text)

    assert detail in page
    assert "Nothing was imported, because some rows have errors." in page
    assert "Expected result:" in page
    assert count_products(shop) == 0


def test_warnings_name_the_fields_of_the_form(send, shop):
    page = send(build_export("shopify"), dry_run="on")

    assert "Select a tax class for new products (Tax class)." in page
    assert "Format: shopify" in page
    assert 'value="Continue"' in page


def test_columns_of_any_other_file_are_entered(send, shop):
    text = "Nr;Titel;Preis\n1;Apfel;1,50\n"

    assert "Imported" in send(text, mapping="Nr = sku\r\nTitel=name\r\n\r\nPreis = price")
    assert count_products(shop) == 1


@pytest.mark.parametrize(
    ("fields", "error"),
    [
        ({"mapping": "Nr"}, "Write lines such as"),
        ({"mapping": "Nr = colour"}, "colour is not a column"),
        ({"store": "00000000-0000-0000-0000-000000000000"}, "valid choice"),
    ],
)
def test_wrong_field_is_refused(send, shop, fields, error):
    page = send("sku,name,price\nA,Apple,1\n", **fields)

    assert error in page
    assert "errorlist" in page
    assert count_products(shop) == 0


def test_missing_and_too_large_files_are_refused(send, managers_browser, shop, monkeypatch):
    assert "required" in managers_browser.post(PAGE, {}).content.decode()
    monkeypatch.setattr("orders.admin.catalog_import.MAX_FILE_BYTES", 10)

    assert "more than 16 MiB" in send("sku,name,price\nA,Apple,1\n")
    assert count_products(shop) == 0
    assert catalog_file.MAX_FILE_BYTES > 10


def test_cashier_may_not_import(cashier, shop):
    browser = open_browser(cashier)
    file = SimpleUploadedFile("products.csv", b"sku,name,price\nA,Apple,1\n")

    for answer in (browser.get(PAGE), browser.post(PAGE, {"file": file})):
        assert (answer.status_code, answer["Location"][:13]) == (302, "/admin/login/")
    assert count_products(shop) == 0
