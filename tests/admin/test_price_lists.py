"""The admin pages of price lists and prices, and the prices on the page of a product."""

from datetime import datetime
from decimal import Decimal

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from orders.models import Price, PriceList
from tenants.models import Tenant
from tenants.scope import tenant_scope
from tests.factories.price_list import PriceFactory, PriceListFactory
from tests.factories.tenants import StoreFactory
from tests.support.admin_browser import read_errors, snapshot_database, submit_form

pytestmark = [pytest.mark.once, pytest.mark.django_db]
LISTS, PRICES = "/admin/orders/pricelist/", "/admin/orders/price/"


def test_manager_adds_and_changes_a_list(managers_browser, shop, store):
    form = {"name": "Wholesale", "priority": "10", "is_active": "on", "stores": [str(store.pk)]}
    assert submit_form(managers_browser, f"{LISTS}add/", **form)["Location"] == LISTS

    with tenant_scope(shop):
        made = PriceList.objects.get()
    assert (made.priority, made.stores) == (10, [str(store.pk)])
    assert Tenant.objects.get(pk=shop.pk).has_price_lists
    page = f"{LISTS}{made.pk}/change/"
    assert "checked" in managers_browser.get(page).content.decode()
    assert submit_form(managers_browser, page, stores=[], priority="11").status_code == 302
    with tenant_scope(shop):
        made.refresh_from_db()
    assert (made.stores, made.priority, made.version) == ([], 11, 2)


def test_stores_of_another_shop_are_no_choice(managers_browser, other_shop):
    theirs = StoreFactory(tenant=other_shop)
    before = snapshot_database(PriceList)
    form = {"name": "Wholesale", "priority": "10", "stores": [str(theirs.pk)]}

    assert "Select a valid choice" in read_errors(
        submit_form(managers_browser, f"{LISTS}add/", **form)
    )
    assert snapshot_database(PriceList) == before


def test_taken_priority_is_refused(managers_browser, shop):
    PriceListFactory(tenant=shop, priority=10)
    before = snapshot_database(PriceList)

    refused = submit_form(managers_browser, f"{LISTS}add/", name="Other", priority="10")

    assert "already exists" in read_errors(refused)
    assert snapshot_database(PriceList) == before


def test_manager_adds_and_changes_a_price(managers_browser, shop, product):
    price_list = PriceListFactory(tenant=shop)
    form = {
        "price_list": str(price_list.pk),
        "product": product.sku,
        "amount": "1.80",
        "min_quantity": "6",
        "valid_from": "2027-01-01T06:30",
        "is_active": "on",
    }
    assert submit_form(managers_browser, f"{PRICES}add/", **form)["Location"] == PRICES

    with tenant_scope(shop):
        price = Price.objects.get()
    assert (price.amount, price.min_quantity) == (Decimal("1.80"), Decimal(6))
    assert price.valid_from == datetime(2027, 1, 1, 6, 30)  # noqa: DTZ001
    page = f"{PRICES}{price.pk}/change/"
    assert 'value="2027-01-01T06:30:00"' in managers_browser.get(page).content.decode()
    changed = submit_form(managers_browser, page, amount="1.70", valid_from="", is_active=None)
    assert changed.status_code == 302
    with tenant_scope(shop):
        price.refresh_from_db()
    assert (price.amount, price.valid_from, price.is_active) == (Decimal("1.70"), None, False)
    assert (price.product_id, price.version) == (product.pk, 2)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"product": "NONE"}, "Product not found."),
        ({"amount": "x"}, "Enter an amount"),
        ({"valid_from": "tomorrow"}, "Enter a local date and time"),
        (
            {"valid_from": "2027-01-01T00:00", "valid_to": "2026-01-01T00:00"},
            "Must be later than",
        ),
        ({}, "applies in the same period"),
    ],
)
def test_invalid_price_is_refused(managers_browser, shop, product, changes, words):
    price = PriceFactory(product=product)
    before = snapshot_database(Price)
    form = {"price_list": str(price.price_list_id), "product": product.sku, "amount": "1.80"}

    refused = submit_form(managers_browser, f"{PRICES}add/", **form | changes, is_active="on")

    assert words in read_errors(refused)
    assert snapshot_database(Price) == before


def test_prices_are_found_by_list_product_and_sku(managers_browser, shop, product):
    price = PriceFactory(product=product, amount=Decimal("1.23"))
    other = PriceFactory(product__tenant=shop, amount=Decimal("4.56"))

    for query in (
        f"price_list={price.price_list_id}",
        f"product={product.pk}",
        f"q={product.sku}",
    ):
        page = managers_browser.get(f"{PRICES}?{query}").content.decode()
        assert "1.23" in page, query
        assert "4.56" not in page, query
    assert "4.56" in managers_browser.get(PRICES).content.decode()
    assert (
        other.product.name
        in managers_browser.get(f"{LISTS}{other.price_list_id}/change/").content.decode()
    )


def test_page_of_a_product_shows_its_prices_with_one_query(managers_browser, shop, product):
    page = f"/admin/orders/product/{product.pk}/change/"
    managers_browser.get(page)
    counts = []
    for _ in range(2):
        with CaptureQueriesContext(connection) as captured:
            shown = managers_browser.get(page).content.decode()
        counts.append(len(captured))
        for number in range(30):
            price_list = PriceListFactory(tenant=shop)
            PriceFactory(product=product, price_list=price_list, amount=Decimal(number + 40))
    assert counts[0] == counts[1]
    assert "69.00" in shown
    assert "All prices" in shown
