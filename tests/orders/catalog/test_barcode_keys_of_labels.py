"""Barcodes that a rule for labels matches are no GTINs: their other spellings are other codes."""

import pytest
from django.core.management import call_command

from orders.models import Barcode
from tenants.scope import tenant_scope
from tests.factories.barcode_rule import BarcodeRuleFactory
from tests.factories.orders import BarcodeFactory, ProductFactory
from tests.support.catalog_files import upload_catalog
from tests.support.labels import add_check_digit
from tests.support.till import cash_rest

pytestmark = pytest.mark.django_db

PATTERN = "21IIIIIVVVVVC"
LABEL = add_check_digit("210010100537")
OTHER = f"0{LABEL}"
PEAR = {"sku": "PEAR", "name": "Pear", "price": "1.00", "track_stock": False}
RULE = {"pattern": PATTERN, "kind": "price"}


@pytest.fixture
def rule(shop):
    with tenant_scope(shop):
        return BarcodeRuleFactory(tenant=shop, pattern=PATTERN, kind="price")


def list_keys(shop):
    with tenant_scope(shop):
        return dict(Barcode.objects.values_list("code", "key"))


def skus(till, code, name="barcode"):
    return [each["sku"] for each in till.get("products/", {name: code}).json()["results"]]


def set_barcodes(person, product, *codes):
    return person.patch(f"products/{product.pk}/", {"barcodes": list(codes)}, If_Match="*")


def add_pear(person, *codes):
    return person.post("products/", PEAR | {"barcodes": list(codes)})


def switch(person, rule, **changes):
    changed = person.patch(f"barcode-rules/{rule.pk}/", changes, If_Match="*")
    assert changed.status_code == 200, changed.content


@pytest.mark.parametrize(("first", "second"), [(LABEL, OTHER), (OTHER, LABEL)])
def test_other_spelling_of_a_label_may_be_another_product(
    first, second, till, manager_client, rule, product
):
    assert set_barcodes(manager_client, product, first).status_code == 200
    assert add_pear(manager_client, second).status_code == 201

    for name in ("barcode", "search"):
        assert skus(till, first, name) == [product.sku]
        assert skus(till, second, name) == ["PEAR"]
    for code, sku in ((first, product.sku), (second, "PEAR")):
        sold = till.sold({"barcode": code, "quantity": "1"}, payments=[cash_rest()])
        assert sold["lines"][0]["sku"] == sku


def test_label_itself_belongs_to_one_product(manager_client, rule, shop, product, problem):
    set_barcodes(manager_client, product, LABEL)

    problem(add_pear(manager_client, LABEL), 409, "barcode_taken")

    assert list_keys(shop) == {LABEL: LABEL}


def test_code_of_twelve_digits_is_a_label_too(till, manager_client, shop, product):
    upc = add_check_digit("21234567890")
    with tenant_scope(shop):
        BarcodeRuleFactory(tenant=shop, pattern="02IIIIIVVVVVC", kind="price")
    set_barcodes(manager_client, product, upc)

    assert add_pear(manager_client, f"0{upc}").status_code == 201
    assert (skus(till, upc), skus(till, f"0{upc}")) == ([product.sku], ["PEAR"])


def test_product_keeps_both_spellings(manager_client, rule, product):
    changed = set_barcodes(manager_client, product, LABEL, OTHER)

    assert sorted(changed.json()["barcodes"]) == sorted([LABEL, OTHER])


def test_import_compares_labels_by_their_text(manager_client, rule, shop, product):
    set_barcodes(manager_client, product, LABEL)
    rows = f"sku,name,price,barcodes\nPEAR,Pear,1,{OTHER}\nPLUM,Plum,1,4006381333931\n"

    assert upload_catalog(manager_client, rows).status_code == 200
    again = upload_catalog(manager_client, rows).json()
    assert (again["created"], again["updated"], again["unchanged"]) == (0, 0, 2)
    taken = upload_catalog(manager_client, f"sku,name,price,barcodes\nFIG,Fig,1,{LABEL}\n")
    assert [each["code"] for each in taken.json()["errors"]] == ["barcode_taken"]


