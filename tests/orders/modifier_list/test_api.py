"""Modifier lists: permissions, validation, nested modifiers and isolation of shops."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from orders.models import Modifier, ModifierList
from tenants.models import AuditEvent, OutboxEvent
from tenants.scope import tenant_scope
from tests.factories.modifier_list import ModifierFactory, ModifierListFactory
from tests.factories.orders import ProductFactory
from tests.support.parallel import run_concurrently, statuses
from tests.support.till import new_id
from tests.support.variants import create_variant

PATH = "modifier-lists/"
SIZE = {
    "name": "Size",
    "min": 1,
    "max": 1,
    "modifiers": [{"name": "Small"}, {"name": "Large", "price": "0.50"}],
}


def list_rows(shop):
    """Return each list with the names and prices of its modifiers, in their order."""
    with tenant_scope(shop):
        return {
            row.name: [(each.name, str(each.price)) for each in row.loaded_modifiers]
            for row in ModifierList.objects.with_modifiers()
        }


def test_manager_adds_one_and_all_roles_read_it(manager_client, client_of, cashier, product):
    milk = {"name": "Oat milk", "price": "0.60", "product": str(product.pk), "is_active": False}

    made = manager_client.post(PATH, {**SIZE, "modifiers": [*SIZE["modifiers"], milk]})

    assert made.status_code == 201, made.json()
    shown = made.json()
    small, large, oat = shown["modifiers"]
    assert shown["allow_quantity"] is False
    assert (shown["min"], shown["max"], shown["is_active"], shown["version"]) == (1, 1, True, 1)
    assert {**small, "id": ""} == {
        "id": "",
        "name": "Small",
        "price": "0.00",
        "product": None,
        "is_active": True,
    }
    assert (large["name"], large["price"]) == ("Large", "0.50")
    assert {**oat, "id": ""} == {**milk, "id": ""}
    assert client_of(cashier).get(f"{PATH}{shown['id']}/").json() == shown
    assert client_of(cashier).get(PATH).json()["results"] == [shown]
    assert client_of(cashier).get(f"{PATH}?is_active=false").json()["results"] == []
    assert client_of(cashier).get(f"{PATH}?id={shown['id']}").json()["results"] == [shown]


def test_modifier_takes_no_product_with_variants(manager_client, shop, product, problem):
    create_variant(product, Size="M")
    syrup = {"name": "Syrup", "product": str(product.pk)}

    refused = manager_client.post(PATH, {**SIZE, "modifiers": [*SIZE["modifiers"], syrup]})

    problem(refused, 400, "invalid", {"modifiers[2].product": "has_variants"})
    assert list_rows(shop) == {}


def test_modifier_of_goods_by_weight_takes_no_units(
    manager_client, shop, product, make_product, problem
):
    made = manager_client.post(PATH, SIZE).json()
    weighed = {"modifier_lists": [made["id"]], "sold_by": "weight"}
    cheese = make_product("9.00", sku="CHEESE")
    assert manager_client.patch(f"products/{cheese.pk}/", weighed, If_Match="*").status_code == 200
    wrapped = [*made["modifiers"], {"name": "Box", "product": str(product.pk)}]

    refused = manager_client.patch(f"{PATH}{made['id']}/", {"modifiers": wrapped}, If_Match="*")

    problem(refused, 400, "invalid", {"modifiers[2].product": "sold_by_unit"})
    assert manager_client.get(f"{PATH}{made['id']}/").json() == made


def test_products_of_modifiers_are_loaded_with_one_query(manager_client, shop):
    def create(number):
        products = [ProductFactory(tenant=shop) for _ in range(number)]
        modifiers = [{"name": each.sku, "product": str(each.pk)} for each in products]
        with CaptureQueriesContext(connection) as queries:
            made = manager_client.post(PATH, {"name": f"{number}", "modifiers": modifiers})
        assert made.status_code == 201, made.content
        shown = [each["product"] for each in made.json()["modifiers"]]
        assert shown == [str(each.pk) for each in products]
        return len(queries)

    assert create(2) == create(20)


def test_unknown_product_of_a_modifier_is_rejected(manager_client, shop, problem):
    syrup = {"name": "Syrup", "product": new_id()}

    refused = manager_client.post(PATH, {**SIZE, "modifiers": [*SIZE["modifiers"], syrup]})

    problem(refused, 400, "invalid", {"modifiers[2].product": "does_not_exist"})
    assert list_rows(shop) == {}


def test_optional_list_without_limits_is_the_default(manager_client):
    made = manager_client.post(PATH, {"name": "Extras", "modifiers": [{"name": "Shot"}]}).json()

    assert (made["min"], made["max"], made["allow_quantity"]) == (0, None, False)


def test_modifiers_are_changed_reordered_added_and_deleted(manager_client, shop):
    made = manager_client.post(PATH, SIZE).json()
    small, large = made["modifiers"]
    wanted = [{"name": "Huge", "price": "1.00"}, {"id": large["id"], "name": "Big", "price": "0.4"}]

    changed = manager_client.patch(f"{PATH}{made['id']}/", {"modifiers": wanted}, If_Match='"1"')

    assert (changed.status_code, changed.json()["version"]) == (200, 2)
    assert list_rows(shop) == {"Size": [("Huge", "1.000"), ("Big", "0.400")]}
    assert changed.json()["modifiers"][1]["id"] == large["id"]
    with tenant_scope(shop):
        assert not Modifier.objects.filter(pk=small["id"]).exists()
        event = AuditEvent.objects.get(event="modifier_list_changed")
        topics = list(
            OutboxEvent.objects.order_by("created_at", "pk").values_list("topic", flat=True)
        )
    described = [
        (each["name"], each["price"]) for each in event.facts["changes"]["modifiers"]["to"]
    ]
    assert described == [("Huge", "1.00"), ("Big", "0.40")]
    assert topics == ["modifier_list.created", "modifier_list.updated"]


def test_change_of_the_list_keeps_its_modifiers(manager_client, shop):
    made = manager_client.post(PATH, SIZE).json()

    changed = manager_client.patch(f"{PATH}{made['id']}/", {"max": 2}, If_Match='"1"').json()

    assert (changed["max"], changed["modifiers"]) == (2, made["modifiers"])
    assert list_rows(shop) == {"Size": [("Small", "0.000"), ("Large", "0.500")]}


def test_change_needs_the_current_version(manager_client, problem, shop):
    path = f"{PATH}{manager_client.post(PATH, SIZE).json()['id']}/"

    problem(manager_client.patch(path, {"name": "Cup"}), 428, "if_match_required")
    problem(manager_client.patch(path, {"name": "Cup"}, If_Match='"9"'), 412, "version_conflict")
    assert list(list_rows(shop)) == ["Size"]
    assert manager_client.patch(path, {"name": "Cup"}, If_Match='"1"').json()["version"] == 2
    assert list(list_rows(shop)) == ["Cup"]


ACTIVE = {"name": "Small"}
INACTIVE = {"name": "Large", "is_active": False}


@pytest.mark.parametrize(
    ("changes", "field", "code"),
    [
        ({"name": " "}, "name", "blank"),
        ({"name": "x" * 101}, "name", "max_length"),
        ({"min": -1}, "min", "min_value"),
        ({"min": 101}, "min", "max_value"),
        ({"min": True}, "min", "invalid"),
        ({"max": 0}, "max", "min_value"),
        ({"min": 2, "max": 1}, "max", "less_than_min"),
        ({"min": 2, "max": 2, "modifiers": [ACTIVE, INACTIVE]}, "min", "too_few_modifiers"),
        ({"min": 0, "modifiers": [INACTIVE]}, "modifiers", "none_active"),
        ({"modifiers": []}, "modifiers", "empty"),
        ({"modifiers": [ACTIVE, ACTIVE]}, "modifiers[1].name", "unique"),
        ({"modifiers": [{"name": ""}]}, "modifiers[0].name", "blank"),
        ({"modifiers": [{**ACTIVE, "price": "-0.01"}]}, "modifiers[0].price", "invalid"),
        ({"modifiers": [{**ACTIVE, "price": "0.001"}]}, "modifiers[0].price", "max_decimal_places"),
        ({"modifiers": [{**ACTIVE, "product": "x"}]}, "modifiers[0].product", "invalid"),
        ({"modifiers": [{**ACTIVE, "sku": "x"}]}, "modifiers[0].sku", "unknown_field"),
        ({"modifiers": [{"name": str(at)} for at in range(101)]}, "modifiers", "max_length"),
        (
            {"modifiers": [{**ACTIVE, "id": "00000000-0000-7000-8000-000000000000"}]},
            "modifiers[0].id",
            "does_not_exist",
        ),
    ],
    ids=str,
)
def test_invalid_list_is_rejected(changes, field, code, manager_client, problem, shop):
    problem(manager_client.post(PATH, {**SIZE, **changes}), 400, "invalid", {field: code})
    assert list_rows(shop) == {}


def test_change_that_no_choice_can_satisfy_is_rejected(manager_client, problem, shop):
    path = f"{PATH}{manager_client.post(PATH, SIZE).json()['id']}/"
    before = list_rows(shop)

    refused = manager_client.patch(path, {"min": 3, "max": 3}, If_Match="*")
    problem(refused, 400, "invalid", {"min": "too_few_modifiers"})
    assert manager_client.get(path).json()["min"] == 1
    several = {"min": 3, "max": 3, "allow_quantity": True}
    assert manager_client.patch(path, several, If_Match="*").status_code == 200
    assert list_rows(shop) == before


def test_modifier_named_twice_is_rejected(manager_client, problem, shop):
    made = manager_client.post(PATH, SIZE).json()
    small = {"id": made["modifiers"][0]["id"], "name": "Small"}
    wanted = {"modifiers": [small, {**small, "name": "Tiny"}]}

    refused = manager_client.patch(f"{PATH}{made['id']}/", wanted, If_Match="*")

    problem(refused, 400, "invalid", {"modifiers[1].id": "does_not_exist"})
    assert list_rows(shop) == {"Size": [("Small", "0.000"), ("Large", "0.500")]}


def test_taken_name_is_rejected(manager_client, shop):
    manager_client.post(PATH, SIZE)

    again = manager_client.post(PATH, SIZE)

    assert (again.status_code, again.json()["code"]) == (409, "already_exists")
    assert list(list_rows(shop)) == ["Size"]


def test_cashier_cannot_add_one(client_of, cashier, problem, shop):
    problem(client_of(cashier).post(PATH, SIZE), 403, "permission_denied")
    assert list_rows(shop) == {}


def test_rows_of_another_shop_are_not_visible(manager_client, shop, other_shop, product, problem):
    theirs = ModifierListFactory(tenant=other_shop)
    modifier = ModifierFactory(tenant=other_shop, modifier_list=theirs)

    problem(manager_client.get(f"{PATH}{theirs.pk}/"), 404, "not_found")
    assert manager_client.get(PATH).json()["results"] == []
    foreign = str(ProductFactory(tenant=other_shop).pk)
    body = {**SIZE, "modifiers": [{"name": "Small", "product": foreign}]}
    refused = manager_client.post(PATH, body)
    problem(refused, 400, "invalid", {"modifiers[0].product": "does_not_exist"})
    taken = {**SIZE, "modifiers": [{"id": str(modifier.pk), "name": "Small"}]}
    refused = manager_client.post(PATH, taken)
    problem(refused, 400, "invalid", {"modifiers[0].id": "does_not_exist"})
    body = {"modifier_lists": [str(theirs.pk)]}
    refused = manager_client.patch(f"products/{product.pk}/", body, If_Match="*")
    problem(refused, 400, "invalid", {"modifier_lists[0]": "does_not_exist"})
    assert list_rows(shop) == {}


@pytest.mark.django_db(transaction=True)
@pytest.mark.postgres
def test_two_managers_who_change_the_same_version_do_not_mix_modifiers(manager_client, shop):
    made = manager_client.post(PATH, SIZE).json()
    path = f"{PATH}{made['id']}/"

    def change(name):
        wanted = [{"name": f"{name} {at}"} for at in range(3)]
        return lambda: manager_client.patch(path, {"modifiers": wanted}, If_Match='"1"')

    answers = run_concurrently([change("A"), change("B")])

    assert sorted(statuses(answers)) == [200, 412]
    ((_, modifiers),) = list_rows(shop).items()
    assert len({name[0] for name, _ in modifiers}) == 1
    assert len(modifiers) == 3


def test_changed_modifiers_must_be_complete(manager_client, shop, problem):
    made = manager_client.post(PATH, SIZE).json()
    before = list_rows(shop)

    refused = manager_client.patch(
        f"{PATH}{made['id']}/", {"modifiers": [{"price": "1.00"}]}, If_Match="*"
    )

    problem(refused, 400, "invalid", {"modifiers[0].name": "required"})
    assert list_rows(shop) == before
