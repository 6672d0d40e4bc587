"""The catalog API: products, categories, tax classes and who may write them."""

from decimal import Decimal
from http import HTTPStatus

import pytest

from orders.models import Barcode, Product
from tenants.scope import tenant_scope
from tests.factories.accounts import AuthSessionFactory
from tests.factories.orders import CategoryFactory, ProductFactory, TaxClassFactory
from tests.support.api import Person
from tests.support.idempotency import count
from tests.support.parallel import run_concurrently, statuses

PEAR = {"sku": "PEAR", "name": "Pear", "price": "1.20"}


# --- products ------------------------------------------------------------------------------------


def test_create_product_stores_every_field(manager_client, shop):
    tax_class, category = TaxClassFactory(tenant=shop), CategoryFactory(tenant=shop)
    body = PEAR | {
        "barcodes": ["4006381333931", "0042"],
        "tax_class": str(tax_class.pk),
        "category": str(category.pk),
        "sold_by": "weight",
        "open_price": True,
        "track_stock": False,
        "is_active": False,
    }

    response = manager_client.post("products/", body)

    assert response.status_code == HTTPStatus.CREATED
    shown = response.json()
    assert {name: shown[name] for name in body} == body | {"barcodes": ["0042", "4006381333931"]}
    assert (shown["version"], response["ETag"]) == (1, '"1"')
    assert manager_client.get(f"products/{shown['id']}/").json() == shown


def test_create_product_needs_only_sku_name_and_price(manager_client):
    response = manager_client.post("products/", PEAR)

    assert response.status_code == HTTPStatus.CREATED
    shown = response.json()
    assert shown["barcodes"] == []
    assert (shown["tax_class"], shown["category"], shown["sold_by"]) == (None, None, "unit")
    assert (shown["open_price"], shown["track_stock"], shown["is_active"]) == (False, True, True)


def test_update_product_needs_the_current_version(manager_client, product, problem):
    path = f"products/{product.pk}/"

    problem(manager_client.patch(path, {"price": "9.99"}), 428, "if_match_required")
    stale = problem(
        manager_client.patch(path, {"price": "9.99"}, If_Match='"7"'), 412, "version_conflict"
    )
    assert stale["current"] == 1
    assert manager_client.get(path).json()["price"] == "2.50"

    changed = manager_client.patch(path, {"price": "2.60"}, If_Match='"1"')

    assert changed.status_code == HTTPStatus.OK
    assert (changed.json()["price"], changed["ETag"]) == ("2.60", '"2"')
    problem(manager_client.patch(path, {"price": "2.70"}, If_Match='"1"'), 412, "version_conflict")


@pytest.mark.parametrize("header", ["3", 'W/"1"', '"one"', '"1", "2"', ""])
def test_if_match_that_is_not_one_strong_etag_is_refused(manager_client, product, problem, header):
    response = manager_client.patch(f"products/{product.pk}/", {"price": "9.99"}, If_Match=header)

    problem(response, 400, "invalid", {"If-Match": "invalid"})


def test_update_product_replaces_all_barcodes_or_keeps_them(manager_client, product):
    path = f"products/{product.pk}/"

    manager_client.patch(path, {"barcodes": ["1", "2"]}, If_Match="*")
    assert manager_client.patch(path, {"name": "Apples"}, If_Match="*").json()["barcodes"] == [
        "1",
        "2",
    ]
    assert manager_client.patch(path, {"barcodes": ["2", "3"]}, If_Match="*").json()[
        "barcodes"
    ] == [
        "2",
        "3",
    ]
    assert manager_client.patch(path, {"barcodes": []}, If_Match="*").json()["barcodes"] == []


def test_new_barcode_increments_product_version(manager_client, product):
    response = manager_client.patch(f"products/{product.pk}/", {"barcodes": ["1"]}, If_Match='"1"')

    assert response.json()["version"] == 2


def test_barcode_of_another_product_is_refused(manager_client, product, shop, problem):
    manager_client.patch(f"products/{product.pk}/", {"barcodes": ["42"]}, If_Match="*")

    second = manager_client.post("products/", PEAR | {"barcodes": ["41", "42"]})

    taken = problem(second, 409, "barcode_taken")
    assert taken["barcode"] == "42"
    assert (count(shop, Product), count(shop, Barcode)) == (1, 1)


@pytest.mark.parametrize("sku", ["APPLE", " APPLE ", "\uff21\uff30\uff30\uff2c\uff25"])
def test_sku_equal_after_normalization_is_refused(manager_client, product, shop, problem, sku):
    problem(manager_client.post("products/", PEAR | {"sku": sku}), 409, "sku_taken")

    assert count(shop, Product) == 1


