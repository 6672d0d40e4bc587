"""Variants of products: parent, options, names and who may set them."""

import pytest

from orders.models import Product
from orders.models.variant_options import MAX_OPTION_LENGTH
from orders.services.catalog import variants
from tenants.models import AuditEvent, OutboxEvent
from tenants.scope import tenant_scope
from tests.factories.modifier_list import ModifierFactory
from tests.factories.orders import CategoryFactory, ProductFactory, StockLevelFactory
from tests.support.api import Person
from tests.support.modifiers import set_modifier
from tests.support.parallel import run_concurrently, statuses
from tests.support.statements import assert_statement_count
from tests.support.till import new_id, set_product
from tests.support.variants import create_variant, list_parents, list_variants

pytestmark = pytest.mark.django_db
RED_M = {"Size": "M", "Color": "Red"}


@pytest.fixture
def shirt(make_product):
    return make_product("19.90", stock=None, sku="SHIRT", name="T-shirt")


def add_variant(client, parent, sku, options, **more):
    body = {"sku": sku, "parent": str(parent.pk), "options": options, **more}
    return client.post("products/", body)


def change(client, product, **changes):
    return client.patch(f"products/{product.pk}/", changes, If_Match="*")


def test_variant_has_from_its_parent_what_is_left_out(manager_client, shop, shirt):
    with tenant_scope(shop):
        Product.objects.filter(pk=shirt.pk).update(track_stock=False)
        OutboxEvent.objects.all().delete()

    made = add_variant(manager_client, shirt, "SHIRT-M-RED", RED_M)

    assert made.status_code == 201, made.content
    shown = made.json()
    inherited = {
        "name": "T-shirt, M, Red",
        "price": "19.90",
        "tax_class": str(shirt.tax_class_id),
        "category": str(shirt.category_id),
        "track_stock": False,
        "parent": str(shirt.pk),
        "has_variants": False,
    }
    assert {name: shown[name] for name in inherited} == inherited
    assert list(shown["options"].items()) == [("Size", "M"), ("Color", "Red")]
    assert manager_client.get(f"products/{shown['id']}/").json() == shown
    parent = manager_client.get(f"products/{shirt.pk}/").json()
    assert (parent["has_variants"], parent["options"], parent["version"]) == (True, {}, 2)
    with tenant_scope(shop):
        topics = OutboxEvent.objects.order_by("pk").values_list("topic", "subject")
        assert {(topic, str(subject)) for topic, subject in topics} == {
            ("product.created", shown["id"]),
            ("product.updated", str(shirt.pk)),
        }
        facts = AuditEvent.objects.get(event="product_changed", target=shirt.pk).facts
    assert facts == {"changes": {"has_variants": {"from": False, "to": True}}}


def test_variant_has_the_deposit_of_its_parent(manager_client, shop, shirt, make_product):
    deposit = make_product("0.25", stock=None, sku="DEP", track_stock=False)
    set_product(shop, shirt, deposit=deposit)

    made = add_variant(manager_client, shirt, "SHIRT-M-RED", RED_M).json()
    without = add_variant(manager_client, shirt, "SHIRT-L-RED", RED_M | {"Size": "L"}, deposit=None)

    assert made["deposit"] == str(deposit.pk)
    assert without.json()["deposit"] is None


def test_variant_has_its_own_values(manager_client, shop, shirt):
    category = CategoryFactory(tenant=shop)
    own = {"name": "Red shirt", "price": "24.90", "tax_class": None, "category": str(category.pk)}

    shown = add_variant(manager_client, shirt, "SHIRT-M", {"Size": "M"}, **own).json()

    assert {name: shown[name] for name in own} == own


def test_variants_are_listed_by_their_parent(cashier_client, shop, shirt, foreign, make_product):
    create_variant(shirt, Size="M")
    create_variant(shirt, Size="L")
    with tenant_scope(foreign.tenant):
        theirs = ProductFactory(tenant=foreign.tenant, sku="THEIRS")
    create_variant(theirs, Size="M")
    make_product(sku="OTHER")

    def find(parent):
        found = cashier_client.get("products/", {"parent": str(parent)}).json()["results"]
        return [each["sku"] for each in found]

    assert find(shirt.pk) == ["SHIRT-L", "SHIRT-M"]
    assert find(theirs.pk) == find(new_id()) == []


def test_number_of_variants_costs_no_statements(cashier_client, shirt):
    for size in ("S", "M", "L"):
        create_variant(shirt, Size=size)
        with assert_statement_count(3):
            cashier_client.get("products/", {"parent": str(shirt.pk)})


