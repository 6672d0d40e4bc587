"""Catalog import: new products are created and changed ones are updated."""

from decimal import Decimal

import pytest
from django.test.client import BOUNDARY

from orders.models import Barcode, Category, Product
from tenants.models import AuditEvent
from tenants.scope import tenant_scope
from tests.architecture.test_schema import ensure_documented
from tests.factories.orders import BarcodeFactory, CategoryFactory, ProductFactory, TaxClassFactory
from tests.support.catalog_files import (
    PATH,
    build_upload_form,
    import_catalog,
    snapshot_catalog,
    upload_catalog,
)

FULL = (
    "sku,name,price,barcodes,category,tax_class,sold_by,open_price,track_stock,is_active,plu,"
    "weight_unit,deposit,returnable\r\n"
    "P-1,Pear,1.20,42|43,Fruit,Reduced,weight,true,false,false,0042,lb,,false\r\n"
)


@pytest.fixture
def reduced(shop):
    return TaxClassFactory(tenant=shop, name="Reduced")


def load_product(shop, sku):
    with tenant_scope(shop):
        found = Product.objects.select_related("category", "tax_class").get(sku=sku)
        found.codes = list(found.barcodes.values_list("code", flat=True))
        return found


def catalog_snapshot(shop):
    with tenant_scope(shop):
        return snapshot_catalog()


def test_import_creates_a_product_with_every_column(manager_client, shop, reduced):
    assert import_catalog(manager_client, FULL) == (1, 0, 0)

    pear = load_product(shop, "P-1")
    assert (pear.name, pear.price, pear.codes) == ("Pear", Decimal("1.20"), ["42", "43"])
    assert (pear.category.name, pear.tax_class) == ("Fruit", reduced)
    assert (pear.sold_by, pear.open_price, pear.track_stock) == ("weight", True, False)
    assert (pear.is_active, pear.version) == (False, 1)
    assert (pear.plu, pear.weight_unit) == ("42", "lb")


def test_import_without_optional_columns_uses_defaults(manager_client, shop):
    assert import_catalog(manager_client, "name,price,sku\nPear,1,P-1\n") == (1, 0, 0)

    pear = load_product(shop, "P-1")
    assert (pear.price, pear.codes, pear.category, pear.tax_class) == (Decimal(1), [], None, None)
    assert (pear.sold_by, pear.open_price, pear.track_stock) == ("unit", False, False)
    assert pear.is_active


def test_imported_product_can_be_found_and_sold(manager_client, till):
    import_catalog(manager_client, "sku,name,price,barcodes,track_stock\nP-1,Crème,1.20,42,no\n")

    assert [
        each["sku"]
        for each in manager_client.get("products/", {"search": "creme"}).json()["results"]
    ]
    sold = till.post("orders/", till.order({"barcode": "42", "quantity": "2"})).json()
    assert sold["total"] == "2.40"


def test_import_leaves_fields_of_missing_columns_unchanged(
    manager_client, shop, apple_with_all_fields
):
    before = load_product(shop, "APPLE")

    assert import_catalog(manager_client, "sku,price\nAPPLE,9.99\n") == (0, 1, 0)

    after = load_product(shop, "APPLE")
    assert (after.price, after.version) == (Decimal("9.99"), before.version + 1)
    assert after.updated_at > before.updated_at
    assert after.created_at == before.created_at
    for name in ("name", "codes", "category", "tax_class", "sold_by", "open_price", "track_stock"):
        assert getattr(after, name) == getattr(before, name), name


@pytest.fixture
def apple_with_all_fields(shop, reduced):
    apple = ProductFactory(
        tenant=shop, sku="APPLE", name="Apple", sold_by="weight", track_stock=False, open_price=True
    )
    BarcodeFactory(product=apple, code="42")
    BarcodeFactory(product=apple, code="43")
    return apple


def test_empty_cell_clears_optional_fields_and_keeps_the_others(
    manager_client, shop, apple_with_all_fields
):
    header = "sku,barcodes,category,tax_class,sold_by,open_price,track_stock,is_active"

    assert import_catalog(manager_client, f"{header}\nAPPLE,,,,,,,\n") == (0, 1, 0)

    apple = load_product(shop, "APPLE")
    assert (apple.codes, apple.category, apple.tax_class) == ([], None, None)
    assert (apple.sold_by, apple.open_price, apple.track_stock) == ("weight", True, False)


def test_import_of_the_same_file_again_changes_nothing(manager_client, shop, reduced):
    import_catalog(manager_client, FULL)
    before = catalog_snapshot(shop)

    assert import_catalog(manager_client, FULL) == (0, 0, 1)

    assert catalog_snapshot(shop) == before


