"""A catalog file comes in: what is new is listed, what is different is changed."""

from decimal import Decimal

import pytest

from orders.models import Barcode, Category, Product
from tenants.models import AuditEvent
from tenants.scope import tenant_scope
from tests.architecture.test_schema import ensure_documented
from tests.factories.orders import BarcodeFactory, CategoryFactory, ProductFactory, TaxClassFactory
from tests.support.catalog_files import import_catalog, snapshot_catalog, upload_catalog

FULL = (
    "sku,name,price,barcodes,category,tax_class,sold_by,open_price,track_stock,is_active\r\n"
    "P-1,Pear,1.20,42|43,Fruit,Reduced,weight,true,false,false\r\n"
)


@pytest.fixture
def reduced(shop):
    return TaxClassFactory(tenant=shop, name="Reduced")


def product(shop, sku):
    with tenant_scope(shop):
        found = Product.objects.select_related("category", "tax_class").get(sku=sku)
        found.codes = list(found.barcodes.values_list("code", flat=True))
        return found


def state(shop):
    with tenant_scope(shop):
        return snapshot_catalog()


def test_a_new_product_has_what_its_row_says(manager_client, shop, reduced):
    assert import_catalog(manager_client, FULL) == (1, 0, 0)

    pear = product(shop, "P-1")
    assert (pear.name, pear.price, pear.codes) == ("Pear", Decimal("1.20"), ["42", "43"])
    assert (pear.category.name, pear.tax_class) == ("Fruit", reduced)
    assert (pear.sold_by, pear.open_price, pear.track_stock) == ("weight", True, False)
    assert (pear.is_active, pear.version) == (False, 1)


def test_what_a_new_product_does_not_say_is_as_usual(manager_client, shop):
    assert import_catalog(manager_client, "name,price,sku\nPear,1,P-1\n") == (1, 0, 0)

    pear = product(shop, "P-1")
    assert (pear.price, pear.codes, pear.category, pear.tax_class) == (Decimal(1), [], None, None)
    assert (pear.sold_by, pear.open_price, pear.track_stock) == ("unit", False, True)
    assert pear.is_active


def test_a_new_product_is_found_and_sold_like_any_other(manager_client, till):
    import_catalog(manager_client, "sku,name,price,barcodes,track_stock\nP-1,Crème,1.20,42,no\n")

    assert [
        each["sku"]
        for each in manager_client.get("products/", {"search": "creme"}).json()["results"]
    ]
    sold = till.post("orders/", till.order({"barcode": "42", "quantity": "2"})).json()
    assert sold["total"] == "2.40"


def test_columns_that_are_missing_leave_a_product_as_it_is(manager_client, shop, product_with_all):
    before = product(shop, "APPLE")

    assert import_catalog(manager_client, "sku,price\nAPPLE,9.99\n") == (0, 1, 0)

    after = product(shop, "APPLE")
    assert (after.price, after.version) == (Decimal("9.99"), before.version + 1)
    assert after.updated_at > before.updated_at
    assert after.created_at == before.created_at
    for name in ("name", "codes", "category", "tax_class", "sold_by", "open_price", "track_stock"):
        assert getattr(after, name) == getattr(before, name), name


@pytest.fixture
def product_with_all(shop, reduced):
    apple = ProductFactory(
        tenant=shop, sku="APPLE", name="Apple", sold_by="weight", track_stock=False, open_price=True
    )
    BarcodeFactory(product=apple, code="42")
    BarcodeFactory(product=apple, code="43")
    return apple


def test_empty_cells_take_away_what_may_be_missing_and_leave_the_rest(
    manager_client, shop, product_with_all
):
    header = "sku,barcodes,category,tax_class,sold_by,open_price,track_stock,is_active"

    assert import_catalog(manager_client, f"{header}\nAPPLE,,,,,,,\n") == (0, 1, 0)

    apple = product(shop, "APPLE")
    assert (apple.codes, apple.category, apple.tax_class) == ([], None, None)
    assert (apple.sold_by, apple.open_price, apple.track_stock) == ("weight", True, False)


def test_the_same_file_again_changes_nothing_at_all(manager_client, shop, reduced):
    import_catalog(manager_client, FULL)
    before = state(shop)

    assert import_catalog(manager_client, FULL) == (0, 0, 1)

    assert state(shop) == before


