"""Deposits of products: rules, permissions, import and export."""

import pytest

from orders.models import Product
from tenants.models import OutboxEvent
from tenants.scope import tenant_scope
from tests.factories.orders import ProductFactory
from tests.support.api import Person
from tests.support.catalog_files import export_catalog, import_catalog, upload_catalog
from tests.support.parallel import run_concurrently, statuses
from tests.support.till import new_id, set_product

pytestmark = pytest.mark.django_db


@pytest.fixture
def deposit(make_product):
    return make_product("0.25", sku="DEPOSIT", name="Deposit", tax_class=None)


def list_deposits(shop):
    """Return the SKU of the deposit of each product that has one."""
    with tenant_scope(shop):
        rows = Product.objects.filter(deposit__isnull=False).order_by("sku")
        return dict(rows.values_list("sku", "deposit__sku"))


def set_deposit(client, product, deposit, **more):
    body = {"deposit": str(deposit.pk) if deposit else None, **more}
    return client.patch(f"products/{product.pk}/", body, If_Match="*")


def test_deposit_is_set_shown_and_removed(manager_client, shop, product, deposit):
    given = set_deposit(manager_client, product, deposit)

    assert (given.status_code, given.json()["deposit"]) == (200, str(deposit.pk))
    shown = manager_client.get(f"products/{product.pk}/").json()
    assert (shown["deposit"], shown["version"]) == (str(deposit.pk), 2)
    assert set_deposit(manager_client, product, None).json()["deposit"] is None
    assert list_deposits(shop) == {}


def test_new_product_has_a_deposit(manager_client, shop, deposit):
    body = {"sku": "WATER", "name": "Water", "price": "1.00", "deposit": str(deposit.pk)}

    assert manager_client.post("products/", body).status_code == 201
    assert list_deposits(shop) == {"WATER": "DEPOSIT"}


def test_product_is_not_its_own_deposit(manager_client, shop, product, problem):
    refused = set_deposit(manager_client, product, product)

    problem(refused, 400, "invalid", {"deposit": "same_product"})
    assert list_deposits(shop) == {}


def test_deposit_has_no_deposit_itself(
    manager_client, shop, product, make_product, deposit, problem
):
    crate = make_product(sku="CRATE")
    set_product(shop, product, deposit=deposit)

    chained = set_deposit(manager_client, crate, product)
    problem(chained, 400, "invalid", {"deposit": "has_deposit"})
    problem(set_deposit(manager_client, deposit, crate), 400, "invalid", {"deposit": "is_deposit"})
    assert list_deposits(shop) == {"APPLE": "DEPOSIT"}


@pytest.mark.parametrize("order", ["together", "deposit first", "weight first"])
def test_product_by_weight_has_no_deposit(manager_client, shop, product, deposit, order, problem):
    if order == "together":
        refused = set_deposit(manager_client, product, deposit, sold_by="weight")
    elif order == "deposit first":
        set_product(shop, product, deposit=deposit)
        path = f"products/{product.pk}/"
        refused = manager_client.patch(path, {"sold_by": "weight"}, If_Match="*")
    else:
        set_product(shop, product, sold_by="weight")
        refused = set_deposit(manager_client, product, deposit)

    problem(refused, 400, "invalid", {"deposit": "not_by_unit"})
    expected = {"APPLE": "DEPOSIT"} if order == "deposit first" else {}
    assert list_deposits(shop) == expected


def test_product_with_a_deposit_is_still_changed(manager_client, shop, product, deposit):
    set_product(shop, product, deposit=deposit)

    changed = manager_client.patch(f"products/{product.pk}/", {"price": "3.00"}, If_Match="*")

    assert (changed.status_code, changed.json()["deposit"]) == (200, str(deposit.pk))


def test_product_of_another_shop_or_of_none_is_no_deposit(
    manager_client, shop, product, foreign, problem
):
    with tenant_scope(foreign.tenant):
        theirs = str(ProductFactory(tenant=foreign.tenant).pk)
    for id in (theirs, new_id()):
        path = f"products/{product.pk}/"
        refused = manager_client.patch(path, {"deposit": id}, If_Match="*")
        problem(refused, 400, "invalid", {"deposit": "does_not_exist"})
    assert list_deposits(shop) == {}


def test_cashier_sets_no_deposit(cashier_client, shop, product, deposit, problem):
    problem(set_deposit(cashier_client, product, deposit), 403, "permission_denied")
    assert list_deposits(shop) == {}


