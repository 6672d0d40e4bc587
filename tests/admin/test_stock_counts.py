"""The admin pages of stock counts: start, count with a phone, print the sheet, close."""

import re

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from orders.models import Product, StockCount, StockCountLine, StockLevel, StockMovement
from tenants.scope import tenant_scope
from tests.factories.orders import (
    BarcodeFactory,
    CategoryFactory,
    ProductFactory,
    StockLevelFactory,
)
from tests.factories.stock_count import StockCountFactory, StockCountLineFactory
from tests.support.admin_browser import open_browser, read_errors, snapshot_database, submit_form
from tests.support.till import get_stock_level

pytestmark = [pytest.mark.once, pytest.mark.django_db]
COUNTS, LINES = "/admin/orders/stockcount/", "/admin/orders/stockcountline/"
TABLES = (StockCount, StockCountLine, StockLevel, StockMovement)


@pytest.fixture
def milk(shop, store):
    product = ProductFactory(tenant=shop, name="Fresh milk", sku="MILK")
    BarcodeFactory(product=product, code="4006381333931")
    StockLevelFactory(product=product, store=store, quantity=12)
    return product


@pytest.fixture
def count(managers_browser, shop, store, milk):
    form = {"name": "Fridge", "store": str(store.pk)}
    response = submit_form(managers_browser, f"{COUNTS}add/", **form)
    with tenant_scope(shop):
        made = StockCount.objects.get()
    assert response["Location"] == f"{COUNTS}{made.pk}/count/"
    return made


def page(count, name):
    return f"{COUNTS}{count.pk}/{name}/"


def enter(browser, count, product, quantity, **more):
    """Send the form that the page shows for this product."""
    url = page(count, "count")
    shown = browser.get(url, {"product": str(product.pk)}).content.decode()
    seen = re.search(r'name="seen_version" value="(\d+)"', shown)[1]
    form = {"product": str(product.pk), "quantity": quantity, "seen_version": seen, **more}
    return browser.post(url, form)


def read(response):
    assert response.status_code == 200
    return response.content.decode()


def test_manager_counts_with_a_scanner_and_closes(managers_browser, count, milk, store, shop):
    url = page(count, "count")
    found = read(managers_browser.get(url, {"q": "4006381333931"}))
    assert "Fresh milk" in found
    assert "autofocus" in found
    saved = enter(managers_browser, count, milk, "10")
    assert saved["Location"] == url
    again = read(managers_browser.get(url))
    assert "Fresh milk: 10 counted." in again
    assert "1 counted" in again

    asked = read(managers_browser.get(page(count, "close")))
    assert "1 product counted, 1 with a difference. 0 not counted." in asked
    form = {"uncounted": "keep", "expected_version": "2"}
    assert managers_browser.post(page(count, "close"), form)["Location"] == page(count, "change")

    assert get_stock_level(milk, store) == (10, 0)
    closed = read(managers_browser.get(page(count, "change")))
    assert "The stock is corrected." in closed
    assert "The products with a difference have no cost." in closed
    assert "../close/" not in closed
    for name in ("count", "close", "cancel"):
        assert managers_browser.get(page(count, name))["Location"] == page(count, "change")


def test_movement_links_to_its_count(managers_browser, count, milk, shop):
    enter(managers_browser, count, milk, "10")
    managers_browser.post(page(count, "close"), {"uncounted": "keep", "expected_version": "2"})
    with tenant_scope(shop):
        movement = StockMovement.objects.get(stock_count=count.pk)
    url = f"/admin/orders/stockmovement/{movement.pk}/change/"
    assert page(count, "change") in read(managers_browser.get(url))


def test_product_is_found_by_sku_and_words(managers_browser, count, milk, shop):
    other = ProductFactory(tenant=shop, name="Buttermilk", sku="BM")
    url = page(count, "count")

    assert 'name="quantity"' in read(managers_browser.get(url, {"q": "MILK"}))
    both = read(managers_browser.get(url, {"q": "ilk"}))
    assert "Fresh milk" in both
    assert f"?product={other.pk}" in both
    one = read(managers_browser.get(url, {"q": "butter"}))
    assert 'name="quantity"' in one
    missing = read(managers_browser.get(url, {"q": "<b>unknown"}))
    assert "No product found for &lt;b&gt;unknown." in missing


def test_counted_product_is_added_or_replaced(managers_browser, count, milk, shop):
    enter(managers_browser, count, milk, "4")
    shown = read(managers_browser.get(page(count, "count"), {"q": "MILK"}))
    assert "Counted before: <strong>4</strong>" in shown

    enter(managers_browser, count, milk, "6", add="1")
    with tenant_scope(shop):
        assert StockCountLine.objects.get().counted == 10
    enter(managers_browser, count, milk, "9")
    with tenant_scope(shop):
        assert StockCountLine.objects.get().counted == 9