def test_options_have_order_and_spelling_of_the_other_variants(manager_client, shop, shirt):
    create_variant(shirt, Size="M", Color="Red")

    made = add_variant(manager_client, shirt, "SHIRT-L", {"color": "red", "SIZE": " L "})

    assert list(made.json()["options"].items()) == [("Size", "L"), ("Color", "red")]
    assert list_variants(shop)["SHIRT-L"][1] == "T-shirt, L, red"


@pytest.mark.parametrize(
    ("options", "errors"),
    [
        (None, {"options": "null"}),
        ({}, {"options": "required"}),
        ([["Size", "L"]], {"options": "not_a_dict"}),
        ({"Size": 5}, {"options.Size": "invalid"}),
        ({"Size": ""}, {"options.Size": "blank"}),
        ({"Size": "x" * (MAX_OPTION_LENGTH + 1)}, {"options.Size": "max_length"}),
        ({"Size\1": "L", "Color": "Red"}, {"options": "control_character"}),
        ({"": "L", "Color": "Red"}, {"options": "blank"}),
        ({"x" * (MAX_OPTION_LENGTH + 1): "L"}, {"options": "max_length"}),
        ({str(number): "x" for number in range(6)}, {"options": "max"}),
        ({"Size": "L"}, {"options": "other_options"}),
        ({"Size": "L", "Colour": "Red"}, {"options": "other_options"}),
        ({"Size": "L", "size": "M", "Color": "Red"}, {"options": "repeated"}),
    ],
)
def test_other_options_are_refused(manager_client, shop, shirt, problem, options, errors):
    create_variant(shirt, Size="M", Color="Red")
    before = list_variants(shop)

    problem(add_variant(manager_client, shirt, "NEW", options), 400, "invalid", errors)

    assert list_variants(shop) == before


@pytest.mark.parametrize("options", [RED_M, {"Color": "RED", "size": "m"}])
def test_equal_options_are_refused(manager_client, shop, shirt, problem, options):
    create_variant(shirt, Size="M", Color="Red")
    large = create_variant(shirt, Size="L", Color="Red")
    before = list_variants(shop)

    problem(add_variant(manager_client, shirt, "NEW", options), 409, "options_taken")
    problem(change(manager_client, large, options=options), 409, "options_taken")

    assert list_variants(shop) == before


def test_equal_options_of_another_parent_are_no_conflict(manager_client, shop, shirt, make_product):
    create_variant(shirt, Size="M")
    other = make_product(stock=None, sku="COAT", name="Coat")

    assert add_variant(manager_client, other, "COAT-M", {"Size": "M"}).status_code == 201
    assert list_parents(shop) == ["COAT", "SHIRT"]


def test_too_many_variants_are_refused(manager_client, shop, shirt, problem, monkeypatch):
    monkeypatch.setattr(variants, "MAX_VARIANTS", 1)
    create_variant(shirt, Size="M")

    refused = add_variant(manager_client, shirt, "NEW", {"Size": "L"})

    problem(refused, 400, "invalid", {"parent": "max"})
    assert len(list_variants(shop)) == 1


def test_name_that_becomes_too_long_is_refused(manager_client, shop, make_product, problem):
    parent = make_product(stock=None, name="x" * 200)

    refused = add_variant(manager_client, parent, "NEW", {"Size": "M"})

    problem(refused, 400, "invalid", {"name": "max_length"})
    assert (list_variants(shop), list_parents(shop)) == ({}, [])


def test_new_product_without_parent_needs_name_and_price(manager_client, problem):
    errors = {"name": "required", "price": "required"}
    problem(manager_client.post("products/", {"sku": "NEW"}), 400, "invalid", errors)


def test_options_without_parent_are_refused(manager_client, shop, product, problem):
    body = {"sku": "NEW", "name": "New", "price": "1.00", "options": {"Size": "M"}}

    problem(manager_client.post("products/", body), 400, "invalid", {"options": "no_parent"})
    refused = change(manager_client, product, options={"Size": "M"})
    problem(refused, 400, "invalid", {"options": "no_parent"})
    assert list_variants(shop) == {}


def test_variant_has_no_variants(manager_client, shop, shirt, make_product, problem):
    medium = create_variant(shirt, Size="M")
    other = make_product(stock=None, sku="OTHER")
    before = list_variants(shop)

    chained = add_variant(manager_client, medium, "NEW", {"Color": "Red"})
    problem(chained, 400, "invalid", {"parent": "is_variant"})
    of_itself = change(manager_client, other, parent=str(other.pk), options={"Size": "M"})
    problem(of_itself, 400, "invalid", {"parent": "same_product"})
    parent = change(manager_client, shirt, parent=str(other.pk), options={"Size": "M"})
    problem(parent, 400, "invalid", {"parent": "has_variants"})
    assert (list_variants(shop), list_parents(shop)) == (before, ["SHIRT"])


