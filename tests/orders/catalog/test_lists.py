"""Product lists: filters, search and pagination."""

from datetime import timedelta
from decimal import Decimal
from urllib.parse import parse_qsl, urlsplit

import pytest
from django.utils import timezone

from orders.models import Product
from tenants.scope import tenant_scope
from tests.factories.orders import BarcodeFactory, CategoryFactory, ProductFactory


@pytest.fixture
def catalog(shop, foreign):
    """Return the category of three products of the shop; another shop has products too."""
    fruit = CategoryFactory(tenant=shop, name="Fruit")
    pear = ProductFactory(
        tenant=shop, sku="P-1", name="Green pear", price=Decimal("1.20"), category=fruit
    )
    ProductFactory(tenant=shop, sku="P-2", name="Green bag 100%", price=Decimal("0.10"))
    ProductFactory(tenant=shop, sku="X_9", name="Melon", price=Decimal(3), is_active=False)
    BarcodeFactory(product=pear, code="4006381333931")
    BarcodeFactory(product=pear, code="42")
    return fruit


def found_skus(client, **query):
    response = client.get("products/", query)
    assert response.status_code == 200, response.content
    return [product["sku"] for product in response.json()["results"]]


@pytest.mark.parametrize(
    ("query", "skus"),
    [
        ({}, ["P-2", "P-1", "X_9"]),
        ({"search": "green"}, ["P-2", "P-1"]),
        ({"search": "PEAR green"}, ["P-1"]),
        ({"search": "p-"}, ["P-2", "P-1"]),
        ({"search": ""}, ["P-2", "P-1", "X_9"]),
        # SQL wildcards are ordinary characters.
        ({"search": "100%"}, ["P-2"]),
        ({"search": "%"}, ["P-2"]),
        ({"search": "x_9"}, ["X_9"]),
        ({"search": "P_1"}, []),
        ({"search": "\\"}, []),
        ({"search": "(a+)+$"}, []),
        ({"barcode": "42"}, ["P-1"]),
        ({"barcode": " 4006381333931 "}, ["P-1"]),
        ({"barcode": "\uff14\uff12"}, ["P-1"]),
        ({"barcode": "43"}, []),
        ({"sku": "P-2"}, ["P-2"]),
        ({"sku": "p-2"}, []),
        ({"is_active": "false"}, ["X_9"]),
        ({"is_active": "true"}, ["P-2", "P-1"]),
        ({"price_min": "0.10", "price_max": "1.20"}, ["P-2", "P-1"]),
        ({"price_min": "0.11", "price_max": "1.19"}, []),
        ({"price_min": "3"}, ["X_9"]),
        ({"ordering": "-price"}, ["X_9", "P-1", "P-2"]),
        ({"ordering": "-name"}, ["X_9", "P-1", "P-2"]),
        ({"search": "green", "is_active": "true", "price_min": "1"}, ["P-1"]),
    ],
)
def test_product_list_returns_matching_products(cashier_client, catalog, query, skus):
    assert found_skus(cashier_client, **query) == skus


def test_category_filter_finds_only_products_of_the_shop(cashier_client, catalog, foreign):
    assert found_skus(cashier_client, category=str(catalog.pk)) == ["P-1"]
    assert found_skus(cashier_client, category=str(foreign.category.pk)) == []


def test_updated_since_returns_only_later_changes(cashier_client, catalog, shop):
    now = timezone.now()
    with tenant_scope(shop):
        Product.objects.exclude(sku="P-2").update(updated_at=now - timedelta(days=1))

    since = (now - timedelta(hours=1)).isoformat().replace("+00:00", "Z")

    assert found_skus(cashier_client, updated_since=since) == ["P-2"]
    assert found_skus(cashier_client, updated_since=since, ordering="updated_at") == ["P-2"]


def test_updated_since_equal_to_updated_at_includes_the_row(cashier_client, product):
    """A terminal sends back the timestamp that it got."""
    shown = cashier_client.get(f"products/{product.pk}/").json()["updated_at"]

    assert found_skus(cashier_client, updated_since=shown) == ["APPLE"]


