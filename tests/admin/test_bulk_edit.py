"""The page that changes selected products: preview, errors in place, and apply."""

import re
from decimal import Decimal

import pytest

from orders.models import Product
from tenants.scope import tenant_scope
from tests.factories.orders import CategoryFactory, ProductFactory
from tests.support.admin_browser import open_browser, snapshot_database

LIST, PAGE = "/admin/orders/product/", "/admin/orders/product/bulk-edit/"


@pytest.fixture
def products(shop):
    return [
        ProductFactory(tenant=shop, name=name, price=Decimal(price))
        for name, price in [("Apple", "2.00"), ("Beer", "1.49")]
    ]


def build_form(products, **changes):
    form = {
        "products": ",".join(str(product.pk) for product in products),
        "price_mode": "",
        "price_value": "",
        "tax_class": "",
        "category": "",
        "is_active": "",
    }
    return form | changes


def find_digest(response):
    assert response.status_code == 200
    return next(iter(re.findall(r'name="digest" value="(.*?)"', response.content.decode())), None)


def read_text(response):
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", response.content.decode()))


def list_prices(shop):
    with tenant_scope(shop):
        rows = Product.objects.order_by("name")
        return [str(shop.quantize_amount(row.price)) for row in rows]


def test_prices_of_selected_products_are_changed_after_a_preview(managers_browser, products, shop):
    posted = {"action": "bulk_edit", "_selected_action": [row.pk for row in products]}
    page = managers_browser.post(LIST, posted)
    assert "2 products selected" in read_text(page)
    (chosen,) = re.findall(r'name="products" value="(.*?)"', page.content.decode())
    assert chosen == build_form(sorted(products, key=lambda row: row.pk))["products"]

    form = build_form(products, price_mode="percent", price_value="10", ends_in_nine="on")
    preview = managers_browser.post(PAGE, form)
    assert "2.00 &rarr; 2.19" in read_text(preview)
    assert "1.49 &rarr; 1.69" in read_text(preview)
    assert list_prices(shop) == ["2.00", "1.49"]

    done = managers_browser.post(PAGE, form | {"digest": find_digest(preview)}, follow=True)

    assert "Products changed: 2." in read_text(done)
    assert list_prices(shop) == ["2.19", "1.69"]


def test_taxes_category_and_activation_are_changed(managers_browser, products, shop):
    category = CategoryFactory(tenant=shop, name="Fruit")
    form = build_form(products, tax_class="none", category=category.pk, is_active="no")
    preview = managers_browser.post(PAGE, form)
    assert "Fruit" in read_text(preview)

    managers_browser.post(PAGE, form | {"digest": find_digest(preview)})

    with tenant_scope(shop):
        for row in Product.objects.all():
            assert (row.tax_class, row.category_id, row.is_active) == (None, category.pk, False)


def test_price_below_zero_is_named_with_its_product(managers_browser, products, shop):
    form = build_form(products, price_mode="amount", price_value="-1,50")

    preview = managers_browser.post(PAGE, form)

    assert find_digest(preview) is None
    assert "Nothing can be changed: 1 product with errors" in read_text(preview)
    assert "1.49 &rarr; -0.01" in read_text(preview)
    assert list_prices(shop) == ["2.00", "1.49"]


@pytest.mark.parametrize(
    "wrong",
    [
        {"price_mode": "x"},
        {"price_mode": "set"},
        {"price_mode": "set", "price_value": "abc"},
        {"price_mode": "set", "price_value": "1e5"},
        {"price_mode": "set", "price_value": "1.234"},
        {"price_mode": "amount", "price_value": "1,2,3"},
        {"category": "x"},
        {"tax_class": "00000000-0000-7000-8000-000000000000"},
        {"is_active": "x"},
        {"products": ""},
        {"products": "x"},
    ],
)
def test_wrong_input_is_named_and_changes_nothing(managers_browser, products, shop, wrong):
    before = snapshot_database(Product)

    response = managers_browser.post(PAGE, build_form(products) | {"digest": "x"} | wrong)

    assert response.status_code == 200
    assert response.context["form"].errors
    assert snapshot_database(Product) == before


def test_changed_products_and_changed_input_need_another_preview(managers_browser, products, shop):
    form = build_form(products, price_mode="set", price_value="5")
    digest = find_digest(managers_browser.post(PAGE, form))

    other = managers_browser.post(PAGE, form | {"price_value": "6", "digest": digest})

    assert "Check the new preview" in read_text(other)
    assert list_prices(shop) == ["2.00", "1.49"]
    managers_browser.post(PAGE, form | {"price_value": "6", "digest": find_digest(other)})
    assert list_prices(shop) == ["6.00", "6.00"]
    stale = managers_browser.post(PAGE, form | {"digest": digest})
    assert "Check the new preview" in read_text(stale)


def test_page_without_selected_products_leads_to_their_list(managers_browser):
    for response in (managers_browser.get(PAGE), managers_browser.post(PAGE)):
        assert (response.status_code, response["Location"]) == (302, LIST)


def test_more_products_than_the_maximum_are_refused(managers_browser, products, monkeypatch):
    monkeypatch.setattr("orders.admin.catalog.MAX_PRODUCTS", 1)
    posted = {"action": "bulk_edit", "_selected_action": [row.pk for row in products]}

    response = managers_browser.post(LIST, posted, follow=True)

    assert "Select at most 1 products" in read_text(response)


def test_cashiers_and_other_shops_change_nothing(cashier, foreign, products, shop):
    form = build_form(products, is_active="no")
    assert open_browser(cashier).post(PAGE, form).status_code == 302
    preview = open_browser(foreign.manager).post(PAGE, form)
    assert "Apple" not in read_text(preview)
    open_browser(foreign.manager).post(PAGE, form | {"digest": find_digest(preview) or ""})
    with tenant_scope(shop):
        assert not Product.objects.filter(is_active=False).exists()


def test_names_of_products_are_escaped(managers_browser, shop):
    product = ProductFactory(tenant=shop, name="<b>Bold</b>")
    preview = managers_browser.post(PAGE, build_form([product], is_active="no"))
    assert "<b>Bold</b>" not in preview.content.decode()
