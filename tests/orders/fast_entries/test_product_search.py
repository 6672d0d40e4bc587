"""A product search is answered before Django with the same results as by the view."""

import json
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from orders.models import Product
from tenants.ids import new_id
from tenants.scope import tenant_scope
from tests.factories.orders import BarcodeFactory, CategoryFactory, ProductFactory
from tests.support.api import Person
from tests.support.both_ways import BothWays, call
from tests.support.statements import assert_statement_count

pytestmark = [pytest.mark.postgres, pytest.mark.django_db(transaction=True)]

PRODUCTS = "/api/v1/products/"
GOODS = {
    "A-1": "Apple",
    "A-2": "Apple juice",
    "A-3": "Green apple",
    "A-4": "Pineapple",
    "a-1": "Apple, other SKU",
    "C-1": "Crème brûlée",
    "M-1": "Whole milk 1 l",
    "M-2": "Milk chocolate",
    "T-1": "Молоко 3,2%",
    "B_7": "Bag \\ 100%",
}
# Letters of which names, codes and search texts consist, so that many match.
LETTERS = st.text("ab AB1-%_\\'éß", max_size=8)


@pytest.fixture
def client(cashier):
    return BothWays(Person(cashier).tokens.access)


@pytest.fixture
def products(shop, foreign):
    with tenant_scope(shop):
        created = {
            sku: ProductFactory(tenant=shop, sku=sku, name=name) for sku, name in GOODS.items()
        }
        BarcodeFactory(tenant=shop, product=created["C-1"], code="4006381333931")
        BarcodeFactory(tenant=shop, product=created["M-1"], code="apple")
    return created


def find(client, text, query="", **options):
    answer = client.get(f"{PRODUCTS}?search={quote_plus(text)}{query}", **options)
    assert answer.status == "200 OK"
    return [product["sku"] for product in json.loads(answer.body)["results"]]


@pytest.mark.parametrize(
    ("text", "skus"),
    [
        ("APPLE juice", ["A-2"]),
        ("juice  apple ", ["A-2"]),
        ("a-1", ["a-1", "A-1"]),
        ("crème", ["C-1"]),
        ("молоко", ["T-1"]),
        ("m", ["M-2", "M-1"]),
        ("il", []),
        ("100%", ["B_7"]),
        ("%", ["B_7", "T-1"]),
        ("\\", ["B_7"]),
        ("_", ["B_7"]),
        ("'", []),
        ("100 b \\ % _ 7", []),
        ("100 b \\ % _", ["B_7"]),
    ],
)
def test_products_with_all_words_are_found_best_match_first(client, products, text, skus):
    assert find(client, text) == skus


def test_barcode_comes_first(client, products):
    assert find(client, "4006381333931") == ["C-1"]
    assert find(client, "apple") == ["M-1", "A-1", "A-2", "a-1", "A-3", "A-4"]


@pytest.mark.parametrize("text", ["apple", "a", "1"])
@pytest.mark.parametrize("size", [1, 2, 50])
def test_all_pages_equal_the_view_in_both_directions(client, products, text, size):
    path, seen = f"{PRODUCTS}?page_size={size}&search={text}", []
    while path:
        page = json.loads(client.get(path).body)
        seen += [row["id"] for row in page["results"]]
        last, path = page, page["next"]
    assert len(seen) == len(set(seen)) > 0

    while last["previous"]:
        last = json.loads(client.get(last["previous"]).body)
    assert [row["id"] for row in last["results"]] == seen[:size]


def test_filters_restrict_the_results(client, shop, products):
    with tenant_scope(shop):
        category = CategoryFactory(tenant=shop)
        Product.objects.filter(sku__in=["A-2", "A-4"]).update(category=category, is_active=False)
    wanted = f"{products['A-3'].pk},{products['A-4'].pk},{new_id()}"

    for query, skus in (
        (f"&category={category.pk}", ["A-2", "A-4"]),
        ("&is_active=true&page_size=2", ["M-1", "A-1"]),
        (f"&id={wanted}", ["A-3", "A-4"]),
        ("&updated_since=2026-01-01T00:00:00Z&is_active=false", ["A-2", "A-4"]),
    ):
        assert find(client, "apple", query) == skus
    assert find(client, "juice apple", f"&category={new_id()}", fast=False) == []