def test_parent_of_another_shop_or_of_none_is_refused(manager_client, shop, foreign, problem):
    with tenant_scope(foreign.tenant):
        theirs = ProductFactory(tenant=foreign.tenant)
    for parent in (str(theirs.pk), new_id()):
        body = {"sku": "NEW", "parent": parent, "options": {"Size": "M"}}
        refused = manager_client.post("products/", body)
        problem(refused, 400, "invalid", {"parent": "does_not_exist"})
    assert (list_variants(shop), list_parents(foreign.tenant)) == ({}, [])


def test_cashier_adds_no_variant(cashier_client, shop, shirt, problem):
    refused = add_variant(cashier_client, shirt, "NEW", {"Size": "M"})
    problem(refused, 403, "permission_denied")
    assert (list_variants(shop), list_parents(shop)) == ({}, [])


@pytest.mark.parametrize(
    "level", [{"quantity": "1"}, {"quantity": "-1"}, {"quantity": "1", "reserved": "1"}]
)
def test_product_with_stock_gets_no_variants(
    manager_client, shop, store, make_product, problem, level
):
    stocked = make_product(stock=None)
    StockLevelFactory(product=stocked, store=store, **{"quantity": "0", **level})

    refused = add_variant(manager_client, stocked, "NEW", {"Size": "M"})

    problem(refused, 400, "invalid", {"parent": "has_stock"})
    assert (list_variants(shop), list_parents(shop)) == ({}, [])


def test_deposit_and_parent_exclude_each_other(manager_client, shop, shirt, product, problem):
    create_variant(shirt, Size="M")
    deposit = ProductFactory(tenant=shop, sku="DEPOSIT")
    set_product(shop, product, deposit=deposit)

    refused = add_variant(manager_client, deposit, "NEW", {"Size": "M"})
    problem(refused, 400, "invalid", {"parent": "is_deposit"})
    refused = change(manager_client, product, deposit=str(shirt.pk))
    problem(refused, 400, "invalid", {"deposit": "has_variants"})
    assert list_parents(shop) == ["SHIRT"]


def test_product_that_modifiers_take_from_stock_gets_no_variants(manager_client, shop, problem):
    milk = ProductFactory(tenant=shop)
    modifier = ModifierFactory(tenant=shop, product=milk)

    refused = add_variant(manager_client, milk, "NEW", {"Size": "M"})

    problem(refused, 400, "invalid", {"parent": "is_modifier"})
    assert (list_variants(shop), list_parents(shop)) == ({}, [])
    set_modifier(modifier, product=None)
    assert add_variant(manager_client, milk, "NEW", {"Size": "M"}).status_code == 201


# --- changes --------------------------------------------------------------------------------------


def test_parent_without_variants_is_an_ordinary_product_again(manager_client, shop, shirt):
    medium = create_variant(shirt, Size="M")
    large = create_variant(shirt, Size="L")

    for variant, parents in ((medium, ["SHIRT"]), (large, [])):
        left = change(manager_client, variant, parent=None, options={})
        assert (left.status_code, left.json()["options"]) == (200, {})
        assert list_parents(shop) == parents
    with tenant_scope(shop):
        assert Product.objects.get(pk=large.pk).name == "T-shirt, L"


def test_variant_needs_both_parent_and_options(manager_client, shop, shirt, problem):
    medium = create_variant(shirt, Size="M")
    before = list_variants(shop)

    alone = change(manager_client, medium, parent=None)
    problem(alone, 400, "invalid", {"options": "no_parent"})
    problem(change(manager_client, medium, options={}), 400, "invalid", {"options": "required"})
    assert (list_variants(shop), list_parents(shop)) == (before, ["SHIRT"])


def test_variant_moves_to_another_parent(manager_client, shop, shirt, make_product):
    medium = create_variant(shirt, Size="M")
    coat = make_product(stock=None, sku="COAT", name="Coat")

    moved = change(manager_client, medium, parent=str(coat.pk), options={"Fit": "Slim"})

    assert moved.status_code == 200, moved.content
    assert list_variants(shop) == {"SHIRT-M": ("COAT", "Coat, Slim", {"Fit": "Slim"})}
    assert list_parents(shop) == ["COAT"]


