"""External IDs and metadata of products, stores and customers."""

import json

import pytest

from orders.models import Customer, Product
from tenants.models import Store
from tenants.scope import tenant_scope
from tests.support.catalog_files import export_catalog, parse_rows, upload_catalog
from tests.support.parallel import run_concurrently

pytestmark = pytest.mark.django_db

# For each kind its path, its model, and a request to create one.
KINDS = {
    "product": ("products/", Product, lambda name: {"sku": name, "name": name, "price": "1.00"}),
    "store": ("stores/", Store, lambda name: {"name": name}),
    "customer": ("customers/", Customer, lambda name: {"name": name}),
}
METADATA = {"erp": {"line": 7, "tags": ["a", None, True]}, "ü": "\u2028"}
every_kind = pytest.mark.parametrize("kind", sorted(KINDS))


@pytest.fixture
def client(admin_client):
    return admin_client


@pytest.fixture
def create(client):
    def send(kind, name, **values):
        path, _, build = KINDS[kind]
        return client.post(path, build(name) | values)

    return send


def count(kind, shop):
    with tenant_scope(shop):
        return KINDS[kind][1].objects.count()


@every_kind
def test_row_has_external_id_and_metadata(kind, client, create):
    path = KINDS[kind][0]
    made = create(kind, "A", external_id=" ERP-1 ", metadata=METADATA).json()
    plain = create(kind, "B").json()

    assert (made["external_id"], made["metadata"]) == ("ERP-1", METADATA)
    assert (plain["external_id"], plain["metadata"]) == (None, {})
    read = client.get(f"{path}{made['id']}/").json()
    assert (read["external_id"], read["metadata"]) == ("ERP-1", METADATA)


@every_kind
def test_row_is_found_by_its_external_id(kind, client, create, foreign):
    path = KINDS[kind][0]
    made = create(kind, "A", external_id="ERP-1").json()
    create(kind, "B", external_id="ERP-2")
    with tenant_scope(foreign.tenant):
        Product.objects.filter(pk=foreign.product.pk).update(external_id="LEAKMARK_ID")
        Store.objects.filter(pk=foreign.store.pk).update(external_id="LEAKMARK_ID")

    def find(external_id):
        found = client.get(path, {"external_id": external_id}).json()["results"]
        return [row["id"] for row in found]

    assert find("ERP-1") == [made["id"]]
    assert find("erp-1") == find("ERP") == find("LEAKMARK_ID") == []


@every_kind
def test_external_id_is_unique_within_its_kind(kind, create, client, shop, problem):
    path = KINDS[kind][0]
    create(kind, "A", external_id="ERP-1")
    other = create(kind, "B").json()
    before = count(kind, shop)

    taken = {"external_id": "unique"}
    problem(create(kind, "C", external_id="ERP-1"), 409, "already_exists", taken)
    change = client.patch(f"{path}{other['id']}/", {"external_id": "ERP-1"}, If_Match="*")
    problem(change, 409, "already_exists", taken)

    assert count(kind, shop) == before
    assert client.get(f"{path}{other['id']}/").json()["external_id"] is None


def test_other_kinds_and_other_shops_may_have_the_same_external_id(create, client_of, foreign):
    answers = [create(kind, kind, external_id="ERP-1") for kind in KINDS]
    theirs = client_of(foreign.admin).post("stores/", {"name": "X", "external_id": "ERP-1"})

    assert [answer.status_code for answer in (*answers, theirs)] == [201] * 4


@every_kind
def test_external_id_and_metadata_are_changed_and_removed(kind, create, client):
    made = create(kind, "A", external_id="ERP-1", metadata={"a": 1}).json()
    path = f"{KINDS[kind][0]}{made['id']}/"

    changed = client.patch(path, {"external_id": "ERP-2", "metadata": {"b": 2}}, If_Match="*")
    removed = client.patch(path, {"external_id": None, "metadata": {}}, If_Match="*")

    assert (changed.json()["external_id"], changed.json()["metadata"]) == ("ERP-2", {"b": 2})
    assert (removed.json()["external_id"], removed.json()["metadata"]) == (None, {})
    assert removed.json()["version"] == made["version"] + 2
    with_the_old_id = create(kind, "B", external_id="ERP-1")
    assert with_the_old_id.status_code == 201


LARGEST = {"a": "x" * (4096 - len('{"a":""}'))}