@pytest.mark.parametrize(
    "query",
    [
        "search=",
        "search=+",
        "search=%00",
        "search=%FF",
        "search=a&search=b",
        "search=a+b+c+d+e+f+g",
        "search=" + "a" * 256,
        "search=2100042001259",
        "search=apple&ordering=name",
        "search=apple&price_min=1",
        "search=apple&barcode=1",
        "search=apple&page_size=0",
        "search=apple&cursor=forged",
    ],
)
def test_other_searches_are_left_to_the_view(client, products, query):
    client.get(f"{PRODUCTS}?{query}", fast=False)


def test_similar_spellings_are_left_to_the_view(client, products):
    assert find(client, "chocolade", fast=False) == ["M-2"]


def test_cursor_of_similar_spellings_continues_in_the_view(client, shop):
    with tenant_scope(shop):
        for number in range(3):
            ProductFactory(tenant=shop, sku=str(number), name="Chocolate")
    path, seen = f"{PRODUCTS}?search=chocolade&page_size=1", []
    while path:
        page = json.loads(client.get(path, fast=False).body)
        seen += [row["sku"] for row in page["results"]]
        path = page["next"]

    assert sorted(seen) == ["0", "1", "2"]


def test_cursor_of_another_list_is_left_to_the_view_and_refused(client, products):
    following = json.loads(client.get(f"{PRODUCTS}?page_size=1").body)["next"]

    answer = client.get(f"{following}&search=apple", fast=False)

    assert json.loads(answer.body)["code"] == "invalid_cursor"


def test_nothing_of_another_shop_is_found(client, products, foreign):
    with tenant_scope(foreign.tenant):
        BarcodeFactory(tenant=foreign.tenant, product=foreign.product, code="33")
        ProductFactory(tenant=foreign.tenant, sku="A-9", name="Apple pie")

    assert find(client, "33") == []
    assert find(client, "a-9") == []
    assert find(client, "pie") == []


def test_unchanged_results_are_not_modified(client, products):
    path = f"{PRODUCTS}?search=apple"
    etag = dict(client.get(path).headers)["ETag"]

    assert client.get(path, if_none_match=etag).status == "304 Not Modified"
    assert ("Content-Encoding", "gzip") in client.get(path, accept_encoding="gzip").headers


@pytest.mark.parametrize(("text", "number"), [("milk", 1), ("nothing-1", 1), ("apple", 2)])
def test_search_sends_one_message_and_another_one_for_a_barcode(
    client, products, messages, text, number
):
    path = f"{PRODUCTS}?search={quote(text)}"
    call("GET", path, **client.headers)
    messages.clear()

    with assert_statement_count(0):
        call("GET", path, **client.headers)

    assert len(messages) == number


@pytest.mark.slow
@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    rows=st.lists(st.tuples(LETTERS, LETTERS, st.lists(LETTERS, max_size=2)), max_size=6),
    texts=st.lists(LETTERS, min_size=1, max_size=4),
)
def test_any_search_equals_the_view(client, shop, rows, texts):
    with tenant_scope(shop):
        Product.objects.all().delete()
        codes = set()
        for number, (name, sku, barcodes) in enumerate(rows):
            product = Product(name=name or "x", sku=f"{sku}{number}", price=1)
            product.save()
            for code in {each.strip() for each in barcodes} - codes - {""}:
                codes.add(code)
                product.barcodes.create(code=code)

    for text in texts:
        # Any of both answers is right: the texts are too short for similar spellings or not.
        path = f"{PRODUCTS}?search={quote_plus(text)}&page_size=2"
        while path:
            path = json.loads(client.get(path, fast=None).body)["next"]