def test_import_writes_only_changed_products(manager_client, shop):
    import_catalog(manager_client, "sku,name,price\nA,Apple,1\nB,Bread,2\nC,Cake,3\n")
    before = {sku: load_product(shop, sku) for sku in "ABC"}

    assert import_catalog(
        manager_client, "sku,name,price\nB,Bread,2.50\nA,Apple,1.00\nD,Date,4\n"
    ) == (1, 1, 1)

    for sku in "AC":
        assert load_product(shop, sku).updated_at == before[sku].updated_at
        assert load_product(shop, sku).version == before[sku].version
    assert load_product(shop, "B").version == before["B"].version + 1


def test_search_finds_a_product_by_its_imported_name(manager_client, shop):
    import_catalog(manager_client, "sku,name,price\nA,Apple,1\n")
    import_catalog(manager_client, "sku,name\nA,Banana\n")

    found = manager_client.get("products/", {"search": "banana"}).json()["results"]

    assert [each["sku"] for each in found] == ["A"]


# --- categories, tax classes, barcodes -----------------------------------------------------------


def test_import_creates_a_missing_category_once(manager_client, shop):
    fruit = CategoryFactory(tenant=shop, name="Fruit")

    import_catalog(
        manager_client,
        "sku,name,price,category\nA,Apple,1,Fruit\nB,Bread,2,Bakery\nC,Cake,3,Bakery\n",
    )

    assert load_product(shop, "A").category == fruit
    assert load_product(shop, "B").category == load_product(shop, "C").category
    with tenant_scope(shop):
        assert set(Category.objects.values_list("name", flat=True)) == {"Fruit", "Bakery"}


def test_import_ignores_codes_and_categories_of_another_shop(manager_client, shop, foreign):
    """Codes of another shop are not taken here, and its categories are not used."""
    theirs = foreign.product
    row = f"{theirs.sku},{theirs.name},1,{foreign.barcode.code},{foreign.category.name}"

    assert import_catalog(manager_client, f"sku,name,price,barcodes,category\n{row}\n") == (1, 0, 0)

    ours = load_product(shop, theirs.sku)
    assert ours.codes == [foreign.barcode.code]
    assert (ours.category.name, ours.category.tenant) == (foreign.category.name, shop)
    assert ours.category != foreign.category


def test_import_replaces_all_barcodes_of_a_product(manager_client, shop, apple_with_all_fields):
    assert import_catalog(manager_client, "sku,barcodes\nAPPLE,43;44\n") == (0, 1, 0)

    assert load_product(shop, "APPLE").codes == ["43", "44"]


def test_import_ignores_order_and_repetition_of_barcodes(
    manager_client, shop, apple_with_all_fields
):
    assert import_catalog(manager_client, "sku,barcodes\nAPPLE,43| 42 |43|\n") == (0, 0, 1)


@pytest.mark.parametrize("rows", ["A,1|2\nB,3\n", "B,3\nA,1|2\n"])
def test_import_moves_barcode_between_products_in_any_row_order(manager_client, shop, rows):
    import_catalog(manager_client, "sku,name,price,barcodes\nA,Apple,1,1\nB,Bread,1,2|3\n")

    assert import_catalog(manager_client, f"sku,barcodes\n{rows}") == (0, 2, 0)

    assert (load_product(shop, "A").codes, load_product(shop, "B").codes) == (["1", "2"], ["3"])
    assert (load_product(shop, "A").version, load_product(shop, "B").version) == (2, 2)


def test_import_swaps_barcodes_of_two_products(manager_client, shop):
    import_catalog(manager_client, "sku,name,price,barcodes\nA,Apple,1,1\nB,Bread,1,2\n")

    assert import_catalog(manager_client, "sku,barcodes\nA,2\nB,1\n") == (0, 2, 0)

    assert (load_product(shop, "A").codes, load_product(shop, "B").codes) == (["2"], ["1"])


def test_escaped_separators_are_part_of_a_barcode(manager_client, shop):
    import_catalog(manager_client, "sku,name,price,barcodes\nA,Apple,1,a\\|b|c\\;d;e\\f;g\\\\\n")

    assert load_product(shop, "A").codes == ["a|b", "c;d", "e\\f", "g\\"]


# --- file formats --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        "sku,name,price\nA,Käse,1.50\n",
        "sku;name;price\nA;Käse;1.50\n",
        "\ufeffsku,name,price\r\nA,Käse,1.50\r\n",
        "\ufeffsku;name;price\r\nA;Käse;1.50",
        'SKU, Name ,"price"\n"A","Käse","1.50"\n',
        "price,sku,name\n1.50,A,Käse\n",
        "sku,name,price\n\n  A , Käse , 1.50 \n,,\n\n",
        "sku,name,price\nA,Ka\u0308se,1.5\n",
        "sku,name,price\n\uff21,Käse,1.50\n",
        "sku,name,price\rA,Käse,1.50\r",
    ],
)
def test_import_accepts_common_csv_formats(manager_client, shop, text):
    assert import_catalog(manager_client, text) == (1, 0, 0)

    assert (load_product(shop, "A").name, load_product(shop, "A").price) == (
        "Käse",
        Decimal("1.50"),
    )


