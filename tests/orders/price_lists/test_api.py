"""Price lists and prices: permissions, validation, overlaps and isolation of shops."""

import pytest

from orders.models import Price, PriceList
from tenants.models import OutboxEvent, Tenant
from tenants.scope import tenant_scope
from tests.factories.orders import ProductFactory
from tests.factories.price_list import PriceFactory, PriceListFactory
from tests.factories.tenants import StoreFactory

LISTS, PRICES = "price-lists/", "prices/"
WHOLESALE = {"name": "Wholesale", "priority": 10}


def snapshot(shop):
    with tenant_scope(shop):
        return [list(model.objects.order_by("pk").values()) for model in (PriceList, Price)]


@pytest.fixture
def wanted(product, price_list):
    return {"product": str(product.pk), "price_list": str(price_list.pk), "amount": "1.80"}


# --- price lists -----------------------------------------------------------------------------


def test_manager_adds_a_list_and_all_roles_read_it(manager_client, client_of, cashier, shop, store):
    made = manager_client.post(LISTS, {**WHOLESALE, "stores": [str(store.pk)]})

    assert made.status_code == 201, made.content
    shown = made.json()
    assert {**WHOLESALE, "stores": [str(store.pk)], "is_active": True}.items() <= shown.items()
    assert client_of(cashier).get(f"{LISTS}{shown['id']}/").json() == shown
    assert client_of(cashier).get(LISTS).json()["results"] == [shown]
    assert client_of(cashier).get(f"{LISTS}?is_active=false").json()["results"] == []
    assert Tenant.objects.get(pk=shop.pk).has_price_lists


def test_change_of_a_list_needs_the_current_version(manager_client, price_list, problem, shop):
    path, before = f"{LISTS}{price_list.pk}/", snapshot(shop)

    problem(manager_client.patch(path, {"priority": 2}), 428, "if_match_required")
    problem(manager_client.patch(path, {"priority": 2}, If_Match='"9"'), 412, "version_conflict")
    assert snapshot(shop) == before
    changed = manager_client.patch(path, {"is_active": False}, If_Match='"1"')
    assert (changed.json()["version"], changed.json()["is_active"]) == (2, False)


@pytest.mark.parametrize("taken", ["name", "priority"])
def test_name_and_priority_are_unique(manager_client, price_list, shop, taken):
    before = snapshot(shop)

    again = manager_client.post(
        LISTS, {"name": "Retail", "priority": 11} | {taken: getattr(price_list, taken)}
    )

    assert (again.status_code, again.json()["code"]) == (409, "already_exists")
    assert again.json()["errors"][0]["field"] == taken
    assert snapshot(shop) == before


@pytest.mark.parametrize(
    ("change", "field", "code"),
    [
        ({"name": " "}, "name", "blank"),
        ({"priority": None}, "priority", "null"),
        ({"priority": -1}, "priority", "min_value"),
        ({"priority": 10_000}, "priority", "max_value"),
        ({"priority": "1"}, "priority", "invalid"),
        ({"stores": "all"}, "stores", "not_a_list"),
        ({"stores": ["7"]}, "stores[0]", "invalid"),
        ({"is_active": 1}, "is_active", "invalid"),
        ({"prices": []}, "prices", "unknown_field"),
    ],
)
def test_invalid_field_of_a_list_is_rejected(change, field, code, manager_client, shop, problem):
    problem(manager_client.post(LISTS, WHOLESALE | change), 400, "invalid", {field: code})
    assert snapshot(shop) == [[], []]


def test_stores_of_another_shop_do_not_exist(manager_client, other_shop, shop, problem):
    theirs = str(StoreFactory(tenant=other_shop).pk)

    refused = manager_client.post(LISTS, {**WHOLESALE, "stores": [theirs]})

    problem(refused, 400, "invalid", {"stores[0]": "does_not_exist"})
    assert snapshot(shop) == [[], []]


# --- prices ----------------------------------------------------------------------------------