def test_only_variant_gets_other_options(manager_client, shop, shirt):
    medium = create_variant(shirt, Size="M")

    changed = change(manager_client, medium, options={"Color": "Red"})

    assert changed.status_code == 200
    assert list_variants(shop) == {"SHIRT-M": ("SHIRT", "T-shirt, Red", {"Color": "Red"})}


def test_names_follow_parent_and_options_unless_they_are_other_ones(manager_client, shop, shirt):
    medium = create_variant(shirt, Size="M")
    large = create_variant(shirt, Size="L")
    set_product(shop, large, name="Big shirt")
    with tenant_scope(shop):
        OutboxEvent.objects.all().delete()

    assert change(manager_client, shirt, name="Tee").status_code == 200
    names = [name for _, name, _ in list_variants(shop).values()]
    assert names == ["Big shirt", "Tee, M"]
    with tenant_scope(shop):
        changed = set(OutboxEvent.objects.values_list("subject", "subject_version"))
        assert changed == {(shirt.pk, 2), (medium.pk, 2)}
        assert Product.objects.get(pk=medium.pk).version == 2
    found = manager_client.get("products/", {"search": "tee m"}).json()["results"]
    assert [each["sku"] for each in found] == ["SHIRT-M"]

    for variant, size in ((medium, "S"), (large, "XL")):
        assert change(manager_client, variant, options={"Size": size}).status_code == 200
    names = [name for _, name, _ in list_variants(shop).values()]
    assert names == ["Big shirt", "Tee, S"]


def test_other_changes_of_variants_keep_parent_and_options(manager_client, shop, shirt):
    medium = create_variant(shirt, Size="M")
    before = list_variants(shop)

    assert change(manager_client, medium, price="15.00").status_code == 200
    assert change(manager_client, shirt, price="15.00").status_code == 200

    assert (list_variants(shop), list_parents(shop)) == (before, ["SHIRT"])


# --- stock ----------------------------------------------------------------------------------------


def test_parent_takes_no_stock(manager_client, shop, store, shirt, problem):
    create_variant(shirt, Size="M")
    body = {"id": new_id(), "product": str(shirt.pk), "store": str(store.pk)}

    received = manager_client.post("stock/movements/", body | {"type": "receive", "quantity": "1"})
    problem(received, 400, "invalid", {"product": "has_variants"})
    counted = manager_client.post("stock/movements/", body | {"type": "count", "quantity": "0"})
    assert counted.status_code == 201, counted.content


# --- races ----------------------------------------------------------------------------------------


@pytest.mark.race
@pytest.mark.django_db(transaction=True)
def test_of_equal_options_at_the_same_time_one_is_added(transactional_db, shop, manager):
    for number in range(5):
        parent = ProductFactory(tenant=shop, sku=f"P-{number}", name="Shirt")
        spellings = ({"Size": "M", "Color": "Red"}, {"Color": "red", "Size": "m"})

        answers = run_concurrently(
            [
                lambda parent=parent, at=at, given=given: add_variant(
                    Person(manager), parent, f"{parent.sku}-{at}", given
                )
                for at, given in enumerate(spellings)
            ]
        )

        assert sorted(statuses(answers)) == [201, 409]
    assert len(list_variants(shop)) == 5


@pytest.mark.race
@pytest.mark.django_db(transaction=True)
def test_variants_with_other_option_names_at_the_same_time(transactional_db, shop, manager):
    for number in range(5):
        parent = ProductFactory(tenant=shop, sku=f"P-{number}", name="Shirt")

        answers = run_concurrently(
            [
                lambda parent=parent, name=name: add_variant(
                    Person(manager), parent, f"{parent.sku}-{name}", {name: "M"}
                )
                for name in ("Size", "Color")
            ]
        )

        assert sorted(statuses(answers)) == [201, 400]


@pytest.mark.race
@pytest.mark.django_db(transaction=True)
def test_variants_made_at_the_same_time_are_no_chain(transactional_db, shop, manager):
    for number in range(5):
        with tenant_scope(shop):
            first, second, third = (
                ProductFactory(tenant=shop, sku=f"{name}-{number}") for name in "ABC"
            )
        pairs = [(first, second), (second, third)]

        answers = run_concurrently(
            [
                lambda pair=pair: change(
                    Person(manager), pair[0], parent=str(pair[1].pk), options={"Size": "M"}
                )
                for pair in pairs
            ]
        )

        assert sorted(statuses(answers)) == [200, 400]
    assert len(list_variants(shop)) == 5
