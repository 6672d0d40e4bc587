"""Finding goods by what somebody types: what is found, and what comes first."""

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
def cashier_client(client_of, cashier):
    return client_of(cashier)


@pytest.fixture
def make_product(shop, foreign):
    return {sku: ProductFactory(tenant=shop, sku=sku, name=name) for sku, name in GOODS.items()}


def found(client, search, **query):
    response = client.get("products/", {"search": search, **query})
    assert response.status_code == 200, response.content
    return [product["sku"] for product in response.json()["results"]]


@pytest.mark.parametrize(
    ("search", "skus"),
    [
        # As typed, at the beginning, at the beginning of a word, inside; equals by name.
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
        # One or two letters begin a word.
        ("m", ["M-2", "M-1"]),
        ("il", []),
        ("ilk", ["M-2", "M-1"]),
        ("1 l", ["M-1"]),
        # Wildcards are signs like any other.
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
def test_words_find_the_goods_that_have_them_and_the_best_come_first(
    cashier_client, make_product, search, skus
):
    assert found(cashier_client, search) == skus


def test_a_barcode_comes_first_then_a_sku_then_names(cashier_client, shop):
    ProductFactory(tenant=shop, sku="N", name="42 candles")
    ProductFactory(tenant=shop, sku="42", name="Zebra")
    scanned = ProductFactory(tenant=shop, sku="Q", name="Umbrella")
    BarcodeFactory(product=scanned, code="42")

    assert found(cashier_client, "42") == ["Q", "42", "N"]
    assert found(cashier_client, " \uff14\uff12 ") == ["Q", "42", "N"]


def test_a_sku_comes_before_its_twin_in_another_case(cashier_client, shop):
    for sku in ("ab", "AB", "ABC"):
        ProductFactory(tenant=shop, sku=sku, name="Thing")

    assert found(cashier_client, "ab") == ["ab", "AB", "ABC"]
    assert found(cashier_client, "AB") == ["AB", "ab", "ABC"]


def test_nothing_of_another_shop_is_found(cashier_client, make_product, foreign):
    for text in (foreign.product.name, foreign.product.sku, foreign.barcode.code):
        assert found(cashier_client, text) == []


def test_the_other_filters_narrow_what_is_found(cashier_client, make_product, shop):
    shelf = CategoryFactory(tenant=shop)
    with tenant_scope(shop):
        Product.objects.filter(sku__in=["A-2", "A-4"]).update(category=shelf, is_active=False)

    assert found(cashier_client, "apple", category=str(shelf.pk)) == ["A-2", "A-4"]
    assert found(cashier_client, "apple", is_active="true") == ["A-1", "A-3"]
    assert found(cashier_client, "apple", price_min="100") == []


def test_an_order_that_is_asked_for_counts_alone(cashier_client, make_product):
    assert found(cashier_client, "apple", ordering="-name") == ["A-4", "A-3", "A-2", "A-1"]


def test_a_search_for_nothing_lists_everything(cashier_client, make_product):
    assert (
        found(cashier_client, "") == found(cashier_client, "   ") == found(cashier_client, "\u200b")
    )
    assert len(found(cashier_client, "")) == len(GOODS)


@pytest.mark.parametrize("size", [1, 2, 3])
def test_pages_go_on_in_the_order_of_relevance_and_back(cashier_client, make_product, size):
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


def test_a_cursor_of_the_search_is_none_of_the_list(cashier_client, make_product, problem):
    page = cashier_client.get("products/", {"search": "apple", "page_size": 1}).json()
    cursor = dict(parse_qsl(urlsplit(page["next"]).query))["cursor"]

    problem(cashier_client.get("products/", {"cursor": cursor}), 400, "invalid_cursor")


def test_a_new_name_is_found_and_the_old_one_no_more(client_of, manager, make_product):
    manager_client = client_of(manager)
    path = f"products/{make_product['A-4'].pk}/"

    assert manager_client.patch(path, {"name": "Ananas"}, If_Match="*").status_code == 200
    assert found(manager_client, "ananas") == ["A-4"]
    assert "A-4" not in found(manager_client, "pineapple")
    assert manager_client.patch(path, {"sku": "X-9"}, If_Match="*").status_code == 200
    assert (found(manager_client, "x-9"), found(manager_client, "a-4")) == (["X-9"], [])


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
def test_typos_are_forgiven(cashier_client, make_product, search, skus):
    assert found(cashier_client, search) == skus


@pytest.mark.postgres
def test_typos_are_forgiven_only_where_nobody_has_the_words(cashier_client, shop):
    for sku, name in {"1": "Salt", "2": "Salty", "3": "Malt", "4": "Salat"}.items():
        ProductFactory(tenant=shop, sku=sku, name=name, is_active=sku != "1")

    assert found(cashier_client, "salt") == ["1", "2"]
    # Not even where a filter leaves nothing of what has the words.
    assert found(cashier_client, "salty", is_active="false") == []


@pytest.mark.postgres
def test_a_number_is_taken_to_the_letter(cashier_client, shop):
    """Who scans what is not there must not sell something else."""
    product = ProductFactory(tenant=shop, sku="SKU-10023", name="Lamp 40061")
    BarcodeFactory(product=product, code="4006381333931")

    for text in ("4006381333932", "SKU-10032", "40062"):
        assert found(cashier_client, text) == []


@pytest.mark.postgres
def test_the_most_alike_come_first_and_pages_go_on(cashier_client, shop):
    for sku, name in {
        "1": "Yoghurt drink with strawberries",
        "2": "Yoghurt",
        "3": "Yogurt",
    }.items():
        ProductFactory(tenant=shop, sku=sku, name=name)

    assert found(cashier_client, "yoghurtt") == ["2", "1", "3"]
    first = cashier_client.get("products/", {"search": "yoghurtt", "page_size": 2}).json()
    second = cashier_client.get("products/", dict(parse_qsl(urlsplit(first["next"]).query))).json()
    assert [product["sku"] for product in second["results"]] == ["3"]


@pytest.fixture
def without_index(transactional_db):
    """What the owner made is gone, and whoever serves may not make it again."""
    migration = import_module("orders.migrations.0004_search")
    with as_owner(connection), connection.cursor() as cursor:
        cursor.execute("DROP INDEX product_search; DROP EXTENSION pg_trgm, btree_gin")
    search._trigram_index_exists.cache_clear()
    yield migration
    search._trigram_index_exists.cache_clear()
    with as_owner(connection), connection.schema_editor(atomic=False) as editor:
        migration.index(None, editor)


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
def test_where_the_extensions_are_not_allowed_words_are_still_found(
    without_index, cashier_client, make_product
):
    """The migration goes on without its index, and the search without forgiving typos."""
    with connection.cursor() as cursor:
        with connection.schema_editor(atomic=False) as editor:
            without_index.index(None, editor)
        cursor.execute("SELECT to_regclass('product_search')")
        assert cursor.fetchone() == (None,)

    assert found(cashier_client, "apple") == ["A-1", "A-2", "A-3", "A-4"]
    assert found(cashier_client, "aple") == []


def test_the_migration_fills_in_what_was_there_before(shop, make_product):
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
def test_elsewhere_words_are_taken_to_the_letter(cashier_client, make_product):
    assert found(cashier_client, "aple") == []
