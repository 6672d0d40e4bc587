"""Barcodes are compared by their key: every spelling of a GTIN means the same product."""

import io

import pytest
from django.core.management import call_command
from django.db import IntegrityError, transaction

from orders.models import Barcode, Product
from tenants.scope import tenant_scope
from tests.factories.orders import BarcodeFactory, ProductFactory
from tests.support.catalog_files import upload_catalog

pytestmark = pytest.mark.django_db

UPC_E, UPC_A = "04252614", "042100005264"
SPELLINGS = [UPC_E, UPC_A, f"0{UPC_A}", f"00{UPC_A}"]
OTHERS = ["042100005263", "04252615", "10042100005261", "42100005264"]
PEAR = {"sku": "PEAR", "name": "Pear", "price": "1.00"}


def list_codes(shop, product):
    with tenant_scope(shop):
        return list(product.barcodes.values_list("code", flat=True))


def skus(response):
    return [each["sku"] for each in response.json()["results"]]


@pytest.fixture(params=SPELLINGS)
def entered(request, shop, product):
    """The spelling with which the product's barcode was entered."""
    with tenant_scope(shop):
        BarcodeFactory(product=product, code=request.param)
    return request.param


@pytest.mark.parametrize("name", ["barcode", "search"])
def test_every_spelling_finds_the_product_and_shows_what_was_entered(till, entered, product, name):
    for scanned in SPELLINGS:
        (found,) = till.get("products/", {name: scanned}).json()["results"]
        assert (found["sku"], found["barcodes"]) == (product.sku, [entered])
    for other in OTHERS:
        assert skus(till.get("products/", {"barcode": other})) == []


@pytest.mark.parametrize("scanned", SPELLINGS)
def test_every_spelling_sells_the_product(till, entered, product, scanned):
    sold = till.post("orders/", till.order({"barcode": scanned, "quantity": "1"}))

    assert sold.status_code == 201
    assert sold.json()["lines"][0]["sku"] == product.sku


def test_wrong_check_digit_sells_nothing(till, entered, problem):
    refused = till.post("orders/", till.order({"barcode": OTHERS[0], "quantity": "1"}))

    problem(refused, 400, "invalid", {"lines[0].barcode": "does_not_exist"})


@pytest.mark.parametrize("given", SPELLINGS)
def test_other_spelling_for_another_product_is_refused(
    manager_client, shop, entered, given, problem
):
    taken = problem(
        manager_client.post("products/", PEAR | {"barcodes": [given]}), 409, "barcode_taken"
    )

    assert taken["barcode"] == entered
    with tenant_scope(shop):
        assert (Product.objects.count(), Barcode.objects.count()) == (1, 1)


def test_database_refuses_a_second_spelling(shop, entered):
    with tenant_scope(shop):
        other = ProductFactory(tenant=shop, sku="PEAR")
        with pytest.raises(IntegrityError), transaction.atomic():
            BarcodeFactory(product=other, code=next(each for each in SPELLINGS if each != entered))


def test_another_shop_has_the_same_number(shop, entered, foreign):
    with tenant_scope(foreign.tenant):
        BarcodeFactory(product=foreign.product, code=UPC_A)

    assert list_codes(foreign.tenant, foreign.product)


def test_update_changes_the_spelling_and_drops_repeated_ones(
    manager_client, shop, entered, product
):
    path = f"products/{product.pk}/"
    for first in SPELLINGS:
        rest = [each for each in SPELLINGS if each != first]
        changed = manager_client.patch(path, {"barcodes": [first, *rest]}, If_Match="*")
        assert changed.json()["barcodes"] == [first]

    assert list_codes(shop, product) == [SPELLINGS[-1]]


@pytest.mark.parametrize("given", SPELLINGS)
def test_import_compares_by_key(manager_client, shop, entered, given, product):
    rows = f"sku,name,price,barcodes\n{product.sku},{product.name},0.50,{given}\n"
    assert upload_catalog(manager_client, rows).status_code == 200
    assert list_codes(shop, product) == [given]

    other = upload_catalog(manager_client, f"sku,name,price,barcodes\nPEAR,Pear,1,{entered}\n")
    assert other.status_code == 400
    assert other.json()["errors"][0]["code"] == "barcode_taken"

    twice = upload_catalog(
        manager_client, f"sku,name,price,barcodes\nA,A,1,{UPC_A}\nB,B,1,{UPC_E}\n"
    )
    assert twice.json()["errors"][0]["code"] == "duplicate"
    assert list_codes(shop, product) == [given]