@every_kind
@pytest.mark.parametrize(
    ("values", "errors"),
    [
        ({"external_id": ""}, {"external_id": "blank"}),
        ({"external_id": "  "}, {"external_id": "blank"}),
        ({"external_id": 7}, {"external_id": "invalid"}),
        ({"external_id": "x" * 101}, {"external_id": "max_length"}),
        ({"external_id": "a\x07"}, {"external_id": "control_character"}),
        ({"metadata": []}, {"metadata": "not_an_object"}),
        ({"metadata": "x"}, {"metadata": "not_an_object"}),
        ({"metadata": None}, {"metadata": "null"}),
        ({"metadata": {"a": [{"b": 1.5}]}}, {"metadata": "fraction"}),
        ({"metadata": LARGEST | {"b": 1}}, {"metadata": "too_large"}),
        ({"metadata": {"a": "ü" * 2048}}, {"metadata": "too_large"}),
    ],
    ids=str,
)
def test_invalid_values_are_refused(kind, values, errors, create, shop, problem):
    before = count(kind, shop)

    problem(create(kind, "A", **values), 400, "invalid", errors)

    assert count(kind, shop) == before


@every_kind
def test_metadata_may_have_four_kibibytes(kind, create):
    assert len(json.dumps(LARGEST, separators=(",", ":"))) == 4096
    assert create(kind, "A", metadata=LARGEST).json()["metadata"] == LARGEST


@every_kind
@pytest.mark.race
@pytest.mark.django_db(transaction=True)
def test_only_one_of_two_rows_gets_the_external_id(kind, create, shop):
    before = count(kind, shop)

    answers = run_concurrently(
        [lambda name=name: create(kind, name, external_id="ERP-1") for name in "AB"]
    )

    assert sorted(answer.status_code for answer in answers) == [201, 409]
    assert count(kind, shop) == before + 1


def test_new_variant_does_not_get_the_external_id_of_its_parent(create, client):
    parent = create("product", "SHIRT", external_id="ERP-1", metadata={"a": 1}).json()

    variant = client.post(
        "products/", {"sku": "M", "parent": parent["id"], "options": {"Size": "M"}}
    ).json()

    assert (variant["external_id"], variant["metadata"]) == (None, {})


def test_cashiers_see_no_metadata_of_customers_in_lists(create, client_of, cashier):
    create("customer", "Miller", external_id="ERP-1", metadata={"a": 1})

    (found,) = client_of(cashier).get("customers/", {"search": "Mill"}).json()["results"]

    assert (found["external_id"], found["metadata"]) == ("ERP-1", None)


def test_erased_customer_keeps_neither(create, client):
    key = {"Idempotency_Key": "create-ada"}
    body = {"name": "Ada", "external_id": "ERP-1", "metadata": {"born": "1815"}}
    made = client.post("customers/", body, **key).json()

    erased = client.post(f"customers/{made['id']}/erase/", {"name": "Ada"})
    again = client.post("customers/", body, **key)

    assert erased.status_code == 200
    assert (erased.json()["external_id"], erased.json()["metadata"]) == (None, {})
    assert (again.json()["external_id"], again.json()["metadata"]) == (None, {})


# --- files ----------------------------------------------------------------------------------------


def test_file_sets_and_removes_external_ids(manager_client, create):
    create("product", "OLD", external_id="ERP-9")

    uploaded = upload_catalog(
        manager_client, "sku,name,price,external_id\nNEW,New,1,ERP-1\nOLD,Old,1,\n"
    )

    assert uploaded.status_code == 200
    exported = parse_rows(export_catalog(manager_client))
    assert {row["sku"]: row["external_id"] for row in exported} == {"NEW": "ERP-1", "OLD": ""}
    again = upload_catalog(manager_client, export_catalog(manager_client))
    assert (again.json()["updated"], again.json()["unchanged"]) == (0, 2)


@pytest.mark.parametrize(
    ("rows", "code"),
    [
        ("A,A,1,ERP-1\nB,B,1,ERP-1", "duplicate"),
        ("A,A,1,ERP-9", "unique"),
        (f"A,A,1,{'x' * 101}", "max_length"),
    ],
)
def test_file_with_the_external_id_of_another_product_is_refused(
    manager_client, create, shop, rows, code, problem
):
    create("product", "OLD", external_id="ERP-9")

    refused = upload_catalog(manager_client, f"sku,name,price,external_id\n{rows}\n")

    assert refused.status_code == 400
    assert [error["code"] for error in refused.json()["errors"]] == [code]
    assert count("product", shop) == 1
