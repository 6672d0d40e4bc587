"""Modifier lists of products: order, rules, permissions and what reads show."""

import pytest

from orders.models import Product
from tenants.models import AuditEvent
from tenants.scope import tenant_scope
from tests.factories.accounts import AuthSessionFactory
from tests.factories.modifier_list import ModifierFactory
from tests.support.api import Person
from tests.support.till import set_product


@pytest.fixture
def lists(shop):
    """Return the ids of two modifier lists."""
    return [str(ModifierFactory(tenant=shop).modifier_list.pk) for _ in range(2)]


def attach(client, product, lists, **more):
    body = {"modifier_lists": lists, **more}
    return client.patch(f"products/{product.pk}/", body, If_Match="*")


def load_lists(shop, product):
    with tenant_scope(shop):
        return Product.objects.get(pk=product.pk).modifier_lists


def test_lists_are_attached_in_order_and_removed(manager_client, shop, product, lists):
    given = attach(manager_client, product, lists[::-1])

    assert (given.status_code, given.json()["modifier_lists"]) == (200, lists[::-1])
    assert manager_client.get(f"products/{product.pk}/").json() == given.json()
    assert manager_client.get("products/?sku=APPLE").json()["results"] == [given.json()]
    assert manager_client.get("products/?search=apple").json()["results"] == [given.json()]
    assert attach(manager_client, product, lists).json()["modifier_lists"] == lists
    assert attach(manager_client, product, []).json()["modifier_lists"] == []
    assert load_lists(shop, product) is None
    with tenant_scope(shop):
        events = AuditEvent.objects.filter(event="product_changed").order_by("created_at", "pk")
        changes = [event.facts["changes"]["modifier_lists"] for event in events]
    assert changes[0] == {"from": None, "to": lists[::-1]}
    assert changes[2] == {"from": lists, "to": None}


def test_new_product_has_lists_and_another_change_keeps_them(manager_client, shop, lists):
    body = {"sku": "LATTE", "name": "Latte", "price": "3.50", "modifier_lists": lists}

    made = manager_client.post("products/", body).json()

    assert made["modifier_lists"] == lists
    path = f"products/{made['id']}/"
    changed = manager_client.patch(path, {"price": "3.60"}, If_Match="*").json()
    assert changed["modifier_lists"] == lists


@pytest.mark.parametrize("order", ["lists first", "weight first", "at once"])
def test_goods_by_weight_have_no_modifier_that_takes_units(
    order, manager_client, make_product, product, shop, problem
):
    milk = make_product("1.00", sku="OAT", name="Oat milk portion")
    oat = ModifierFactory(tenant=shop, name="Oat", product=milk)
    lists = [str(oat.modifier_list_id)]
    steps = {
        "lists first": [{"modifier_lists": lists}, {"sold_by": "weight"}],
        "weight first": [{"sold_by": "weight"}, {"modifier_lists": lists}],
        "at once": [{"modifier_lists": lists, "sold_by": "weight"}],
    }[order]
    path = f"products/{product.pk}/"
    for step in steps[:-1]:
        assert manager_client.patch(path, step, If_Match="*").status_code == 200
    before = manager_client.get(path).json()

    refused = manager_client.patch(path, steps[-1], If_Match="*")

    problem(refused, 400, "invalid", {"modifier_lists": "sold_by_unit"})
    assert manager_client.get(path).json() == before
    set_product(shop, milk, track_stock=False)
    assert manager_client.patch(path, steps[-1], If_Match="*").status_code == 200


@pytest.mark.parametrize(
    ("wanted", "field", "code"),
    [
        (lambda lists: [lists[0], lists[0]], "modifier_lists[1]", "repeated"),
        (lambda lists: ["x"], "modifier_lists[0]", "invalid"),
        (lambda lists: "x", "modifier_lists", "not_a_list"),
        (lambda lists: lists[:1] * 21, "modifier_lists", "max_length"),
    ],
)
def test_invalid_lists_are_rejected(wanted, field, code, manager_client, product, lists, problem):
    problem(attach(manager_client, product, wanted(lists)), 400, "invalid", {field: code})
    assert load_lists(product.tenant, product) is None


@pytest.mark.parametrize("order", ["together", "lists first", "returnable first"])
def test_returnable_product_has_no_modifiers(order, manager_client, shop, product, lists, problem):
    path, back = f"products/{product.pk}/", {"returnable": True}
    if order == "together":
        refused = attach(manager_client, product, lists, **back)
    elif order == "lists first":
        attach(manager_client, product, lists)
        refused = manager_client.patch(path, back, If_Match="*")
    else:
        manager_client.patch(path, back, If_Match="*")
        refused = attach(manager_client, product, lists)

    problem(refused, 400, "invalid", {"returnable": "has_modifiers"})
    assert load_lists(shop, product) == (lists if order == "lists first" else None)


def test_lists_are_not_changed_from_a_pin_session(manager, shop, product, lists, problem):
    by_pin = Person(manager, AuthSessionFactory(user=manager, method="pin"))

    problem(attach(by_pin, product, lists), 403, "password_required")
    assert load_lists(shop, product) is None


@pytest.mark.parametrize(
    "case",
    [
        ({"sold_by": "weight"}, {"sold_by": "unit"}, "sold_by"),
        ({"track_stock": False}, {"track_stock": True}, "track_stock"),
        ({"returnable": True}, {"returnable": False}, "returnable"),
        (
            {"sold_by": "weight", "track_stock": False},
            {"sold_by": "unit", "track_stock": True},
            "sold_by",
        ),
    ],
)
def test_product_of_a_modifier_of_goods_by_weight_does_not_become_units(
    manager_client, make_product, product, shop, problem, case
):
    stored, changes, field = case
    nuts = make_product("1.00", sku="NUTS", name="Nuts", **stored)
    nut = ModifierFactory(tenant=shop, name="Nuts", product=nuts)
    set_product(shop, product, sold_by="weight", modifier_lists=[str(nut.modifier_list_id)])
    path = f"products/{nuts.pk}/"
    before = manager_client.get(path).json()

    refused = manager_client.patch(path, changes, If_Match="*")

    problem(refused, 400, "invalid", {field: "is_modifier"})
    assert manager_client.get(path).json() == before
    # Other changes are possible, and this one as soon as the goods have no such modifier.
    assert manager_client.patch(path, {"name": "Walnuts"}, If_Match="*").status_code == 200
    set_product(shop, product, modifier_lists=None)
    assert manager_client.patch(path, changes, If_Match="*").status_code == 200