def test_update_to_existing_sku_is_refused(manager_client, product, shop, problem):
    ProductFactory(tenant=shop, sku="PEAR")

    problem(
        manager_client.patch(f"products/{product.pk}/", {"sku": "PEAR"}, If_Match="*"),
        409,
        "sku_taken",
    )
    assert manager_client.get(f"products/{product.pk}/").json()["sku"] == "APPLE"


def test_sku_and_barcode_of_another_shop_can_be_used(manager_client, foreign):
    body = PEAR | {"sku": foreign.product.sku, "barcodes": [foreign.barcode.code]}

    assert manager_client.post("products/", body).status_code == HTTPStatus.CREATED


@pytest.mark.parametrize(
    ("barcodes", "errors"),
    [
        (["  "], {"barcodes[0]": "blank"}),
        ([""], {"barcodes[0]": "blank"}),
        (["1", "\u3000"], {"barcodes[1]": "blank"}),
        # One character that normalizes to eighteen.
        (["1", "\ufdfa" * 10], {"barcodes[1]": "max_length"}),
        (["1"] * 51, {"barcodes": "max_length"}),
        ("42", {"barcodes": "not_a_list"}),
        ([42], {"barcodes[0]": "invalid"}),
    ],
)
def test_invalid_barcode_is_refused_with_its_index(manager_client, shop, problem, barcodes, errors):
    problem(manager_client.post("products/", PEAR | {"barcodes": barcodes}), 400, "invalid", errors)

    assert (count(shop, Product), count(shop, Barcode)) == (0, 0)


def test_repeated_barcode_is_stored_once(manager_client):
    body = PEAR | {"barcodes": ["42", " 42", "\uff14\uff12"]}

    assert manager_client.post("products/", body).json()["barcodes"] == ["42"]


@pytest.mark.parametrize(
    ("change", "errors"),
    [
        ({"sku": "   "}, {"sku": "blank"}),
        ({"sku": "\ufdfa" * 10}, {"sku": "max_length"}),
        ({"price": "-1"}, {"price": "invalid"}),
        ({"price": "1.005"}, {"price": "max_decimal_places"}),
        ({"price": "123456789012"}, {"price": "max_digits"}),
        ({"price": 1.1}, {"price": "invalid"}),
        ({"sold_by": "dozen"}, {"sold_by": "invalid_choice"}),
        ({"is_active": "yes"}, {"is_active": "invalid"}),
        ({"tenant": "x", "version": 7}, {"tenant": "unknown_field", "version": "unknown_field"}),
    ],
)
def test_create_product_with_invalid_field_is_refused(
    manager_client, shop, problem, change, errors
):
    problem(manager_client.post("products/", PEAR | change), 400, "invalid", errors)

    assert count(shop, Product) == 0


def test_category_and_tax_class_of_another_shop_are_refused(manager_client, foreign, problem):
    body = PEAR | {"category": str(foreign.category.pk), "tax_class": str(foreign.tax_class.pk)}

    errors = {"category": "does_not_exist", "tax_class": "does_not_exist"}
    problem(manager_client.post("products/", body), 400, "invalid", errors)


def test_category_and_tax_class_can_be_cleared(manager_client, product):
    body = {"category": None, "tax_class": None}

    changed = manager_client.patch(f"products/{product.pk}/", body, If_Match="*").json()

    assert (changed["category"], changed["tax_class"]) == (None, None)


def test_price_has_the_decimals_of_the_currency(manager_client, configure_shop, problem):
    configure_shop("JPY")
    problem(manager_client.post("products/", PEAR), 400, "invalid", {"price": "max_decimal_places"})
    assert manager_client.post("products/", PEAR | {"price": 120}).json()["price"] == "120"

    configure_shop("KWD")
    assert (
        manager_client.post("products/", PEAR | {"sku": "X", "price": "0.125"}).json()["price"]
        == "0.125"
    )


@pytest.mark.race
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    ("pair", "code"),
    [
        (("A", ["1"], "A", ["2"]), "sku_taken"),
        (("A", ["1"], "B", ["1"]), "barcode_taken"),
    ],
)
def test_concurrent_creates_with_the_same_code_store_one_product(
    manager_client, shop, problem, pair, code
):
    sku, barcodes, other_sku, other_barcodes = pair
    bodies = [
        PEAR | {"sku": sku, "barcodes": barcodes},
        PEAR | {"sku": other_sku, "barcodes": other_barcodes},
    ]

    answers = run_concurrently(
        [lambda body=body: manager_client.post("products/", body) for body in bodies * 4]
    )

    assert statuses(answers) == {201: 1, 409: 7}
    refused = {each.json()["code"] for each in answers if each.status_code == HTTPStatus.CONFLICT}
    assert code in refused
    assert refused <= {"sku_taken", "barcode_taken"}
    assert (count(shop, Product), count(shop, Barcode)) == (1, 1)


