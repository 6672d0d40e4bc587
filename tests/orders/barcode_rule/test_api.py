"""Barcode rules: permissions, validation and isolation of shops."""

import pytest

from orders.models import BarcodeRule
from tenants.scope import tenant_scope
from tests.factories.barcode_rule import BarcodeRuleFactory

PATH = "barcode-rules/"
WEIGHT = {"pattern": "20IIIIIVVVVVC", "kind": "weight"}
PRICE = {"pattern": "21IIIIKVVVVVC", "kind": "price"}


def list_rules(shop):
    with tenant_scope(shop):
        rules = BarcodeRule.objects.order_by("pattern")
        return list(rules.values_list("pattern", "value_decimals", "priority", "is_active"))


def test_manager_adds_one_and_all_roles_read_it(manager_client, client_of, cashier):
    made = manager_client.post(PATH, WEIGHT)

    assert made.status_code == 201
    shown = made.json()
    assert {name: shown[name] for name in (*WEIGHT, "value_decimals", "priority", "is_active")} == {
        **WEIGHT,
        "value_decimals": 3,
        "priority": 0,
        "is_active": True,
    }
    assert client_of(cashier).get(f"{PATH}{shown['id']}/").json() == shown
    assert client_of(cashier).get(PATH).json()["results"] == [shown]
    assert client_of(cashier).get(f"{PATH}?is_active=false").json()["results"] == []


@pytest.mark.parametrize(("currency", "decimals"), [("EUR", 2), ("JPY", 0), ("KWD", 3)])
def test_decimals_of_a_price_are_those_of_the_currency(
    manager_client, configure_shop, currency, decimals, problem, shop
):
    configure_shop(currency)

    made = manager_client.post(PATH, PRICE).json()
    assert made["value_decimals"] == decimals
    more = {**PRICE, "pattern": "22IIIIKVVVVVC", "value_decimals": decimals + 1}
    problem(
        manager_client.post(PATH, more), 400, "invalid", {"value_decimals": "max_decimal_places"}
    )
    assert len(list_rules(shop)) == 1

    # The default follows the kind.
    path = f"{PATH}{made['id']}/"
    weight = manager_client.patch(path, {"kind": "weight"}, If_Match="*").json()
    assert weight["value_decimals"] == 3


def test_change_needs_the_current_version(manager_client, problem, shop):
    path = f"{PATH}{manager_client.post(PATH, WEIGHT).json()['id']}/"

    problem(manager_client.patch(path, {"priority": 2}), 428, "if_match_required")
    stale = manager_client.patch(path, {"priority": 2}, If_Match='"9"')
    problem(stale, 412, "version_conflict")
    assert list_rules(shop) == [("20IIIIIVVVVVC", None, 0, True)]
    changed = manager_client.patch(path, {"priority": 2, "is_active": False}, If_Match='"1"')
    assert changed.json()["version"] == 2
    assert list_rules(shop) == [("20IIIIIVVVVVC", None, 2, False)]


def test_taken_pattern_is_rejected(manager_client, shop):
    manager_client.post(PATH, WEIGHT)

    again = manager_client.post(PATH, {**WEIGHT, "kind": "price"})

    assert (again.status_code, again.json()["code"]) == (409, "already_exists")
    assert len(list_rules(shop)) == 1


@pytest.mark.parametrize(
    ("change", "field", "code"),
    [
        ({"pattern": "IIIIIIIVVVVVC"}, "pattern", "invalid_pattern"),
        ({"pattern": "20IIIIIVVVVV"}, "pattern", "invalid_pattern"),
        ({"pattern": "20IIIIIVVVVVCC"}, "pattern", "max_length"),
        ({"pattern": ""}, "pattern", "blank"),
        ({"pattern": None}, "pattern", "null"),
        ({"kind": "piece"}, "kind", "invalid_choice"),
        ({"value_decimals": 4}, "value_decimals", "max_decimal_places"),
        ({"value_decimals": -1}, "value_decimals", "min_value"),
        ({"value_decimals": "2"}, "value_decimals", "invalid"),
        ({"priority": -1}, "priority", "min_value"),
        ({"priority": 10_000}, "priority", "max_value"),
        ({"is_active": "yes"}, "is_active", "invalid"),
    ],
)
def test_invalid_field_is_rejected(change, field, code, manager_client, shop, problem):
    problem(manager_client.post(PATH, WEIGHT | change), 400, "invalid", {field: code})
    assert list_rules(shop) == []


def test_cashier_cannot_add_one(client_of, cashier, problem, shop):
    problem(client_of(cashier).post(PATH, WEIGHT), 403, "permission_denied")
    assert list_rules(shop) == []


def test_rows_of_another_shop_are_not_visible(manager_client, other_shop, problem):
    theirs = BarcodeRuleFactory(tenant=other_shop)

    problem(manager_client.get(f"{PATH}{theirs.pk}/"), 404, "not_found")
    assert manager_client.get(PATH).json()["results"] == []