def test_repeated_addition_is_refused(managers_browser, count, milk):
    form = {"product": str(milk.pk), "quantity": "4", "seen_version": "0", "add": "1"}
    assert managers_browser.post(page(count, "count"), form).status_code == 302
    before = snapshot_database(*TABLES)

    refused = managers_browser.post(page(count, "count"), form)

    assert "Someone else has counted this product." in read(refused)
    assert snapshot_database(*TABLES) == before


@pytest.mark.parametrize(
    ("quantity", "message"),
    [
        ("1.5", "is sold by the piece"),
        ("", "Enter a quantity such as 2 or 0.735."),
        ("-1", "Enter a quantity such as 2 or 0.735."),
        ("4006381333931", "This is a barcode."),
        ("x", "Enter a quantity such as 2 or 0.735."),
    ],
)
def test_wrong_quantity_saves_nothing(managers_browser, count, milk, quantity, message):
    before = snapshot_database(*TABLES)
    shown = read(enter(managers_browser, count, milk, quantity))
    assert message in shown
    assert f'value="{quantity}"' in shown
    assert snapshot_database(*TABLES) == before


def test_closing_needs_the_shown_version(managers_browser, count, milk):
    enter(managers_browser, count, milk, "4")
    before = snapshot_database(*TABLES)
    for form in (
        {"uncounted": "keep", "expected_version": "1"},
        {"uncounted": "all", "expected_version": "2"},
        {"uncounted": "keep"},
    ):
        assert read_errors(managers_browser.post(page(count, "close"), form))
    stale = managers_browser.post(page(count, "cancel"), {"expected_version": "1"})
    assert "changed this" in read_errors(stale)
    assert snapshot_database(*TABLES) == before


def test_canceled_count_changes_no_stock(managers_browser, count, milk, store):
    enter(managers_browser, count, milk, "4")
    answer = managers_browser.post(page(count, "cancel"), {"expected_version": "2"})
    assert answer["Location"] == page(count, "change")
    assert "No stock has changed." in read(managers_browser.get(page(count, "change")))
    assert get_stock_level(milk, store) == (12, 0)


def test_sheet_is_blind_unless_asked(managers_browser, count, milk, shop, store):
    other = ProductFactory(tenant=shop, sold_by="weight", name="Cheese", category=None)
    StockLevelFactory(product=other, store=store, quantity="1.25")
    blind = read(managers_browser.get(page(count, "sheet")))
    assert "Expected</th>" not in blind
    assert "1.25" not in blind
    assert "4006381333931" in blind
    assert "MILK" in blind
    shown = read(managers_browser.get(page(count, "sheet"), {"expected": "1"}))
    assert '<td class="till-number">12</td>' in shown
    assert '<td class="till-number">1.25</td>' in shown


def test_sheet_has_only_products_of_the_category(managers_browser, count, milk, shop, store):
    drinks = CategoryFactory(tenant=shop)
    of_category = StockCountFactory(tenant=shop, store=store, category=drinks)
    assert "MILK" not in read(managers_browser.get(page(of_category, "sheet")))
    assert "no stock of such products" in read(managers_browser.get(page(of_category, "sheet")))


def test_lines_are_filtered_by_count_and_difference(managers_browser, count, milk, shop):
    with tenant_scope(shop):
        Product.objects.update(cost="0.80")
    enter(managers_browser, count, milk, "10")
    StockCountLineFactory(tenant=shop, product__name="Elsewhere")
    shown = read(managers_browser.get(page(count, "change")))
    assert "Differences at cost: \N{MINUS SIGN}1.60" in shown
    listed = read(managers_browser.get(LINES, {"stock_count": str(count.pk), "different": "yes"}))
    assert "Fresh milk" in listed
    assert "Elsewhere" not in listed
    same = read(managers_browser.get(LINES, {"stock_count": str(count.pk), "different": "no"}))
    assert "0 counted products" in same


@pytest.mark.parametrize("name", ["count", "sheet", "close", "cancel"])
def test_pages_of_another_shop_and_for_cashiers_are_closed(
    managers_browser, cashier, other_shop, count, name
):
    theirs = StockCountFactory(tenant=other_shop)
    before = snapshot_database(*TABLES)
    assert managers_browser.get(page(theirs, name)).status_code == 404
    assert managers_browser.post(page(theirs, name), {"uncounted": "zero"}).status_code == 404
    assert open_browser(cashier).get(page(count, name)).status_code == 302
    assert snapshot_database(*TABLES) == before


@pytest.mark.parametrize("name", ["count", "sheet", "close", "change"])
def test_pages_take_the_same_queries_for_any_number_of_products(
    managers_browser, count, shop, store, name
):
    def measure():
        with CaptureQueriesContext(connection) as captured:
            read(
                managers_browser.get(
                    page(count, name), {"expected": "1"} if name == "sheet" else {}
                )
            )
        return len(captured)

    def add(number):
        for _ in range(number):
            product = ProductFactory(tenant=shop)
            BarcodeFactory(product=product)
            StockLevelFactory(product=product, store=store)
            StockCountLineFactory(
                tenant=shop, stock_count=count, product=product, counted_by=count.started_by
            )

    add(1)
    few = measure()
    add(3)
    assert measure() == few