def test_manager_adds_a_price_and_all_roles_read_it(
    manager_client, client_of, cashier, wanted, product, price_list
):
    made = manager_client.post(
        PRICES, wanted | {"min_quantity": "6", "valid_from": "2027-01-01T06:30"}
    )

    assert made.status_code == 201, made.content
    shown = made.json()
    assert {
        **wanted,
        "min_quantity": "6",
        "valid_from": "2027-01-01T06:30:00",
        "valid_to": None,
        "is_active": True,
    }.items() <= shown.items()
    reader = client_of(cashier)
    assert reader.get(f"{PRICES}{shown['id']}/").json() == shown
    for query in (f"product={product.pk}", f"price_list={price_list.pk}", f"id={shown['id']}"):
        assert reader.get(f"{PRICES}?{query}").json()["results"] == [shown]
    assert reader.get(f"{PRICES}?is_active=false").json()["results"] == []


@pytest.mark.parametrize(
    ("change", "field", "code"),
    [
        ({"amount": None}, "amount", "null"),
        ({"amount": "-1.00"}, "amount", "invalid"),
        ({"amount": "1.005"}, "amount", "max_decimal_places"),
        ({"min_quantity": "-1"}, "min_quantity", "invalid"),
        ({"min_quantity": "0.0001"}, "min_quantity", "max_decimal_places"),
        ({"valid_from": "2027-01-01"}, "valid_from", "invalid"),
        ({"valid_from": "2027-01-01T00:00:00Z"}, "valid_from", "invalid"),
        ({"valid_from": "2027-02-29T00:00:00"}, "valid_from", "invalid"),
        ({"valid_from": "0001-01-01T00:00:00"}, "valid_from", "out_of_range"),
        ({"valid_to": 1}, "valid_to", "invalid"),
        (
            {"valid_from": "2027-01-01T00:00:00", "valid_to": "2027-01-01T00:00:00"},
            "valid_to",
            "end_before_start",
        ),
        ({"product": "7"}, "product", "invalid"),
        ({"stores": []}, "stores", "unknown_field"),
    ],
)
def test_invalid_field_of_a_price_is_rejected(
    change, field, code, manager_client, wanted, shop, problem
):
    before = snapshot(shop)

    problem(manager_client.post(PRICES, wanted | change), 400, "invalid", {field: code})
    assert snapshot(shop) == before


def test_product_and_list_of_a_price_do_not_change(manager_client, product, problem, shop):
    price = PriceFactory(product=product)
    before = snapshot(shop)

    for name in ("product", "price_list"):
        answer = manager_client.patch(f"{PRICES}{price.pk}/", {name: str(product.pk)}, If_Match="*")
        problem(answer, 400, "invalid", {name: "unknown_field"})
    assert snapshot(shop) == before


@pytest.mark.parametrize("what", ["product", "price_list"])
def test_rows_of_another_shop_do_not_exist(manager_client, other_shop, wanted, problem, shop, what):
    kinds = {"product": ProductFactory, "price_list": PriceListFactory}
    theirs = str(kinds[what](tenant=other_shop).pk)
    before = snapshot(shop)

    refused = manager_client.post(PRICES, wanted | {what: theirs})

    problem(refused, 400, "invalid", {what: "does_not_exist"})
    assert snapshot(shop) == before


def test_rows_of_another_shop_are_not_visible(manager_client, other_shop, problem):
    theirs = PriceFactory(product__tenant=other_shop)

    problem(manager_client.get(f"{PRICES}{theirs.pk}/"), 404, "not_found")
    problem(manager_client.get(f"{LISTS}{theirs.price_list_id}/"), 404, "not_found")
    assert manager_client.get(PRICES).json()["results"] == []
    assert manager_client.get(LISTS).json()["results"] == []


