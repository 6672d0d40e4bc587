"""Product search: matches and ranking."""

from importlib import import_module
from types import SimpleNamespace
from urllib.parse import parse_qsl, urlsplit

import pytest
from django.apps import apps
from django.db import connection

from orders.models import Product
from orders.services.catalog import search
from tenants.database.postgres.roles import as_owner
from tenants.scope import across_tenants, tenant_scope
from tests.factories.orders import BarcodeFactory, CategoryFactory, ProductFactory

GOODS = {
    "A-1": "Apple",
    "A-2": "Apple juice",
    "A-3": "Green apple",
    "A-4": "Pineapple",
    "C-1": "Crème brûlée",
    "C-2": "Cream cheese",
    "M-1": "Whole milk 1 l",
    "M-2": "Milk chocolate",
    "S-1": "Straße Spezial Øl",
    "T-1": "Молоко 3,2%",
    "B_7": "Bag \\ 100%",
}


@pytest.fixture
def products_by_sku(shop, foreign):
    return {sku: ProductFactory(tenant=shop, sku=sku, name=name) for sku, name in GOODS.items()}


def found_skus(client, search, **query):
    response = client.get("products/", {"search": search, **query})
    assert response.status_code == 200, response.content
    return [product["sku"] for product in response.json()["results"]]


@pytest.mark.parametrize(
    ("search", "skus"),
    [
        # Exact, at the beginning, at the beginning of a word, inside; ties are ordered by name.
        ("apple", ["A-1", "A-2", "A-3", "A-4"]),
        ("APPLE", ["A-1", "A-2", "A-3", "A-4"]),
        ("  apple   juice ", ["A-2"]),
        ("juice apple", ["A-2"]),
        ("juic app", ["A-2"]),
        ("green apple milk", []),
        # Case and accents, in both directions.
        ("creme brulee", ["C-1"]),
        ("CRÈME", ["C-1"]),
        ("crème", ["C-1"]),
        ("cre\u0301m", ["C-1"]),
        ("strasse", ["S-1"]),
        ("STRASSE", ["S-1"]),
        ("ol", ["S-1"]),
        ("молоко", ["T-1"]),
        ("МОЛОКО", ["T-1"]),
        # SKUs and parts of them.
        ("a-2", ["A-2"]),
        ("M-", ["M-2", "M-1"]),
        ("-2", ["A-2", "C-2", "M-2"]),
        # One or two letters match only the beginning of a word.
        ("m", ["M-2", "M-1"]),
        ("il", []),
        ("ilk", ["M-2", "M-1"]),
        ("1 l", ["M-1"]),
        # SQL wildcards are ordinary characters.
        ("%", ["B_7", "T-1"]),
        ("100%", ["B_7"]),
        ("\\", ["B_7"]),
        ("_", ["B_7"]),
        ("b_7", ["B_7"]),
        ("b?7", []),
        ("a%e", []),
        ("'; DROP TABLE orders_product; --", []),
        ("(a+)+$", []),
    ],
)
def test_search_finds_products_with_all_words_best_match_first(
    cashier_client, products_by_sku, search, skus
):
    assert found_skus(cashier_client, search) == skus


def test_barcode_match_ranks_before_sku_and_name(cashier_client, shop):
    ProductFactory(tenant=shop, sku="N", name="42 candles")
    ProductFactory(tenant=shop, sku="42", name="Zebra")
    scanned = ProductFactory(tenant=shop, sku="Q", name="Umbrella")
    BarcodeFactory(product=scanned, code="42")

    assert found_skus(cashier_client, "42") == ["Q", "42", "N"]
    assert found_skus(cashier_client, " \uff14\uff12 ") == ["Q", "42", "N"]


def test_sku_in_the_same_case_ranks_first(cashier_client, shop):
    for sku in ("ab", "AB", "ABC"):
        ProductFactory(tenant=shop, sku=sku, name="Thing")

    assert found_skus(cashier_client, "ab") == ["ab", "AB", "ABC"]
    assert found_skus(cashier_client, "AB") == ["AB", "ab", "ABC"]


def test_search_finds_nothing_of_another_shop(cashier_client, products_by_sku, foreign):
    for text in (foreign.product.name, foreign.product.sku, foreign.barcode.code):
        assert found_skus(cashier_client, text) == []


def test_filters_restrict_search_results(cashier_client, products_by_sku, shop):
    category = CategoryFactory(tenant=shop)
    with tenant_scope(shop):
        Product.objects.filter(sku__in=["A-2", "A-4"]).update(category=category, is_active=False)

    assert found_skus(cashier_client, "apple", category=str(category.pk)) == ["A-2", "A-4"]
    assert found_skus(cashier_client, "apple", is_active="true") == ["A-1", "A-3"]
    assert found_skus(cashier_client, "apple", price_min="100") == []


def test_explicit_ordering_replaces_relevance(cashier_client, products_by_sku):
    assert found_skus(cashier_client, "apple", ordering="-name") == ["A-4", "A-3", "A-2", "A-1"]


def test_blank_search_lists_all_products(cashier_client, products_by_sku):
    assert (
        found_skus(cashier_client, "")
        == found_skus(cashier_client, "   ")
        == found_skus(cashier_client, "\u200b")
    )
    assert len(found_skus(cashier_client, "")) == len(GOODS)


@pytest.mark.parametrize("size", [1, 2, 3])
def test_search_pages_keep_relevance_order_in_both_directions(
    cashier_client, products_by_sku, size
):
    forth, query = [], {"search": "apple", "page_size": size}
    while query:
        page = cashier_client.get("products/", query).json()
        forth.append([product["sku"] for product in page["results"]])
        last, query = page, dict(parse_qsl(urlsplit(page["next"] or "").query))
    back = [[product["sku"] for product in last["results"]]]
    while last["previous"]:
        last = cashier_client.get(
            "products/", dict(parse_qsl(urlsplit(last["previous"]).query))
        ).json()
        back.append([product["sku"] for product in last["results"]])

    assert [sku for page in forth for sku in page] == ["A-1", "A-2", "A-3", "A-4"]
    assert back[::-1] == forth


