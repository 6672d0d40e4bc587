"""A key that is limited to stores neither sees nor changes what other stores have.

That is stock, sales, and prices: also those that all stores have.
"""

from decimal import Decimal

import pytest
from django.test import Client

from orders.models import Product, StockLevel, StockMovement
from tenants.scope import tenant_scope
from tests.factories.barcode_rule import BarcodeRuleFactory
from tests.factories.modifier_list import ModifierFactory
from tests.factories.price_list import PriceFactory, PriceListFactory
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


# --- prices and costs of other stores -------------------------------------------------------------


@pytest.fixture
def price_lists(shop, store, elsewhere):
    """Create lists of the store of the key, of another one, of both, and of all."""
    stores = {
        "own": [store],
        "other": [elsewhere.store],
        "both": [store, elsewhere.store],
        "all": [],
    }
    return {
        name: PriceListFactory(
            tenant=shop, name=name, priority=number, stores=sorted(str(each.pk) for each in places)
        )
        for number, (name, places) in enumerate(stores.items(), 1)
    }


@pytest.mark.parametrize("name", ["other", "both", "all"])
def test_price_lists_of_other_stores_are_not_changed(
    here, store, price_lists, make_product, problem, name
):
    product, row = make_product("3.00"), price_lists[name]
    price = PriceFactory(product=product, price_list=row, amount=Decimal("2.00"))
    new = {"price_list": str(row.pk), "product": str(product.pk), "amount": "0.01"}
    batch = {"price_list": str(row.pk), "prices": [{"product": str(product.pk), "amount": "0.01"}]}
    before = snapshot_owned_rows()

    for answer in (
        here.patch(f"price-lists/{row.pk}/", {"priority": 9}, If_Match="*"),
        here.patch(f"price-lists/{row.pk}/", {"stores": [str(store.pk)]}, If_Match="*"),
        here.patch(f"prices/{price.pk}/", {"amount": "0.01"}, If_Match="*"),
        here.post("prices/", new | {"min_quantity": "2"}),
        here.post("prices/batch/", batch),
    ):
        problem(answer, 403, "permission_denied")

    assert snapshot_owned_rows() == before


@pytest.mark.parametrize("name", ["other", "both", "all"])
def test_key_makes_no_price_lists_for_other_stores(here, price_lists, problem, name):
    stores, own = price_lists[name].stores, price_lists["own"]
    before = snapshot_owned_rows()

    new = {"name": "New", "priority": 9}
    problem(here.post("price-lists/", new | {"stores": stores}), 403, "permission_denied")
    changed = here.patch(f"price-lists/{own.pk}/", {"stores": stores}, If_Match="*")
    problem(changed, 403, "permission_denied")
    if name == "all":
        problem(here.post("price-lists/", new), 403, "permission_denied")

    assert snapshot_owned_rows() == before


def test_key_sets_the_prices_of_its_stores(here, everywhere, store, price_lists, make_product):
    product, row = make_product("3.00"), price_lists["own"]
    body = {"name": "New", "priority": 9, "stores": [str(store.pk)]}
    batch = {"price_list": str(row.pk), "prices": [{"product": str(product.pk), "amount": "2.00"}]}
    others = {"price_list": str(price_lists["all"].pk), "prices": batch["prices"]}

    assert here.post("price-lists/", body).status_code == 201
    assert here.patch(f"price-lists/{row.pk}/", {"priority": 8}, If_Match="*").status_code == 200
    assert here.post("prices/batch/", batch).status_code == 200
    (price,) = here.get("prices/", {"price_list": str(row.pk)}).json()["results"]
    assert here.patch(f"prices/{price['id']}/", {"amount": "1"}, If_Match="*").status_code == 200
    assert everywhere.post("prices/batch/", others).status_code == 200


@pytest.mark.parametrize(
    "change",
    [
        {"price": "0.01"},
        {"cost": "0.01"},
        {"open_price": True},
        {"modifier_lists": None},
        {"sold_by": "weight"},
        {"weight_unit": "lb"},
    ],
    ids=str,
)
def test_prices_and_costs_of_all_stores_are_not_changed(
    here, everywhere, shop, make_product, problem, change
):
    product = make_product("3.00", sku="ABC")
    if "modifier_lists" in change:
        change = {"modifier_lists": [str(ModifierFactory(tenant=shop).modifier_list_id)]}
    before = snapshot_owned_rows()

    path = f"products/{product.pk}/"
    problem(here.patch(path, change | {"name": "Pear"}, If_Match="*"), 403, "permission_denied")

    assert snapshot_owned_rows() == before
    assert here.patch(path, {"name": "Pear", "price": "3.00"}, If_Match="*").status_code == 200
    assert everywhere.patch(path, change, If_Match="*").status_code == 200


@pytest.mark.parametrize(
    "text",
    [
        "sku,name,price\nABC,Abc,0.01\n",
        "sku,name,cost\nABC,Abc,0.01\n",
        "sku,name,price,cost\nNEW,New,1.00,0.01\n",
        "sku,name,open_price\nABC,Abc,yes\n",
        "sku,name,price,deposit\nABC,Abc,3.00,BOTTLE\n",
        "sku,name,modifier_lists\nABC,Abc,Milk\n",
        "sku,name,sold_by\nABC,Abc,weight\n",
        "sku,name,weight_unit\nABC,Abc,lb\n",
    ],
)
def test_import_changes_no_prices_and_costs_of_all_stores(
    here, everywhere, shop, make_product, problem, text
):
    make_product("3.00", sku="ABC", name="Abc")
    ModifierFactory(tenant=shop, modifier_list__name="Milk")
    make_product("0.25", sku="BOTTLE")
    before = snapshot_owned_rows()

    for query in ("", "?dry_run=1"):
        problem(import_file(here.key, text, query), 403, "permission_denied")

    assert snapshot_owned_rows() == before
    assert import_file(here.key, "sku,name,price\nABC,Pear,3.00\n").status_code == 200
    assert import_file(everywhere.key, text).status_code == 200


def test_new_product_has_no_cost_from_a_key_of_some_stores(here, everywhere, problem, shop):
    body = {"sku": "C1", "name": "Pear", "price": "9.00"}
    before = snapshot_owned_rows()

    problem(here.post("products/", body | {"cost": "3.33"}), 403, "permission_denied")

    assert snapshot_owned_rows() == before
    assert here.post("products/", body).status_code == 201
    assert everywhere.post("products/", body | {"sku": "C2", "cost": "3.33"}).status_code == 201


def test_modifiers_and_barcode_rules_of_all_stores_are_not_changed(here, everywhere, shop, problem):
    modifier = ModifierFactory(tenant=shop)
    rule = BarcodeRuleFactory(tenant=shop)
    before = snapshot_owned_rows()

    changes = {
        f"modifier-lists/{modifier.modifier_list_id}/": {
            "modifiers": [{"name": "Large", "price": "0.01"}]
        },
        f"barcode-rules/{rule.pk}/": {"is_active": False},
    }
    for path, change in changes.items():
        problem(here.patch(path, change, If_Match="*"), 403, "permission_denied")
    new = {"pattern": "22IIIIIVVVVVC", "kind": "price", "priority": 5}
    problem(here.post("barcode-rules/", new), 403, "permission_denied")

    assert snapshot_owned_rows() == before
    for path, change in changes.items():
        assert everywhere.patch(path, change, If_Match="*").status_code == 200
