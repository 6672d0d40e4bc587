"""The page that imports catalog files: errors are seen in place, and nothing is saved with them."""

import re

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
MAPPING = "Nr = sku\nWas = name\nPreis = price"


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


def test_rows_are_shown_with_their_errors_at_the_cells(send, shop):
    good = "".join(f"OK-{number},Good {number},1.00,\n" for number in range(30))
    page = send(f"sku,name,price,color\nAPPLE,Apple,abc,red\n{good}LAST,,2.00,\n", dry_run="on")

    assert count_products(shop) == 0
    first = re.search(r'<th scope="row">2</th>(.*?)</tr>', page, re.S)[1]
    apple, name, price, color = re.findall(r"<td.*?>(.*?)</td>", first, re.S)
    assert (apple, name, color) == ("APPLE", "Apple", "red")
    assert price.startswith('abc<span class="till-cell-error">')
    # The last row is far below the first ones, and is shown for its error.
    assert "LAST" in page
    assert "OK-25" not in page
    assert '<th scope="col">color<span class="till-detail">ignored</span></th>' in page


def test_first_rows_of_a_file_without_errors_are_shown(send):
    page = send("sku,name,price\nAPPLE,<b>Apple</b>,1.00\n", dry_run="on")

    assert "&lt;b&gt;Apple&lt;/b&gt;" in page
    assert "till-cell-error" not in page


def test_columns_chosen_by_hand_are_named(send):
    page = send("Nr;Was;Preis\n1;Apfel;1,50\n", dry_run="on", mapping=MAPPING)
    assert 'Preis<span class="till-detail">price</span>' in page


@pytest.mark.parametrize("content", [b"", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", b"PK\x03\x04x"])
def test_file_that_cannot_be_read_has_no_preview(send, content):
    assert "till-preview" not in send(content or b"x", dry_run="on")


def test_export_is_the_file_that_the_import_reads(managers_browser, send, shop):
    send("sku,name,price\nAPPLE,Apple,1.00\n")
    url = "/admin/orders/product/export/"
    assert f'href="{url}"' in managers_browser.get("/admin/orders/product/").content.decode()

    exported = b"".join(managers_browser.get(url).streaming_content)

    assert b"APPLE,Apple,1.00" in exported
    assert "0 created, 0 updated, 1 unchanged" in send(exported, dry_run="on")
    assert managers_browser.post(url).status_code == 405


def test_export_has_no_products_of_other_shops_and_none_for_cashiers(
    managers_browser, foreign, cashier
):
    url = "/admin/orders/product/export/"
    exported = b"".join(managers_browser.get(url).streaming_content)
    assert b"LEAKMARK" not in exported
    assert open_browser(cashier).get(url).status_code == 302