def test_search_cursor_is_refused_by_the_list(cashier_client, products_by_sku, problem):
    page = cashier_client.get("products/", {"search": "apple", "page_size": 1}).json()
    cursor = dict(parse_qsl(urlsplit(page["next"]).query))["cursor"]

    problem(cashier_client.get("products/", {"cursor": cursor}), 400, "invalid_cursor")


def test_renamed_product_is_found_only_by_its_new_name(client_of, manager, products_by_sku):
    manager_client = client_of(manager)
    path = f"products/{products_by_sku['A-4'].pk}/"

    assert manager_client.patch(path, {"name": "Ananas"}, If_Match="*").status_code == 200
    assert found_skus(manager_client, "ananas") == ["A-4"]
    assert "A-4" not in found_skus(manager_client, "pineapple")
    assert manager_client.patch(path, {"sku": "X-9"}, If_Match="*").status_code == 200
    assert (found_skus(manager_client, "x-9"), found_skus(manager_client, "a-4")) == (["X-9"], [])


# --- typos ------------------------------------------------------------------------------------


@pytest.mark.postgres
@pytest.mark.parametrize(
    ("search", "skus"),
    [
        ("aple", ["A-1", "A-2", "A-3"]),
        ("appel juice", ["A-2"]),
        ("choclate", ["M-2"]),
        ("chocolatte milk", ["M-2"]),
        ("mlik", ["M-2", "M-1"]),
        ("chese", ["C-2"]),
        ("brulle", ["C-1"]),
        ("pineaple", ["A-4"]),
        ("zzzzzz", []),
        ("mil choclate", ["M-2"]),
    ],
)
def test_search_tolerates_typos(cashier_client, products_by_sku, search, skus):
    assert found_skus(cashier_client, search) == skus


@pytest.mark.postgres
def test_typos_are_tolerated_only_without_an_exact_match(cashier_client, shop):
    for sku, name in {"1": "Salt", "2": "Salty", "3": "Malt", "4": "Salat"}.items():
        ProductFactory(tenant=shop, sku=sku, name=name, is_active=sku != "1")

    assert found_skus(cashier_client, "salt") == ["1", "2"]
    # Not even where a filter excludes the exact match.
    assert found_skus(cashier_client, "salty", is_active="false") == []


@pytest.mark.postgres
def test_search_for_a_number_tolerates_no_typos(cashier_client, shop):
    """A mistyped code must not sell another product."""
    product = ProductFactory(tenant=shop, sku="SKU-10023", name="Lamp 40061")
    BarcodeFactory(product=product, code="4006381333931")

    for text in ("4006381333932", "SKU-10032", "40062"):
        assert found_skus(cashier_client, text) == []


@pytest.mark.postgres
def test_typo_matches_are_ranked_by_similarity_across_pages(cashier_client, shop):
    for sku, name in {
        "1": "Yoghurt drink with strawberries",
        "2": "Yoghurt",
        "3": "Yogurt",
    }.items():
        ProductFactory(tenant=shop, sku=sku, name=name)

    assert found_skus(cashier_client, "yoghurtt") == ["2", "1", "3"]
    first = cashier_client.get("products/", {"search": "yoghurtt", "page_size": 2}).json()
    second = cashier_client.get("products/", dict(parse_qsl(urlsplit(first["next"]).query))).json()
    assert [product["sku"] for product in second["results"]] == ["3"]


@pytest.fixture
def without_index(transactional_db):
    """Drop the trigram indexes and their extensions, which the web role may not create."""
    products, customers = (
        import_module(f"orders.migrations.{name}") for name in ("0004_search", "0032_customers")
    )
    with as_owner(connection), connection.cursor() as cursor:
        cursor.execute("DROP INDEX product_search, customer_search")
        cursor.execute("DROP EXTENSION pg_trgm, btree_gin")
    search._trigram_index_exists.cache_clear()
    yield products
    search._trigram_index_exists.cache_clear()
    with as_owner(connection), connection.schema_editor(atomic=False) as editor:
        for each in (products, customers):
            each.index(None, editor)


@pytest.mark.one_server
@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
def test_search_without_extensions_finds_exact_words(
    without_index, cashier_client, products_by_sku
):
    """The migration succeeds without the index; search then tolerates no typos."""
    with connection.cursor() as cursor:
        with connection.schema_editor(atomic=False) as editor:
            without_index.index(None, editor)
        cursor.execute("SELECT to_regclass('product_search')")
        assert cursor.fetchone() == (None,)

    assert found_skus(cashier_client, "apple") == ["A-1", "A-2", "A-3", "A-4"]
    assert found_skus(cashier_client, "aple") == []


def test_migration_fills_search_text_of_existing_products(shop, products_by_sku):
    migration = import_module("orders.migrations.0004_search")
    with tenant_scope(shop):
        before = list(Product.objects.order_by("pk").values_list("search_text", flat=True))
        Product.objects.update(search_text="")
    with across_tenants():
        migration.fill(apps, SimpleNamespace(connection=connection))

    with tenant_scope(shop):
        after = Product.objects.order_by("pk").values_list("search_text", flat=True)
        assert list(after) == before


@pytest.mark.sqlite
def test_sqlite_search_tolerates_no_typos(cashier_client, products_by_sku):
    assert found_skus(cashier_client, "aple") == []
