"""Finding goods: filters, search, and pages that neither skip nor repeat."""

from datetime import timedelta
from decimal import Decimal
from urllib.parse import parse_qsl, urlsplit

import pytest
from django.utils import timezone

from orders.models import Product
from tenants.scope import tenant_scope
from tests.factories.orders import BarcodeFactory, CategoryFactory, ProductFactory


@pytest.fixture
def cashier_client(client_of, cashier):
    return client_of(cashier)


@pytest.fixture
def catalog(shop, foreign):
    """Three products of ours, beside those of the other shop."""
    fruit = CategoryFactory(tenant=shop, name="Fruit")
    pear = ProductFactory(
        tenant=shop, sku="P-1", name="Green pear", price=Decimal("1.20"), category=fruit
    )
    ProductFactory(tenant=shop, sku="P-2", name="Green bag 100%", price=Decimal("0.10"))
    ProductFactory(tenant=shop, sku="X_9", name="Melon", price=Decimal(3), is_active=False)
    BarcodeFactory(product=pear, code="4006381333931")
    BarcodeFactory(product=pear, code="42")
    return fruit


def found(client, **query):
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
        # What a database takes for a wildcard is a character like any other.
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
def test_the_list_holds_what_was_asked_for(cashier_client, catalog, query, skus):
    assert found(cashier_client, **query) == skus


def test_goods_are_found_by_their_shelf(cashier_client, catalog, foreign):
    assert found(cashier_client, category=str(catalog.pk)) == ["P-1"]
    assert found(cashier_client, category=str(foreign.category.pk)) == []


def test_a_terminal_asks_for_what_has_changed_since(cashier_client, catalog, shop):
    now = timezone.now()
    with tenant_scope(shop):
        Product.objects.exclude(sku="P-2").update(updated_at=now - timedelta(days=1))

    since = (now - timedelta(hours=1)).isoformat().replace("+00:00", "Z")

    assert found(cashier_client, updated_since=since) == ["P-2"]
    assert found(cashier_client, updated_since=since, ordering="updated_at") == ["P-2"]


def test_the_moment_named_by_a_row_finds_the_row_again(cashier_client, product):
    """What a terminal stores of an answer it may send back."""
    shown = cashier_client.get(f"products/{product.pk}/").json()["updated_at"]

    assert found(cashier_client, updated_since=shown) == ["APPLE"]


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
def test_a_question_that_nobody_understands_is_refused(
    cashier_client, product, problem, query, code, errors
):
    problem(cashier_client.get("products/", query), 400, code, errors)


# --- pages ---------------------------------------------------------------------------------------


def pages(client, url, link="next", **query):
    """Every page from here on, following the links."""
    path = urlsplit(url).path.removeprefix("/api/v1/")
    query |= dict(parse_qsl(urlsplit(url).query))
    while True:
        page = client.get(path, query).json()
        yield page
        if page[link] is None:
            return
        query = dict(parse_qsl(urlsplit(page[link]).query))


def ids(page):
    return [product["id"] for product in page["results"]]


@pytest.fixture
def namesakes(shop):
    """Seven of one name and price, so that nothing but their ids tells them apart."""
    return [
        str(ProductFactory(tenant=shop, name="Apple", price=Decimal("1.10")).pk) for _ in range(7)
    ]


@pytest.mark.parametrize("ordering", ["name", "-name", "price", "-price", "updated_at"])
@pytest.mark.parametrize("size", [1, 2, 3, 7, 8])
def test_equal_goods_are_each_on_exactly_one_page(cashier_client, namesakes, ordering, size):
    walked = list(pages(cashier_client, "products/", ordering=ordering, page_size=size))

    assert all(len(ids(page)) == size for page in walked[:-1])
    expected = namesakes[::-1] if ordering.startswith("-") else namesakes
    assert [each for page in walked for each in ids(page)] == expected


def test_the_way_back_shows_the_same_pages(cashier_client, namesakes):
    *_, last = pages(cashier_client, "products/", page_size=3)

    back = pages(cashier_client, last["previous"], link="previous")

    assert [ids(page) for page in back] == [namesakes[3:6], namesakes[:3]]


def test_what_is_added_or_taken_meanwhile_moves_no_other_product(cashier_client, namesakes, shop):
    first = cashier_client.get("products/", {"page_size": 3}).json()
    with tenant_scope(shop):
        Product.objects.filter(pk=namesakes[0]).delete()
    ProductFactory(tenant=shop, name="Aardvark")

    query = dict(parse_qsl(urlsplit(first["next"]).query))

    assert ids(cashier_client.get("products/", query).json()) == namesakes[3:6]


def test_a_cursor_is_good_for_the_list_and_the_order_that_gave_it(
    cashier_client, namesakes, problem
):
    first = cashier_client.get("products/", {"page_size": 3}).json()
    cursor = dict(parse_qsl(urlsplit(first["next"]).query))["cursor"]

    other_order = cashier_client.get("products/", {"cursor": cursor, "ordering": "price"})
    problem(other_order, 400, "invalid_cursor")
    problem(cashier_client.get("categories/", {"cursor": cursor}), 400, "invalid_cursor")


def test_a_filter_goes_on_over_the_pages(cashier_client, namesakes, shop):
    ProductFactory(tenant=shop, name="Apple juice", price=Decimal(9))

    walked = list(pages(cashier_client, "products/", price_max="2", page_size=4))

    assert [each for page in walked for each in ids(page)] == namesakes