def test_quoted_cells_may_contain_separators_and_quotes(manager_client, shop):
    import_catalog(manager_client, 'sku,name,price\nA,"Cheese, ""old"";",1\n')

    assert load_product(shop, "A").name == 'Cheese, "old";'


@pytest.mark.parametrize("truth", ["true", "TRUE", "True", "1", "yes"])
def test_import_accepts_booleans_as_spreadsheets_write_them(manager_client, shop, truth):
    import_catalog(
        manager_client, f"sku,name,price,open_price,track_stock\nA,Apple,1,{truth},FALSE\n"
    )

    assert (load_product(shop, "A").open_price, load_product(shop, "A").track_stock) == (
        True,
        False,
    )


def test_import_accepts_csv_as_request_body(manager_client, shop):
    response = manager_client.send(
        "POST", "products/import/", b"sku,name,price\nA,Apple,1\n", "text/csv"
    )

    assert response.status_code == 200
    assert load_product(shop, "A").name == "Apple"


def test_import_accepts_the_decimals_of_the_currency(manager_client, shop, configure_shop):
    configure_shop("KWD", country="KW")

    import_catalog(manager_client, "sku,name,price\nA,Apple,1.125\n")

    assert load_product(shop, "A").price == Decimal("1.125")


# --- dry run, audit and idempotency --------------------------------------------------------------


@pytest.mark.parametrize("query", ["?dry_run=1", "?dry_run=true"])
def test_dry_run_reports_the_counts_and_writes_nothing(
    manager_client, shop, apple_with_all_fields, query
):
    text = "sku,name,price,barcodes,category\nAPPLE,Apple,9,44,New\nB,Bread,2,42,Other\n"
    before = catalog_snapshot(shop)

    assert import_catalog(manager_client, text, query) == (1, 1, 0)

    assert catalog_snapshot(shop) == before
    with tenant_scope(shop):
        assert not AuditEvent.objects.filter(event="products_imported").exists()
    assert import_catalog(manager_client, text, "?dry_run=0") == (1, 1, 0)


def test_import_is_audited(manager_client, shop, manager):
    import_catalog(manager_client, "sku,name,price\nA,Apple,1\n")

    with tenant_scope(shop):
        event = AuditEvent.objects.get(event="products_imported")
    assert event.actor == manager.pk
    assert event.facts == {
        "created": 1,
        "updated": 0,
        "unchanged": 0,
        "format": "till",
        "stock_set": 0,
    }


def test_import_with_idempotency_key_runs_once(manager_client, shop, problem):
    text = "sku,name,price\nA,Apple,1\n"
    first = upload_catalog(manager_client, text, Idempotency_Key="monday")
    import_catalog(manager_client, "sku,price\nA,2\n")

    again = upload_catalog(manager_client, text, Idempotency_Key="monday")

    assert (again.status_code, again.content) == (200, first.content)
    assert again["Idempotent-Replayed"] == "true"
    assert load_product(shop, "A").price == Decimal(2)
    other = upload_catalog(manager_client, "sku,price\nA,3\n", Idempotency_Key="monday")
    problem(other, 422, "idempotency_key_reused")
    assert load_product(shop, "A").price == Decimal(2)


def test_retry_of_an_import_compares_the_file_and_not_the_form_around_it(manager_client, shop):
    """Clients choose another boundary for each request."""
    body = build_upload_form(b"sku,name,price\nA,Apple,1\n")
    first, again = (
        manager_client.send(
            "POST",
            PATH,
            body.replace(BOUNDARY.encode(), boundary.encode()),
            f"multipart/form-data; boundary={boundary}",
            Idempotency_Key="monday",
        )
        for boundary in ("first", "second")
    )

    assert (again.status_code, again.content) == (200, first.content)
    assert again["Idempotent-Replayed"] == "true"


def test_import_of_more_rows_than_one_statement_holds(manager_client, shop):
    """The second import changes every other product."""
    lines = [f"S-{number},Thing {number},1.00,{number}" for number in range(1_203)]
    header = "sku,name,price,barcodes"
    assert import_catalog(manager_client, "\n".join([header, *lines])) == (1_203, 0, 0)

    changed = [line.replace("1.00", "2.00") if n % 2 else line for n, line in enumerate(lines)]

    assert import_catalog(manager_client, "\n".join([header, *changed])) == (0, 601, 602)
    with tenant_scope(shop):
        assert Product.objects.filter(price=2, version=2).count() == 601
        assert Product.objects.filter(price=1, version=1).count() == 602
        assert Barcode.objects.count() == 1_203


def test_import_response_matches_the_api_schema(manager_client, shop):
    response = upload_catalog(manager_client, "sku,name,price\nA,Apple,1\n")

    ensure_documented(response, "post", "product-import")