# --- categories and tax classes ------------------------------------------------------------------


def test_manager_creates_and_renames_category_and_cashier_cannot(
    manager_client, cashier_client, shop, problem
):
    made = manager_client.post("categories/", {"name": "Fruit"})
    assert made.status_code == HTTPStatus.CREATED
    path = f"categories/{made.json()['id']}/"

    renamed = manager_client.patch(path, {"name": "Fruit and nuts"}, If_Match=made["ETag"])

    assert (renamed.json()["name"], renamed.json()["version"]) == ("Fruit and nuts", 2)
    problem(cashier_client.patch(path, {"name": "Mine"}, If_Match="*"), 403, "permission_denied")
    assert cashier_client.get(path).json() == renamed.json()


def test_duplicate_category_name_is_refused(manager_client, shop, problem):
    CategoryFactory(tenant=shop, name="Fruit")

    response = manager_client.post("categories/", {"name": "Fruit"})

    problem(response, 409, "already_exists", {"name": "unique"})


def test_only_admins_create_tax_classes(manager_client, client_of, admin, problem):
    body = {
        "name": "Dining",
        "rates": [
            {"name": "GST", "percent": "5", "included": False},
            {"name": "QST", "percent": "9.975", "included": False, "compound": True},
        ],
    }
    problem(manager_client.post("tax-classes/", body), 403, "permission_denied")

    made = client_of(admin).post("tax-classes/", body)

    assert made.status_code == HTTPStatus.CREATED
    assert made.json()["rates"] == [
        {"name": "GST", "percent": "5", "included": False, "compound": False},
        {"name": "QST", "percent": "9.975", "included": False, "compound": True},
    ]


@pytest.mark.parametrize("included", [True, False])
def test_tax_rate_without_included_uses_the_shop_default(
    client_of, admin, configure_shop, included
):
    configure_shop(prices_include_tax=included)

    made = client_of(admin).post(
        "tax-classes/", {"name": "Standard", "rates": [{"name": "VAT", "percent": "19"}]}
    )

    assert made.json()["rates"][0]["included"] is included


def test_tax_class_without_rates_is_accepted(client_of, admin):
    made = client_of(admin).post("tax-classes/", {"name": "None", "rates": []})

    assert (made.status_code, made.json()["rates"]) == (201, [])


# --- permissions ---------------------------------------------------------------------------------


def test_cashier_reads_the_catalog_but_cannot_write_it(cashier_client, product, problem):
    assert cashier_client.get("products/").json()["results"][0]["id"] == str(product.pk)

    problem(cashier_client.post("products/", PEAR), 403, "permission_denied")
    change = cashier_client.patch(f"products/{product.pk}/", {"price": "0.01"}, If_Match="*")
    problem(change, 403, "permission_denied")
    with tenant_scope(product.tenant):
        assert Product.objects.get().price == Decimal("2.50")


# --- changes that need a password ----------------------------------------------------------------


@pytest.mark.parametrize(
    "body",
    [
        {"price": "0.01"},
        {"open_price": True},
        {"tax_class": None},
        {"sold_by": "weight"},
        {"weight_unit": "lb"},
        {"name": "Pear", "price": "0.01"},
    ],
    ids=str,
)
def test_pin_session_cannot_change_prices(manager, product, problem, body):
    by_pin = Person(manager, AuthSessionFactory(user=manager, method="pin"))
    before = by_pin.get(f"products/{product.pk}/").json()

    refused = by_pin.patch(f"products/{product.pk}/", body, If_Match="*")
    problem(refused, 403, "password_required")
    new = by_pin.post("products/", {"sku": "NEW", "name": "New", "price": "0.01"})
    problem(new, 403, "password_required")
    file = by_pin.send("POST", "products/import/", "sku,name,price\n", "text/csv")
    problem(file, 403, "password_required")

    assert by_pin.get(f"products/{product.pk}/").json() == before
    assert len(by_pin.get("products/").json()["results"]) == 1


def test_pin_session_can_rename_a_product(manager, product):
    by_pin = Person(manager, AuthSessionFactory(user=manager, method="pin"))

    changed = by_pin.patch(f"products/{product.pk}/", {"name": "Pear"}, If_Match="*")

    assert (changed.status_code, changed.json()["name"]) == (200, "Pear")
