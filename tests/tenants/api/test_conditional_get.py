"""Reads with If-None-Match, and lists of ids."""

import pytest

from orders.models import Product
from tenants.api.filters import MAX_IDS
from tenants.ids import new_id
from tenants.scope import tenant_scope
from tests.factories.orders import (
    CategoryFactory,
    OrderFactory,
    ProductFactory,
    StockLevelFactory,
    TaxClassFactory,
)
from tests.support.problems import assert_problem

pytestmark = pytest.mark.django_db


@pytest.fixture
def client(client_of, cashier):
    return client_of(cashier)


@pytest.fixture
def products(shop):
    return ProductFactory.create_batch(3, tenant=shop)


@pytest.fixture
def rows(shop, store, products):
    """Return a path of each resource whose rows support If-None-Match."""
    made = {
        "products": products[0],
        "categories": CategoryFactory(tenant=shop),
        "tax-classes": TaxClassFactory(tenant=shop),
        "stores": store,
        "stock": StockLevelFactory(tenant=shop, store=store, product=products[0]),
    }
    return [f"{name}/{row.pk}/" for name, row in made.items()] + ["tenant/"]


LISTS = ["products/", "categories/", "tax-classes/", "stores/", "stock/"]


def assert_not_modified(response, etag):
    assert (response.status_code, response.content) == (304, b"")
    assert response["ETag"] == etag
    assert "Content-Type" not in response


def test_unchanged_row_is_not_modified(client, rows):
    for path in rows:
        etag = client.get(path)["ETag"]

        for sent in (etag, f"W/{etag}", f'"other", {etag}', "*"):
            assert_not_modified(client.get(path, If_None_Match=sent), etag)
        for sent in ('"999"', "nonsense", ""):
            assert client.get(path, If_None_Match=sent).status_code == 200


def test_changed_row_is_returned(client, manager, client_of, products):
    path = f"products/{products[0].pk}/"
    etag = client.get(path)["ETag"]
    client_of(manager).patch(path, {"name": "New"}, If_Match=etag)

    response = client.get(path, If_None_Match=etag)

    assert (response.status_code, response.json()["name"]) == (200, "New")


@pytest.mark.parametrize("path", LISTS)
def test_unchanged_list_is_not_modified(client, rows, path):
    etag = client.get(path)["ETag"]

    assert etag.startswith('W/"')
    assert_not_modified(client.get(path, If_None_Match=etag), etag)
    assert_not_modified(client.get(path, If_None_Match="*"), etag)


def test_changed_list_is_returned(client, shop, products):
    etag = client.get("products/")["ETag"]
    ProductFactory(tenant=shop)

    response = client.get("products/", If_None_Match=etag)

    assert (response.status_code, len(response.json()["results"])) == (200, 4)
    assert response["ETag"] != etag


def test_lists_of_different_shops_have_different_etags(client, client_of, foreign_admin, products):
    theirs = client_of(foreign_admin).get("products/")["ETag"]

    assert client.get("products/", If_None_Match=theirs).status_code == 200


def test_if_none_match_is_ignored_for_open_orders(client, shop, cashier):
    order = OrderFactory(tenant=shop, cashier=cashier)
    etag = client.get(f"orders/{order.pk}/")["ETag"]

    assert client.get(f"orders/{order.pk}/", If_None_Match=etag).status_code == 200


def test_if_none_match_is_ignored_by_changes(client_of, manager, products):
    path = f"products/{products[0].pk}/"

    response = client_of(manager).patch(path, {"name": "New"}, If_Match="*", If_None_Match="*")

    assert response.status_code == 200
    with tenant_scope(products[0].tenant):
        assert Product.objects.get(pk=products[0].pk).name == "New"


@pytest.mark.parametrize("path", ["auth/me/", "auth/sessions/"])
def test_if_none_match_is_ignored_by_other_reads(client, path):
    assert client.get(path, If_None_Match="*").status_code == 200


# --- ids ---------------------------------------------------------------------------------------


def ids(response):
    assert response.status_code == 200, response.content
    return {row["id"] for row in response.json()["results"]}


def test_products_are_filtered_by_ids(client, products, foreign):
    wanted = [str(product.pk) for product in products[:2]]
    unknown = [str(new_id()), str(foreign.product.pk)]

    assert ids(client.get("products/", {"id": wanted[0]})) == {wanted[0]}
    assert ids(client.get("products/", {"id": ",".join(wanted + unknown)})) == set(wanted)
    assert ids(client.get("products/", {"id": f"{wanted[0]},{wanted[0]}"})) == {wanted[0]}


def test_stock_is_filtered_by_ids(client, shop, store, products):
    levels = [StockLevelFactory(tenant=shop, store=store, product=each) for each in products]

    found = client.get("stock/", {"id": f"{levels[0].pk},{levels[2].pk}"})

    assert ids(found) == {str(levels[0].pk), str(levels[2].pk)}


def test_maximum_number_of_ids_is_accepted(client, products):
    wanted = [str(products[0].pk)] + [str(new_id()) for _ in range(MAX_IDS - 1)]

    assert ids(client.get("products/", {"id": ",".join(wanted)})) == {wanted[0]}


# Alike in every test process: names of cases contain it.
UNKNOWN = "019aa22a-0000-7000-8000-000000000000"


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("", "blank"),
        ("x", "invalid"),
        (",", "invalid"),
        (f"{UNKNOWN},", "invalid"),
        (f"{UNKNOWN}, {UNKNOWN}", "invalid"),
        (UNKNOWN.replace("-", ""), "invalid"),
        (",".join([UNKNOWN] * (MAX_IDS + 1)), "max_length"),
    ],
)
@pytest.mark.parametrize("path", ["products/", "stock/"])
def test_invalid_ids_are_rejected(client, path, text, code):
    assert_problem(client.get(path, {"id": text}), 400, "invalid", errors={"id": code})


def test_repeated_id_parameter_is_rejected(client):
    response = client.get(f"products/?id={new_id()}&id={new_id()}")

    assert_problem(response, 400, "invalid", errors={"id": "repeated_parameter"})