def test_only_what_is_different_is_touched(manager_client, shop):
    import_catalog(manager_client, "sku,name,price\nA,Apple,1\nB,Bread,2\nC,Cake,3\n")
    before = {sku: product(shop, sku) for sku in "ABC"}

    assert import_catalog(
        manager_client, "sku,name,price\nB,Bread,2.50\nA,Apple,1.00\nD,Date,4\n"
    ) == (1, 1, 1)

    for sku in "AC":
        assert product(shop, sku).updated_at == before[sku].updated_at
        assert product(shop, sku).version == before[sku].version
    assert product(shop, "B").version == before["B"].version + 1


def test_a_new_name_is_found(manager_client, shop):
    import_catalog(manager_client, "sku,name,price\nA,Apple,1\n")
    import_catalog(manager_client, "sku,name\nA,Banana\n")

    found = manager_client.get("products/", {"search": "banana"}).json()["results"]

    assert [each["sku"] for each in found] == ["A"]


# --- shelves, taxes, barcodes -----------------------------------------------------------------


def test_a_shelf_is_made_once_and_then_found(manager_client, shop):
    fruit = CategoryFactory(tenant=shop, name="Fruit")

    import_catalog(
        manager_client,
        "sku,name,price,category\nA,Apple,1,Fruit\nB,Bread,2,Bakery\nC,Cake,3,Bakery\n",
    )

    assert product(shop, "A").category == fruit
    assert product(shop, "B").category == product(shop, "C").category
    with tenant_scope(shop):
        assert set(Category.objects.values_list("name", flat=True)) == {"Fruit", "Bakery"}


def test_names_of_another_shop_never_matter(manager_client, shop, foreign):
    """Its shelves are not found, its SKUs and barcodes are not taken."""
    theirs = foreign.product
    row = f"{theirs.sku},{theirs.name},1,{foreign.barcode.code},{foreign.category.name}"

    assert import_catalog(manager_client, f"sku,name,price,barcodes,category\n{row}\n") == (1, 0, 0)

    ours = product(shop, theirs.sku)
    assert ours.codes == [foreign.barcode.code]
    assert (ours.category.name, ours.category.tenant) == (foreign.category.name, shop)
    assert ours.category != foreign.category


def test_the_barcodes_of_a_row_are_all_that_a_product_has(manager_client, shop, product_with_all):
    assert import_catalog(manager_client, "sku,barcodes\nAPPLE,43;44\n") == (0, 1, 0)

    assert product(shop, "APPLE").codes == ["43", "44"]


def test_the_order_of_barcodes_and_giving_one_twice_mean_nothing(
    manager_client, shop, product_with_all
):
    assert import_catalog(manager_client, "sku,barcodes\nAPPLE,43| 42 |43|\n") == (0, 0, 1)


@pytest.mark.parametrize("rows", ["A,1|2\nB,3\n", "B,3\nA,1|2\n"])
def test_barcodes_change_hands_inside_a_file_in_any_order(manager_client, shop, rows):
    import_catalog(manager_client, "sku,name,price,barcodes\nA,Apple,1,1\nB,Bread,1,2|3\n")

    assert import_catalog(manager_client, f"sku,barcodes\n{rows}") == (0, 2, 0)

    assert (product(shop, "A").codes, product(shop, "B").codes) == (["1", "2"], ["3"])
    assert (product(shop, "A").version, product(shop, "B").version) == (2, 2)


def test_two_products_swap_their_barcodes(manager_client, shop):
    import_catalog(manager_client, "sku,name,price,barcodes\nA,Apple,1,1\nB,Bread,1,2\n")

    assert import_catalog(manager_client, "sku,barcodes\nA,2\nB,1\n") == (0, 2, 0)

    assert (product(shop, "A").codes, product(shop, "B").codes) == (["2"], ["1"])


def test_signs_that_separate_barcodes_can_be_part_of_one(manager_client, shop):
    import_catalog(manager_client, "sku,name,price,barcodes\nA,Apple,1,a\\|b|c\\;d;e\\f;g\\\\\n")

    assert product(shop, "A").codes == ["a|b", "c;d", "e\\f", "g\\"]