@pytest.mark.parametrize(
    ("query", "code", "errors"),
    [
        ({"colour": "red"}, "unknown_filter", {"colour": "unknown_filter"}),
        ({"tenant": "x"}, "unknown_filter", {"tenant": "unknown_filter"}),
        ({"name__startswith": "a"}, "unknown_filter", {"name__startswith": "unknown_filter"}),
        ({"ordering": "tenant"}, "invalid", {"ordering": "invalid"}),
        ({"ordering": "password"}, "invalid", {"ordering": "invalid"}),
        ({"category": "1"}, "invalid", {"category": "invalid"}),
        ({"is_active": "yes"}, "invalid", {"is_active": "invalid"}),
        ({"price_min": "1e5"}, "invalid", {"price_min": "invalid"}),
        ({"price_min": ""}, "invalid", {"price_min": "blank"}),
        ({"updated_since": "yesterday"}, "invalid", {"updated_since": "invalid"}),
        ({"search": "a" * 256}, "invalid", {"search": "max_length"}),
        ({"search": "a\0b"}, "invalid", {"search": "nul_character"}),
        ({"barcode": ["1", "2"]}, "invalid", {"barcode": "repeated_parameter"}),
        ({"page_size": "0"}, "invalid", {"page_size": "invalid"}),
        ({"page_size": "201"}, "invalid", {"page_size": "invalid"}),
        ({"cursor": "nonsense"}, "invalid_cursor", {}),
    ],
)
def test_invalid_list_query_is_refused(cashier_client, product, problem, query, code, errors):
    problem(cashier_client.get("products/", query), 400, code, errors)


# --- pagination ----------------------------------------------------------------------------------


def follow_pages(client, url, link="next", **query):
    """Yield every page from `url` on, following the links."""
    path = urlsplit(url).path.removeprefix("/api/v1/")
    query |= dict(parse_qsl(urlsplit(url).query))
    while True:
        page = client.get(path, query).json()
        yield page
        if page[link] is None:
            return
        query = dict(parse_qsl(urlsplit(page[link]).query))


def page_ids(page):
    return [product["id"] for product in page["results"]]


@pytest.fixture
def equal_products(shop):
    """Return seven products of the same name and price, so that only ids order them."""
    return [
        str(ProductFactory(tenant=shop, name="Apple", price=Decimal("1.10")).pk) for _ in range(7)
    ]


@pytest.mark.parametrize("ordering", ["name", "-name", "price", "-price", "updated_at"])
@pytest.mark.parametrize("size", [1, 2, 3, 7, 8])
def test_equal_products_are_each_on_exactly_one_page(
    cashier_client, equal_products, ordering, size
):
    walked = list(follow_pages(cashier_client, "products/", ordering=ordering, page_size=size))

    assert all(len(page_ids(page)) == size for page in walked[:-1])
    expected = equal_products[::-1] if ordering.startswith("-") else equal_products
    assert [each for page in walked for each in page_ids(page)] == expected


def test_previous_links_return_the_same_pages(cashier_client, equal_products):
    *_, last = follow_pages(cashier_client, "products/", page_size=3)

    back = follow_pages(cashier_client, last["previous"], link="previous")

    assert [page_ids(page) for page in back] == [equal_products[3:6], equal_products[:3]]


def test_insert_and_delete_between_pages_move_no_other_product(
    cashier_client, equal_products, shop
):
    first = cashier_client.get("products/", {"page_size": 3}).json()
    with tenant_scope(shop):
        Product.objects.filter(pk=equal_products[0]).delete()
    ProductFactory(tenant=shop, name="Aardvark")

    query = dict(parse_qsl(urlsplit(first["next"]).query))

    assert page_ids(cashier_client.get("products/", query).json()) == equal_products[3:6]


def test_cursor_is_refused_for_another_list_or_ordering(cashier_client, equal_products, problem):
    first = cashier_client.get("products/", {"page_size": 3}).json()
    cursor = dict(parse_qsl(urlsplit(first["next"]).query))["cursor"]

    other_order = cashier_client.get("products/", {"cursor": cursor, "ordering": "price"})
    problem(other_order, 400, "invalid_cursor")
    problem(cashier_client.get("categories/", {"cursor": cursor}), 400, "invalid_cursor")


def test_next_links_keep_the_filter(cashier_client, equal_products, shop):
    ProductFactory(tenant=shop, name="Apple juice", price=Decimal(9))

    walked = list(follow_pages(cashier_client, "products/", price_max="2", page_size=4))

    assert [each for page in walked for each in page_ids(page)] == equal_products
