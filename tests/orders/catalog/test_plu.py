"""PLUs of products: without leading zeros, and unique in a shop."""

import pytest

from orders.models import Product
from tenants.scope import tenant_scope
from tests.support.catalog_files import upload_catalog

pytestmark = pytest.mark.django_db
PEAR = {"sku": "PEAR", "name": "Pear", "price": "1.00"}


def list_plus(shop):
    with tenant_scope(shop):
        return dict(Product.objects.order_by("sku").values_list("sku", "plu"))


def test_leading_zeros_are_removed(manager_client, shop, product):
    made = manager_client.post("products/", PEAR | {"plu": "00123"})

    assert (made.status_code, made.json()["plu"]) == (201, "123")
    for plu in ("123", "0123"):
        (found,) = manager_client.get("products/", {"plu": plu}).json()["results"]
        assert found["sku"] == "PEAR"
    removed = manager_client.patch(f"products/{made.json()['id']}/", {"plu": None}, If_Match="*")
    assert removed.json()["plu"] is None
    assert list_plus(shop) == {"APPLE": None, "PEAR": None}


@pytest.mark.parametrize(
    ("plu", "code"),
    [
        ("0", "not_digits"),
        ("12a", "not_digits"),
        ("١٢", "not_digits"),
        ("-1", "not_digits"),
        ("1" * 13, "max_length"),
        ("", "blank"),
        (12, "invalid"),
    ],
)
def test_invalid_plu_is_refused(manager_client, shop, product, plu, code, problem):
    problem(manager_client.post("products/", PEAR | {"plu": plu}), 400, "invalid", {"plu": code})
    assert list_plus(shop) == {"APPLE": None}


def test_taken_plu_is_refused(manager_client, shop, make_product, problem):
    make_product(sku="PLUM", plu="123")

    taken = manager_client.post("products/", PEAR | {"plu": "0123"})

    assert problem(taken, 409, "plu_taken")["plu"] == "123"
    assert list_plus(shop) == {"PLUM": "123"}


def test_import_sets_moves_and_removes_plus(manager_client, shop, make_product):
    for sku, plu in (("A", "1"), ("B", "2"), ("C", "3")):
        make_product(sku=sku, plu=plu)
    before = manager_client.get("products/", {"sku": "C"}).json()["results"][0]["version"]

    moved = upload_catalog(manager_client, "sku,name,price,plu\nA,A,1,2\nB,B,1,001\nC,C,2.5,\n")

    assert moved.status_code == 200
    assert list_plus(shop) == {"A": "2", "B": "1", "C": None}
    assert manager_client.get("products/", {"sku": "C"}).json()["results"][0]["version"] > before


@pytest.mark.parametrize(
    ("rows", "code"),
    [("A,A,1,9", "plu_taken"), ("A,A,1,5\nB,B,1,05", "duplicate"), ("A,A,1,x", "not_digits")],
)
def test_import_refuses_a_plu(manager_client, shop, make_product, rows, code):
    make_product(sku="OTHER", plu="9")

    refused = upload_catalog(manager_client, f"sku,name,price,plu\n{rows}\n")

    assert refused.status_code == 400
    assert [each["code"] for each in refused.json()["errors"]] == [code]
    assert list_plus(shop) == {"OTHER": "9"}


def test_export_is_read_by_the_import(manager_client, shop, make_product):
    make_product(sku="A", plu="12")
    exported = b"".join(manager_client.get("products/export/").streaming_content).decode()

    assert upload_catalog(manager_client, exported).json()["unchanged"] == 1
    assert list_plus(shop) == {"A": "12"}