# --- how a file may be written ----------------------------------------------------------------


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
def test_a_file_may_be_written_in_several_ways(manager_client, shop, text):
    assert import_catalog(manager_client, text) == (1, 0, 0)

    assert (product(shop, "A").name, product(shop, "A").price) == ("Käse", Decimal("1.50"))


def test_cells_may_have_separators_and_quotes_in_them(manager_client, shop):
    import_catalog(manager_client, 'sku,name,price\nA,"Cheese, ""old"";",1\n')

    assert product(shop, "A").name == 'Cheese, "old";'


@pytest.mark.parametrize("truth", ["true", "TRUE", "True", "1", "yes"])
def test_truths_may_be_written_as_spreadsheets_do(manager_client, shop, truth):
    import_catalog(
        manager_client, f"sku,name,price,open_price,track_stock\nA,Apple,1,{truth},FALSE\n"
    )

    assert (product(shop, "A").open_price, product(shop, "A").track_stock) == (True, False)


def test_a_file_may_be_the_body_itself(manager_client, shop):
    response = manager_client.send(
        "POST", "products/import/", b"sku,name,price\nA,Apple,1\n", "text/csv"
    )

    assert response.status_code == 200
    assert product(shop, "A").name == "Apple"


def test_amounts_have_the_decimals_of_the_currency(manager_client, shop, configure_shop):
    configure_shop("KWD")

    import_catalog(manager_client, "sku,name,price\nA,Apple,1.125\n")

    assert product(shop, "A").price == Decimal("1.125")


# --- trying it out, and being remembered ------------------------------------------------------


@pytest.mark.parametrize("query", ["?dry_run=1", "?dry_run=true"])
def test_a_dry_run_tells_the_same_and_writes_nothing(manager_client, shop, product_with_all, query):
    text = "sku,name,price,barcodes,category\nAPPLE,Apple,9,44,New\nB,Bread,2,42,Other\n"
    before = state(shop)

    assert import_catalog(manager_client, text, query) == (1, 1, 0)

    assert state(shop) == before
    with tenant_scope(shop):
        assert not AuditEvent.objects.filter(event="products_imported").exists()
    assert import_catalog(manager_client, text, "?dry_run=0") == (1, 1, 0)


def test_an_import_is_written_down(manager_client, shop, manager):
    import_catalog(manager_client, "sku,name,price\nA,Apple,1\n")

    with tenant_scope(shop):
        event = AuditEvent.objects.get(event="products_imported")
    assert event.actor == manager.pk
    assert event.facts == {"created": 1, "updated": 0, "unchanged": 0}


def test_an_import_under_a_key_is_done_once(manager_client, shop, problem):
    text = "sku,name,price\nA,Apple,1\n"
    first = upload_catalog(manager_client, text, Idempotency_Key="monday")
    import_catalog(manager_client, "sku,price\nA,2\n")

    again = upload_catalog(manager_client, text, Idempotency_Key="monday")

    assert (again.status_code, again.content) == (200, first.content)
    assert again["Idempotent-Replayed"] == "true"
    assert product(shop, "A").price == Decimal(2)
    other = upload_catalog(manager_client, "sku,price\nA,3\n", Idempotency_Key="monday")
    problem(other, 422, "idempotency_key_reused")
    assert product(shop, "A").price == Decimal(2)


def test_many_rows_are_many_products(manager_client, shop):
    """More than go into one statement, and then the same of the other half."""
    lines = [f"S-{number},Thing {number},1.00,{number}" for number in range(1_203)]
    header = "sku,name,price,barcodes"
    assert import_catalog(manager_client, "\n".join([header, *lines])) == (1_203, 0, 0)

    changed = [line.replace("1.00", "2.00") if n % 2 else line for n, line in enumerate(lines)]

    assert import_catalog(manager_client, "\n".join([header, *changed])) == (0, 601, 602)
    with tenant_scope(shop):
        assert Product.objects.filter(price=2, version=2).count() == 601
        assert Product.objects.filter(price=1, version=1).count() == 602
        assert Barcode.objects.count() == 1_203


def test_an_import_is_answered_as_documented(manager_client, shop):
    response = upload_catalog(manager_client, "sku,name,price\nA,Apple,1\n")

    ensure_documented(response, "post", "product-import")
