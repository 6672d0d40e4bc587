"""A key that is limited to stores neither sees nor changes stock and sales of other stores."""

import pytest
from django.test import Client

from orders.models import Product, StockLevel, StockMovement
from tenants.scope import tenant_scope
from tests.factories.tenants import RegisterFactory, StoreFactory
from tests.support.discovery import snapshot_owned_rows
from tests.support.service_keys import KeyClient, create_key
from tests.support.till import cash, line, new_id


@pytest.fixture
def elsewhere(shop):
    store = StoreFactory(tenant=shop, name="Branch B")
    return RegisterFactory(tenant=shop, store=store, number=9)


@pytest.fixture
def here(shop, admin, store):
    """Return a client whose key is limited to `store`, after its first use, which is recorded."""
    client = KeyClient(create_key(shop, admin, stores=[store]))
    assert client.get("stock/").status_code == 200
    return client


@pytest.fixture
def everywhere(shop, admin):
    return KeyClient(create_key(shop, admin))


def build_movement(product, store, **more):
    ids = {"id": new_id(), "product": str(product.pk), "store": str(store.pk)}
    return {**ids, "type": "receive", "quantity": "5", **more}


def import_file(key, text, query=""):
    return Client().generic(
        "POST",
        f"/api/v1/products/import/{query}",
        text.encode(),
        content_type="text/csv",
        HTTP_AUTHORIZATION=f"Bearer {key.secret}",
    )


def test_movements_in_another_store_are_denied(here, store, elsewhere, make_product, problem):
    product, other = make_product("3.00"), elsewhere.store
    transfer = build_movement(product, store, type="transfer_out", to_store=str(other.pk))
    before = snapshot_owned_rows()

    for body in (build_movement(product, other), transfer):
        problem(here.post("stock/movements/", body), 403, "permission_denied")
        batch = {"movements": [build_movement(product, store), body | {"id": new_id()}]}
        problem(here.post("stock/movements/batch/", batch), 403, "permission_denied")

    assert snapshot_owned_rows() == before
    assert here.post("stock/movements/", build_movement(product, store)).status_code == 201


def test_level_in_another_store_is_not_found(here, elsewhere, make_product, shop, problem):
    with tenant_scope(shop):
        product = make_product("3.00")
        level = StockLevel(store=elsewhere.store, product=product, quantity=5)
        level.save(force_insert=True)
    before = snapshot_owned_rows()

    problem(here.get(f"stock/{level.pk}/"), 404, "not_found")
    changed = here.patch(f"stock/{level.pk}/", {"reorder_point": "3"}, If_Match="*")

    problem(changed, 404, "not_found")
    assert str(level.pk) not in [each["id"] for each in here.get("stock/").json()["results"]]
    assert snapshot_owned_rows() == before


@pytest.mark.parametrize("group_by", ["day", "store", "cashier", "product", "method"])
@pytest.mark.parametrize("format", ["json", "csv"])
def test_report_leaves_out_other_stores(
    here, everywhere, elsewhere, make_product, group_by, format, problem
):
    sale = {"id": new_id(), "register": str(elsewhere.pk), "payments": [cash("2.57")]}
    product = make_product("2.57", track_stock=False)
    assert everywhere.post("orders/", sale | {"lines": [line(product)]}).status_code == 201
    query = {"group_by": group_by, "format": format}

    def read(client):
        answer = client.get("reports/sales/", query)
        assert answer.status_code == 200, answer.content
        return answer.getvalue()

    assert b"2.57" in read(everywhere)
    assert b"2.57" not in read(here)
    named = here.get("reports/sales/", query | {"store": str(elsewhere.store_id)})
    problem(named, 403, "permission_denied")


@pytest.mark.parametrize("query", ["", "?dry_run=1"])
def test_import_with_stock_needs_the_scope_of_stock(shop, admin, store, problem, query):
    key = create_key(shop, admin, "catalog:write", stores=[store])
    text = f"sku,name,price,stock [{store.name}]\nABC,Abc,1.00,500\n"

    refused = import_file(key, text, query)

    problem(refused, 403, "scope_missing")
    assert refused.json()["scope"] == "stock:write"
    with tenant_scope(shop):
        assert not Product.objects.filter(sku="ABC").exists()
        assert not StockMovement.objects.exists()
    assert import_file(key, "sku,name,price\nABC,Abc,1.00\n").status_code == 200


def test_import_sets_the_stock_of_its_stores_only(shop, admin, store, elsewhere, problem):
    key = create_key(shop, admin, "catalog:write", "stock:write", stores=[store])

    refused = import_file(key, "sku,name,price,stock [Branch B]\nABC,Abc,1.00,500\n")

    problem(refused, 403, "permission_denied")
    with tenant_scope(shop):
        assert not Product.objects.filter(sku="ABC").exists()
    done = import_file(key, f"sku,name,price,stock [{store.name}]\nABC,Abc,1.00,500\n")
    assert (done.status_code, done.json()["stock_set"]) == (200, 1), done.content
