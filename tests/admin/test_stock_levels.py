"""Stock levels in the admin: reorder point, opening stock, filters, search and links."""

from decimal import Decimal

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from orders.models import Product, StockLevel, StockMovement
from tenants.models import AuditEvent
from tenants.scope import tenant_scope
from tests.factories.orders import BarcodeFactory, ProductFactory, StockLevelFactory
from tests.factories.tenants import StoreFactory
from tests.support.admin_browser import read_errors, snapshot_database, submit_form
from tests.support.admin_data import LEVELS, MOVEMENTS

pytestmark = [pytest.mark.once, pytest.mark.django_db]
PRODUCTS = "/admin/orders/product/"
TABLES = (Product, StockLevel, StockMovement)


@pytest.fixture
def level(product, store):
    with tenant_scope(store.tenant):
        return StockLevel.objects.get(product=product, store=store)


@pytest.fixture
def page(level):
    return f"{LEVELS}{level.pk}/change/"


def reload(level):
    with tenant_scope(level.tenant):
        level.refresh_from_db()
    return level


def read(response):
    assert response.status_code == 200
    return response.content.decode()


# --- reorder point -------------------------------------------------------------------------------


def test_reorder_point_is_changed_and_cleared(managers_browser, page, level, manager):
    assert submit_form(managers_browser, page, reorder_point="2.5")["Location"] == page
    assert (reload(level).reorder_point, level.version) == (Decimal("2.5"), 2)
    assert 'name="reorder_point" value="2,5"' in read(managers_browser.get(page))
    with tenant_scope(level.tenant):
        event = AuditEvent.objects.get(event="reorder_point_changed")
        assert StockMovement.objects.filter(product=level.product_id).count() == 1
    assert (event.actor, event.target) == (manager.pk, level.product_id)

    assert submit_form(managers_browser, page, reorder_point="").status_code == 302
    assert (reload(level).reorder_point, level.version) == (None, 3)


def test_reorder_point_and_correction_are_saved_together(managers_browser, page, level):
    form = {"reorder_point": "20", "type": "receive", "moved": "5"}
    assert submit_form(managers_browser, page, **form).status_code == 302
    assert (reload(level).quantity, level.reorder_point) == (15, 20)


@pytest.mark.parametrize(
    ("form", "words"),
    [
        ({"reorder_point": "-1"}, "Enter a quantity"),
        ({"reorder_point": "x", "type": "receive", "moved": "5"}, "Enter a quantity"),
        ({"reorder_point": "3", "type": "waste", "moved": "11"}, "Not enough stock"),
        ({"reorder_point": "3", "type": "receive"}, "This field is required"),
        ({"reorder_point": "3", "reason": "Broken"}, "This field is required"),
        ({"reorder_point": "3", "expected_version": "7"}, "Someone else has changed this"),
        ({"expected_version": "7"}, "Someone else has changed this"),
    ],
    ids=str,
)
def test_invalid_form_changes_nothing(form, words, managers_browser, page):
    before = snapshot_database(*TABLES)
    assert words in read_errors(submit_form(managers_browser, page, **form))
    assert snapshot_database(*TABLES) == before


# --- opening stock -------------------------------------------------------------------------------


def test_opening_stock_is_entered_from_the_page_of_the_product(managers_browser, product, shop):
    second = StoreFactory(tenant=shop, name="Second")
    shown = read(managers_browser.get(f"{PRODUCTS}{product.pk}/change/"))
    link = f"{LEVELS}add/?product={product.sku}&amp;store={second.pk}"
    assert link in shown

    form = {"quantity": "7", "reorder_point": "2"}
    answer = submit_form(managers_browser, link.replace("&amp;", "&"), **form)

    assert answer["Location"] == LEVELS
    with tenant_scope(shop):
        level = StockLevel.objects.get(product=product, store=second)
        movement = StockMovement.objects.get(product=product, store=second)
    assert (level.quantity, level.reorder_point) == (7, 2)
    assert (movement.type, movement.counted, movement.reason) == ("count", 7, "Opening stock")


@pytest.mark.parametrize(
    ("form", "words"),
    [
        ({}, "already has a stock in"),
        ({"product": "unknown"}, "Product not found"),
        ({"quantity": ""}, "This field is required"),
        ({"quantity": "1.5", "product": "NEW"}, "is sold by the piece"),
        ({"quantity": "x", "product": "NEW"}, "Enter a quantity"),
        ({"product": "SERVICE"}, "Stock is not tracked"),
    ],
    ids=str,
)
def test_wrong_opening_stock_changes_nothing(form, words, managers_browser, product, store, shop):
    ProductFactory(tenant=shop, sku="NEW")
    ProductFactory(tenant=shop, sku="SERVICE", track_stock=False)
    before = snapshot_database(*TABLES)
    entered = {"product": product.sku, "store": str(store.pk), "quantity": "5"} | form
    assert words in read_errors(submit_form(managers_browser, f"{LEVELS}add/", **entered))
    assert snapshot_database(*TABLES) == before