def test_cashier_cannot_write(client_of, cashier, price_list, wanted, problem, shop):
    before, till = snapshot(shop), client_of(cashier)

    problem(till.post(LISTS, WHOLESALE), 403, "permission_denied")
    problem(till.post(PRICES, wanted), 403, "permission_denied")
    assert snapshot(shop) == before


# --- overlaps --------------------------------------------------------------------------------

OCTOBER = {"valid_from": "2026-10-01T00:00:00", "valid_to": "2026-11-01T00:00:00"}


@pytest.mark.parametrize(
    ("period", "overlaps"),
    [
        ({}, True),
        ({"valid_to": "2026-10-01T00:00:00"}, False),
        ({"valid_to": "2026-10-01T00:00:01"}, True),
        ({"valid_from": "2026-11-01T00:00:00"}, False),
        ({"valid_from": "2026-10-31T23:59:59"}, True),
        ({"valid_from": "2026-10-10T00:00:00", "valid_to": "2026-10-11T00:00:00"}, True),
        ({"valid_from": "2026-09-01T00:00:00", "valid_to": "2026-12-01T00:00:00"}, True),
        (OCTOBER, True),
        (OCTOBER | {"min_quantity": "6"}, False),
        (OCTOBER | {"is_active": False}, False),
    ],
)
def test_prices_of_the_same_quantity_do_not_overlap(
    manager_client, wanted, problem, shop, period, overlaps
):
    first = manager_client.post(PRICES, wanted | OCTOBER).json()
    before = snapshot(shop)

    second = manager_client.post(PRICES, wanted | period)

    if not overlaps:
        assert second.status_code == 201, second.content
        return
    refused = problem(second, 409, "prices_overlap")
    assert refused["price"] == first["id"]
    assert snapshot(shop) == before


def test_change_that_would_overlap_is_refused(manager_client, wanted, problem, shop):
    manager_client.post(PRICES, wanted | OCTOBER)
    later = manager_client.post(PRICES, wanted | {"valid_from": OCTOBER["valid_to"]}).json()
    before = snapshot(shop)

    refused = manager_client.patch(
        f"{PRICES}{later['id']}/", {"valid_from": OCTOBER["valid_from"]}, If_Match="*"
    )

    problem(refused, 409, "prices_overlap")
    assert snapshot(shop) == before


def test_other_products_and_lists_have_prices_at_the_same_time(
    manager_client, wanted, make_product, shop
):
    second_list = PriceListFactory(tenant=shop)
    others = [
        {},
        {"product": str(make_product().pk)},
        {"price_list": str(second_list.pk)},
    ]

    for other in others:
        assert manager_client.post(PRICES, wanted | other).status_code == 201


def test_withdrawn_price_makes_room_for_another_one(manager_client, wanted):
    first = manager_client.post(PRICES, wanted).json()
    withdrawn = manager_client.patch(
        f"{PRICES}{first['id']}/", {"is_active": False}, If_Match='"1"'
    )

    assert withdrawn.status_code == 200
    assert manager_client.post(PRICES, wanted).status_code == 201


# --- the change feed -------------------------------------------------------------------------


def test_future_prices_are_in_the_change_feed_at_once(manager_client, client_of, cashier, wanted):
    start = client_of(cashier).get("changes/").json()["after"]
    made = manager_client.post(PRICES, wanted | {"valid_from": "2099-01-01T00:00:00"}).json()

    read = client_of(cashier).get(f"changes/?after={start}").json()["results"]

    assert [(each["object"]["type"], each["object"]["id"]) for each in read] == [
        ("price", made["id"])
    ]
    (listed,) = client_of(cashier).get(f"{PRICES}?id={made['id']}").json()["results"]
    assert listed["valid_from"] == "2099-01-01T00:00:00"


def test_webhooks_can_subscribe_to_prices(manager_client, wanted, shop):
    manager_client.post(PRICES, wanted)

    with tenant_scope(shop):
        topics = list(OutboxEvent.objects.order_by("pk").values_list("topic", flat=True))
    assert topics == ["price.created"]