def test_without_a_rule_they_are_one_gtin(manager_client, shop, product, problem):
    with tenant_scope(shop):
        BarcodeRuleFactory(tenant=shop, pattern=PATTERN, is_active=False)
    set_barcodes(manager_client, product, LABEL)

    problem(add_pear(manager_client, OTHER), 409, "barcode_taken")

    assert list_keys(shop) == {LABEL: OTHER}


# --- rules that change ----------------------------------------------------------------------------


def test_new_rule_frees_the_other_spelling(till, manager_client, shop, product):
    set_barcodes(manager_client, product, LABEL, "4006381333931")

    assert manager_client.post("barcode-rules/", RULE).status_code == 201

    assert list_keys(shop) == {LABEL: LABEL, "4006381333931": "04006381333931"}
    assert add_pear(manager_client, OTHER).status_code == 201
    assert (skus(till, LABEL), skus(till, OTHER)) == ([product.sku], ["PEAR"])


def test_deactivated_rule_makes_its_codes_gtins_again(
    till, manager_client, rule, shop, product, problem
):
    set_barcodes(manager_client, product, LABEL)
    assert skus(till, OTHER) == []

    switch(manager_client, rule, is_active=False)

    assert list_keys(shop) == {LABEL: OTHER}
    assert (skus(till, LABEL), skus(till, OTHER)) == ([product.sku], [product.sku])
    problem(add_pear(manager_client, OTHER), 409, "barcode_taken")


@pytest.mark.parametrize("change", [{"is_active": False}, {"pattern": "23IIIIIVVVVVC"}])
def test_products_that_a_rule_kept_apart_stay_apart(
    change, till, manager_client, rule, shop, product
):
    """Each is found by a scan of exactly its barcode, whichever of them has the GTIN."""
    set_barcodes(manager_client, product, LABEL)
    add_pear(manager_client, OTHER)

    switch(manager_client, rule, **change)

    assert list_keys(shop) == {LABEL: LABEL, OTHER: OTHER}
    assert (skus(till, LABEL), skus(till, OTHER)) == ([product.sku], ["PEAR"])
    manager_client.patch(f"products/{product.pk}/", {"name": "Other"}, If_Match="*")
    assert (skus(till, LABEL), skus(till, OTHER)) == ([product.sku], ["PEAR"])


def test_command_sets_the_keys_of_rules_from_before(till, rule, manager_client, shop, product):
    with tenant_scope(shop):
        BarcodeFactory(product=product, code=LABEL, key=OTHER)
    assert (skus(till, LABEL), skus(till, OTHER)) == ([product.sku], [])

    call_command("fill_barcode_keys")

    assert list_keys(shop) == {LABEL: LABEL}
    assert add_pear(manager_client, OTHER).status_code == 201


def test_rules_of_another_shop_change_nothing(manager_client, shop, product, foreign, problem):
    with tenant_scope(foreign.tenant):
        BarcodeRuleFactory(tenant=foreign.tenant, pattern=PATTERN)
        other = ProductFactory(tenant=foreign.tenant, sku="THEIRS")
        BarcodeFactory(product=other, code=LABEL)
    set_barcodes(manager_client, product, LABEL)

    problem(add_pear(manager_client, OTHER), 409, "barcode_taken")


def test_barcodes_are_read_in_parts(manager_client, shop, product, monkeypatch):
    monkeypatch.setattr("orders.services.catalog.barcode_keys.CHUNK", 2)
    codes = [add_check_digit(f"4006381339{number:02}") for number in range(5)]
    set_barcodes(manager_client, product, *codes)
    assert list_keys(shop) == {code: f"0{code}" for code in codes}

    made = manager_client.post("barcode-rules/", {"pattern": "4IIIIIIVVVVVC", "kind": "price"})

    assert made.status_code == 201, made.content
    assert list_keys(shop) == {code: code for code in codes}
    path = f"barcode-rules/{made.json()['id']}/"
    assert manager_client.patch(path, {"is_active": False}, If_Match="*").status_code == 200
    assert list_keys(shop) == {code: f"0{code}" for code in codes}