@pytest.mark.race
@pytest.mark.django_db(transaction=True)
def test_deposits_set_at_the_same_time_make_no_chain(transactional_db, shop, manager):
    for number in range(5):
        with tenant_scope(shop):
            bottle, crate, pallet = (
                ProductFactory(tenant=shop, sku=f"{name}-{number}")
                for name in ("BOTTLE", "CRATE", "PALLET")
            )
        pairs = [(bottle, crate), (crate, pallet)]

        answers = run_concurrently(
            [lambda pair=pair: set_deposit(Person(manager), *pair) for pair in pairs]
        )

        assert sorted(statuses(answers)) == [200, 400]
    assert len(list_deposits(shop)) == 5


# --- import and export --------------------------------------------------------------------------


def test_import_sets_changes_and_removes_deposits(manager_client, shop, product, deposit):
    """Also of products that the same file creates, before or after the product."""
    text = (
        "sku,name,price,deposit\n"
        "WATER,Water,1,NEW\nJUICE,Juice,2,DEPOSIT\nNEW,New,0.15,\nBEER,Beer,3,NEW\n"
        "APPLE,Apple,2.50,DEPOSIT\n"
    )

    assert import_catalog(manager_client, text) == (4, 1, 0)
    everything = {"WATER": "NEW", "JUICE": "DEPOSIT", "BEER": "NEW", "APPLE": "DEPOSIT"}
    assert list_deposits(shop) == everything

    assert import_catalog(manager_client, text) == (0, 0, 5)
    moved = "sku,deposit\nWATER,DEPOSIT\nAPPLE,\nBEER,NEW\n"
    with tenant_scope(shop):
        before = Product.objects.get(sku="WATER").version
        OutboxEvent.objects.all().delete()
    assert import_catalog(manager_client, moved) == (0, 2, 1)
    changes = {"WATER": "DEPOSIT", "JUICE": "DEPOSIT", "BEER": "NEW"}
    assert list_deposits(shop) == changes
    with tenant_scope(shop):
        assert Product.objects.get(sku="WATER").version == before + 1
        assert OutboxEvent.objects.filter(topic="product.updated").count() == 2


def test_import_without_the_column_keeps_deposits(manager_client, shop, product, deposit):
    set_product(shop, product, deposit=deposit)

    assert import_catalog(manager_client, "sku,price\nAPPLE,3.00\n") == (0, 1, 0)
    assert list_deposits(shop) == {"APPLE": "DEPOSIT"}


@pytest.mark.parametrize(
    ("rows", "errors"),
    [
        ("APPLE,NOWHERE,unit", [(2, "does_not_exist")]),
        ("APPLE,APPLE,unit", [(2, "same_product")]),
        ("CRATE,WATER,unit", [(2, "has_deposit")]),
        ("CRATE,APPLE,unit\nAPPLE,CRATE,unit", [(2, "has_deposit"), (3, "has_deposit")]),
        ("DEPOSIT,CRATE,unit", [(2, "is_deposit")]),
        ("APPLE,DEPOSIT,weight", [(2, "not_by_unit")]),
    ],
)
def test_import_refuses_a_deposit(manager_client, shop, product, deposit, rows, errors):
    ProductFactory(tenant=shop, sku="CRATE")
    ProductFactory(tenant=shop, sku="WATER", deposit=deposit)
    text = f"sku,deposit,sold_by\n{rows}\n"

    for query, status in (("?dry_run=1", 200), ("", 400)):
        answer = upload_catalog(manager_client, text, query)
        assert answer.status_code == status
        assert [(each["row"], each["code"]) for each in answer.json()["errors"]] == errors

    assert list_deposits(shop) == {"WATER": "DEPOSIT"}


def test_import_swaps_which_product_is_the_deposit(manager_client, shop, product, deposit):
    """A file is checked by what it leaves, not by what was before it."""
    set_product(shop, product, deposit=deposit)

    assert import_catalog(manager_client, "sku,deposit\nDEPOSIT,APPLE\nAPPLE,\n") == (0, 2, 0)
    assert list_deposits(shop) == {"DEPOSIT": "APPLE"}


def test_export_is_read_by_the_import(manager_client, shop, product, deposit):
    set_product(shop, product, deposit=deposit)

    assert import_catalog(manager_client, export_catalog(manager_client)) == (0, 0, 2)
    assert list_deposits(shop) == {"APPLE": "DEPOSIT"}