# --- barcodes that are older than their keys ----------------------------------------------------


def save_without_keys(*barcodes):
    """Save these products with these codes, as a version without keys did."""
    for product, code in barcodes:
        pk = BarcodeFactory(product=product, code=f"any {code}").pk
        Barcode.objects.filter(pk=pk).update(code=code, key=None)


def fill_keys():
    output = io.StringIO()
    call_command("fill_barcode_keys", stdout=output)
    return output.getvalue().splitlines()


@pytest.fixture
def upgraded(shop, product):
    """Products with the same GTIN, entered in this order before keys were introduced."""
    with tenant_scope(shop):
        pear, plum = (ProductFactory(tenant=shop, sku=sku) for sku in ("PEAR", "PLUM"))
        save_without_keys((product, UPC_A), (pear, f"00{UPC_A}"), (plum, UPC_E), (plum, "4011"))
    return [product, pear, plum], fill_keys()


def test_upgrade_keeps_the_oldest_and_lists_the_others(till, shop, upgraded):
    (apple, pear, plum), listed = upgraded

    for scanned in SPELLINGS:
        assert skus(till.get("products/", {"barcode": scanned})) == [apple.sku]
    assert skus(till.get("products/", {"barcode": "4011"})) == [plum.sku]
    assert [list_codes(shop, each) for each in (pear, plum)] == [[f"00{UPC_A}"], [UPC_E, "4011"]]
    assert [f"barcode 00{UPC_A} of product PEAR" in listed[0], len(listed)] == [True, 2]
    assert f"barcode {UPC_E} of product PLUM" in listed[1]


def test_duplicate_is_found_once_the_oldest_is_removed(manager_client, upgraded, problem):
    (apple, pear, _), _ = upgraded
    repeat = {"barcodes": [f"00{UPC_A}"]}
    path = f"products/{pear.pk}/"
    problem(manager_client.patch(path, repeat, If_Match="*"), 409, "barcode_taken")

    manager_client.patch(f"products/{apple.pk}/", {"barcodes": []}, If_Match="*")
    manager_client.patch(path, repeat, If_Match="*")

    assert skus(manager_client.get("products/", {"barcode": UPC_E})) == [pear.sku]


def test_import_gives_a_duplicate_its_key(manager_client, upgraded):
    (apple, pear, _), _ = upgraded
    rows = f"sku,name,price,barcodes\n{apple.sku},A,1,\n{pear.sku},P,1,00{UPC_A}\n"

    assert upload_catalog(manager_client, rows).status_code == 200

    assert skus(manager_client.get("products/", {"barcode": UPC_E})) == [pear.sku]


def test_barcodes_saved_before_the_restart_get_their_keys_later(till, shop, upgraded, foreign):
    """Workers of the former version save them between `migrate` and their restart."""
    (apple, pear, _), _ = upgraded
    with tenant_scope(shop):
        save_without_keys((pear, "4006381333931"), (apple, "042100005264 "), (pear, "4012"))
        before = set(Barcode.objects.exclude(key=None).values_list("pk", "key"))
    with tenant_scope(foreign.tenant):
        save_without_keys((foreign.product, UPC_A))
    assert skus(till.get("products/", {"barcode": "4006381333931"})) == []

    listed = fill_keys()

    assert skus(till.get("products/", {"barcode": "04006381333931"})) == [pear.sku]
    assert skus(till.get("products/", {"barcode": UPC_E})) == [apple.sku]
    assert len(listed) == 1
    with tenant_scope(shop):
        assert before < set(Barcode.objects.values_list("pk", "key"))
    with tenant_scope(foreign.tenant):
        assert Barcode.objects.get(code=UPC_A).key == f"00{UPC_A}"
    assert fill_keys() == []


def test_saving_a_product_gives_a_missing_key(manager_client, shop, product):
    with tenant_scope(shop):
        save_without_keys((product, UPC_A))

    changed = {"barcodes": [UPC_A]}
    manager_client.patch(f"products/{product.pk}/", changed, If_Match="*")

    assert skus(manager_client.get("products/", {"barcode": UPC_E})) == [product.sku]