def test_new_product_has_its_opening_stock(managers_browser, store, shop):
    form = {"name": "Pear", "sku": "PEAR", "price": "1.00", "opening_stock": "12"}
    assert submit_form(managers_browser, f"{PRODUCTS}add/", **form).status_code == 302
    with tenant_scope(shop):
        level = StockLevel.objects.get(product__sku="PEAR")
    assert (level.store_id, level.quantity) == (store.pk, 12)


@pytest.mark.parametrize(
    ("form", "words"),
    [
        ({"opening_stock": "1.5"}, "is sold by the piece"),
        ({"opening_stock": "-1"}, "Enter a quantity"),
        ({"opening_stock": "2", "track_stock": None}, "Stock is not tracked"),
        ({"opening_stock": "2", "opening_store": None}, "Choose the store"),
    ],
    ids=str,
)
def test_product_with_a_wrong_opening_stock_is_not_added(form, words, managers_browser, store):
    before = snapshot_database(*TABLES)
    entered = {"name": "Pear", "sku": "PEAR", "price": "1.00"} | form
    assert words in read_errors(submit_form(managers_browser, f"{PRODUCTS}add/", **entered))
    assert snapshot_database(*TABLES) == before


# --- filters and search --------------------------------------------------------------------------


@pytest.fixture
def shelf(shop, store, product):
    """Create products that are low, below zero, and neither."""
    low = ProductFactory(tenant=shop, sku="AB-LOW-1", name="Lemonade")
    negative = ProductFactory(tenant=shop, sku="AB-NEG-1", name="Mineral water")
    BarcodeFactory(product=low, code="4006381333931")
    StockLevelFactory(product=low, store=store, quantity=2, reorder_point=3)
    StockLevelFactory(product=negative, store=store, quantity=-1)
    return {"low": low, "negative": negative, "other": product}


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ({"state": "low"}, ["low"]),
        ({"state": "negative"}, ["negative"]),
        ({"state": "x"}, ["low", "negative", "other"]),
        ({"q": "lemon"}, ["low"]),
        ({"q": "neg-1"}, ["negative"]),
        ({"q": "4006381333931"}, ["low"]),
        ({"q": "333931"}, ["low"]),
        ({"q": "ab-"}, ["low", "negative"]),
        ({"q": "ab-", "state": "low"}, ["low"]),
        ({"q": "nothing like it"}, []),
    ],
    ids=str,
)
def test_levels_are_filtered_and_found_by_parts(managers_browser, shelf, query, found):
    shown = managers_browser.get(LEVELS, query).context["cl"].result_list
    names = {product.pk: name for name, product in shelf.items()}
    assert sorted(names[level.product_id] for level in shown) == found


def test_levels_below_zero_are_listed_by_the_api(manager_client, shelf):
    query = {"negative": "true"}
    (level,) = manager_client.get("stock/", query).json()["results"]
    assert level["product"] == str(shelf["negative"].pk)
    rest = manager_client.get("stock/", {"negative": "false"}).json()["results"]
    assert {each["product"] for each in rest} == {str(shelf[name].pk) for name in ("low", "other")}


# --- links ---------------------------------------------------------------------------------------


def test_product_level_and_movement_link_to_each_other(managers_browser, page, level, product):
    product_page = f"{PRODUCTS}{product.pk}/change/"
    movements = f"{MOVEMENTS}?product={product.pk}&amp;store={level.store_id}"

    shown = read(managers_browser.get(product_page))
    assert page in shown
    assert movements in shown
    of_level = read(managers_browser.get(page))
    assert product_page in of_level
    assert movements in of_level
    with tenant_scope(level.tenant):
        movement = StockMovement.objects.get(product=product)
    of_movement = read(managers_browser.get(f"{MOVEMENTS}{movement.pk}/change/"))
    assert product_page in of_movement
    assert page in of_movement


def test_product_page_takes_the_same_queries_for_any_number_of_stores(
    managers_browser, product, shop
):
    def measure():
        with CaptureQueriesContext(connection) as captured:
            read(managers_browser.get(f"{PRODUCTS}{product.pk}/change/"))
        return len(captured)

    # The first request of a process fills caches.
    measure()
    few = measure()
    for _ in range(3):
        StockLevelFactory(product=product, store=StoreFactory(tenant=shop))
        StoreFactory(tenant=shop)
    assert measure() == few
