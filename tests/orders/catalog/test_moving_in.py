"""Export files of other systems become products that can be sold at once."""

import json
from decimal import Decimal

import pytest
from django.test.client import MULTIPART_CONTENT

from orders.models import Product, StockLevel, StockMovement
from orders.services.catalog.file_formats import read_category_path
from orders.services.stock.consistency import find_stock_differences
from tenants.models import AuditEvent, OutboxEvent, Store, Tenant
from tenants.scope import tenant_scope
from tests.factories.orders import ProductFactory, StockLevelFactory, TaxClassFactory
from tests.factories.tenants import StoreFactory
from tests.support.catalog_files import (
    PATH,
    build_upload_form,
    snapshot_catalog,
    upload_catalog,
)
from tests.support.move_in_files import (
    FILES,
    SHOPIFY_CURRENT,
    SHOPIFY_CURRENT_HEADER,
    SHOPIFY_INVENTORY_HEADER,
    WOOCOMMERCE,
    WOOCOMMERCE_HEADER,
    build_csv,
    build_export,
)
from tests.support.service_keys import KeyClient, create_key
from tests.support.till import cash_rest
from tests.support.variants import list_parents, list_variants


@pytest.fixture
def vat(shop):
    return TaxClassFactory(tenant=shop, name="Standard rate")


@pytest.fixture
def move_in(manager_client):
    """Import a file with form fields and return the report."""

    def send(content, query="", status=200, **fields):
        content = content.encode() if isinstance(content, str) else content
        body = build_upload_form(content, **fields)
        answer = manager_client.send("POST", PATH + query, body, MULTIPART_CONTENT)
        assert answer.status_code == status, answer.content
        return answer.json()

    return send


@pytest.fixture
def products(shop):
    def load():
        with tenant_scope(shop):
            rows = Product.objects.select_related("category", "tax_class").order_by("created_at")
            return {
                row.sku: {
                    "name": row.name,
                    "price": str(row.price.quantize(Decimal("0.01"))),
                    "category": row.category and row.category.name,
                    "tax": row.tax_class and row.tax_class.name,
                    "barcodes": sorted(row.barcodes.values_list("code", flat=True)),
                    "sold_by": row.sold_by,
                    "track_stock": row.track_stock,
                    "is_active": row.is_active,
                    "open_price": row.open_price,
                    "stock": {str(each.quantity) for each in row.stock_levels.all()},
                }
                for row in rows
            }

    return load


def describe(name, price, **others):
    plain = {"category": None, "tax": "Standard rate", "barcodes": [], "sold_by": "unit"}
    plain |= {"track_stock": True, "is_active": True, "open_price": False, "stock": set()}
    return {"name": name, "price": price} | plain | others


def describe_parent(name, price, **others):
    return describe(name, price, **{"track_stock": False} | others)


EXPECTED = {
    "shopify": {
        "linen-shirt": describe_parent("Linen shirt", "39.90", category="Shirts"),
        "LS-M-RED": describe(
            "Linen shirt, M, Red",
            "39.90",
            category="Shirts",
            barcodes=["4006381333931"],
            stock={"4.000"},
        ),
        "LS-L-RED": describe("Linen shirt, L, Red", "39.90", category="Shirts", stock={"0.000"}),
        "voucher-card": describe(
            "Greeting card", "2.50", tax=None, track_stock=False, is_active=False
        ),
    },
    "shopify (current)": {
        "felt-hat": describe_parent("Felt hat", "29.00", category="Hats"),
        "FH-M": describe(
            "Felt hat, M", "29.00", category="Hats", barcodes=["4006381333931"], stock={"6.000"}
        ),
        "FH-L": describe("Felt hat, L", "29.00", category="Hats", stock={"0.000"}),
        "repair": describe("Repair", "15.00", track_stock=False),
    },
    "square": {
        "FC-L": describe(
            "Filter coffee, Large",
            "3.50",
            category="Hot drinks",
            barcodes=["4006381333931"],
            stock={"12.000"},
        ),
        "T2": describe(
            "Donation", "0.00", tax=None, track_stock=False, is_active=False, open_price=True
        ),
    },
    "loyverse": {
        "10001": describe("Olives", "18.00", category="Deli", sold_by="weight", stock={"3.250"}),
        "basket": describe_parent("Basket", "25.00", category="Gifts"),
        "10002": describe("Basket, Small", "25.00", category="Gifts", track_stock=False),
        "10003": describe(
            "Basket, Large", "45.00", category="Gifts", track_stock=False, is_active=False
        ),
    },
    "woocommerce": {
        "TEE": describe_parent("Tee", "0.00", category="Tees"),
        "TEE-S": describe("Tee - S", "19.95", stock={"7.000"}),
        "4006381333931": describe(
            "Pencil",
            "1.20",
            category="Paper",
            tax=None,
            barcodes=["4006381333931"],
            track_stock=False,
        ),
    },
    "lightspeed": {
        "mug": describe_parent("Mug", "9.50", category="Kitchen"),
        "MUG-BLUE": describe("Mug, Blue", "9.50", category="Kitchen", stock={"5.000"}),
    },
    "lightspeed (items)": {
        "BELL-01": describe(
            "Bicycle bell",
            "19.90",
            category="Accessories",
            barcodes=["4006381333931"],
            stock={"8.000"},
        ),
    },
    "odoo": {
        "Hoodie": describe_parent("Hoodie", "49.00", category="Hoodies, Sweaters"),
        "HD-M": describe(
            "Hoodie, M, Navy, dark",
            "49.00",
            category="Hoodies, Sweaters",
            barcodes=["4006381333931"],
            stock={"6.000"},
        ),
        "HD-L": describe(
            "Hoodie, L, Navy, dark", "51.00", category="Hoodies, Sweaters", stock={"0.000"}
        ),
        "product.gift_wrap": describe("Gift wrap", "3.00", category="All", track_stock=False),
    },
    "opensourcepos": {
        "4006381333931": describe(
            "Notebook", "2.40", category="Paper", barcodes=["4006381333931"], stock={"30.000"}
        ),
    },
}


@pytest.mark.parametrize("name", FILES)
def test_export_of_another_system_is_recognized_and_imported(
    move_in, products, shop, store, vat, name
):
    report = move_in(build_export(name))

    assert report["format"] == name.partition(" ")[0]
    assert products() == EXPECTED[name]
    assert report["created"] == len(EXPECTED[name])
    assert report["stock_set"] == sum(bool(each["stock"]) for each in EXPECTED[name].values())
    assert {each["code"] for each in report["warnings"]} <= {"unknown_column"}
    with tenant_scope(shop):
        assert list(find_stock_differences(shop)) == []


VARIANTS = {
    "shopify": {
        "LS-M-RED": ("linen-shirt", "Linen shirt, M, Red", {"Size": "M", "Color": "Red"}),
        "LS-L-RED": ("linen-shirt", "Linen shirt, L, Red", {"Size": "L", "Color": "Red"}),
    },
    "shopify (current)": {
        "FH-M": ("felt-hat", "Felt hat, M", {"Size": "M"}),
        "FH-L": ("felt-hat", "Felt hat, L", {"Size": "L"}),
    },
    "loyverse": {
        "10002": ("basket", "Basket, Small", {"Size": "Small"}),
        "10003": ("basket", "Basket, Large", {"Size": "Large"}),
    },
    "woocommerce": {"TEE-S": ("TEE", "Tee - S", {"Size": "S"})},
    "odoo": {
        "HD-M": ("Hoodie", "Hoodie, M, Navy, dark", {"Size": "M", "Color": "Navy, dark"}),
        "HD-L": ("Hoodie", "Hoodie, L, Navy, dark", {"Size": "L", "Color": "Navy, dark"}),
    },
    "lightspeed": {"MUG-BLUE": ("mug", "Mug, Blue", {"Color": "Blue"})},
}


@pytest.mark.parametrize("name", FILES)
def test_export_of_another_system_has_variants(move_in, shop, store, vat, name):
    move_in(build_export(name))

    found = list_variants(shop)
    assert found == VARIANTS.get(name, {})
    assert list_parents(shop) == sorted({parent for parent, _, _ in found.values()})


@pytest.mark.parametrize("name", FILES)
def test_second_import_of_the_same_export_changes_nothing(move_in, shop, store, vat, name):
    move_in(build_export(name))
    with tenant_scope(shop):
        before = snapshot_catalog()

    report = move_in(build_export(name))

    assert (report["created"], report["updated"], report["stock_set"]) == (0, 0, 0)
    with tenant_scope(shop):
        assert snapshot_catalog() == before


@pytest.mark.parametrize("name", FILES)
def test_dry_run_expects_what_the_import_does(move_in, shop, store, vat, name):
    expected = move_in(build_export(name), "?dry_run=1")
    with tenant_scope(shop):
        assert not Product.objects.exists()
        assert not StockLevel.objects.exists()

    assert move_in(build_export(name)) == expected


def test_imported_product_of_another_system_is_sold_with_its_tax(move_in, till, vat):
    move_in(build_export("shopify"))

    sold = till.post("orders/", till.order({"barcode": "4006381333931", "quantity": "2"})).json()

    assert sold["total"] == "79.80"
    assert sold["lines"][0]["name"] == "Linen shirt, M, Red"
    assert float(sold["tax_total"]) > 0


@pytest.mark.parametrize("name", FILES)
def test_every_active_product_of_another_system_is_sold_with_its_stock(
    move_in, till, shop, store, vat, name
):
    """Except what the other system has counted as zero, in a shop that sells no such goods."""
    move_in(build_export(name))
    with tenant_scope(shop):
        products = list(Product.objects.filter(is_active=True, has_variants=False))
        before = dict(StockLevel.objects.values_list("product", "quantity"))
    sold = {}
    for product in products:
        quantity = "0.500" if product.sold_by == "weight" else "1"
        line = {"product": str(product.pk), "quantity": quantity}
        answer = till.post("orders/", till.order(line, payments=[cash_rest()]))
        if before.get(product.pk) == 0:
            assert answer.json()["code"] == "insufficient_stock"
        else:
            assert answer.status_code == 201, answer.content
            assert answer.json()["lines"][0]["total"] != "0.00"
            sold[product.pk] = Decimal(quantity)

    assert sold
    with tenant_scope(shop):
        after = dict(StockLevel.objects.values_list("product", "quantity"))
        assert list(find_stock_differences(shop)) == []
    assert after == {pk: held - sold.get(pk, 0) for pk, held in before.items()}


def test_product_without_stock_in_the_file_is_sold_without_tracking(move_in, till, vat):
    move_in("sku,Bezeichnung,Preis\nA,Apfel,1\n", mapping='{"Bezeichnung":"name","Preis":"price"}')

    answer = till.post("orders/", till.order({"sku": "A", "quantity": "1"}))

    assert (answer.status_code, answer.json()["total"]) == (201, "1.00")


# --- stock --------------------------------------------------------------------------------------


def test_opening_stock_is_the_first_count_of_each_product(move_in, shop, store, manager):
    assert move_in("sku,name,price,stock\nA,Apple,1,5\nB,Bread,1,0\nC,Cake,1,\n")["stock_set"] == 2

    with tenant_scope(shop):
        movements = StockMovement.objects.order_by("product__sku")
        facts = movements.values_list("product__sku", "type", "quantity", "counted", "reason", "by")
        assert list(facts) == [
            ("A", "count", 5, 5, "Opening stock", manager.pk),
            ("B", "count", 0, 0, "Opening stock", manager.pk),
        ]
        events = OutboxEvent.objects.filter(topic="stock_level.updated")
        assert {each.store for each in events} == {store.pk}
        assert events.count() == 2
        event = AuditEvent.objects.get(event="products_imported")
        assert event.facts["stock_set"] == 2
        assert list(find_stock_differences(shop)) == []


def test_existing_stock_level_stays(move_in, shop, store):
    apple = ProductFactory(tenant=shop, sku="A")
    StockLevelFactory(product=apple, store=store, quantity=7)

    report = move_in("sku,stock\nA,5\n")

    assert (report["unchanged"], report["stock_set"]) == (1, 0)
    with tenant_scope(shop):
        assert StockLevel.objects.get().quantity == 7
        assert not StockMovement.objects.filter(reason="Opening stock").exists()


def test_stock_by_store_is_set_in_each_store(move_in, shop, store):
    second = StoreFactory(tenant=shop, name="Second")
    text = f"sku,name,price,stock [{store.name}],stock [SECOND],stock [Third]\nA,Apple,1,5,2.0,9\n"

    report = move_in(text)

    assert [each["code"] for each in report["warnings"]] == ["unknown_store"]
    with tenant_scope(shop):
        levels = dict(StockLevel.objects.values_list("store", "quantity"))
    assert levels == {store.pk: 5, second.pk: 2}


def test_stock_without_a_store_name_needs_one_where_there_are_several(move_in, shop, store):
    second = StoreFactory(tenant=shop, name="Second")
    text = "sku,name,price,stock\nA,Apple,1,5\n"

    problem = move_in(text, status=400)

    assert [(each["row"], each["field"], each["code"]) for each in problem["errors"]] == [
        (1, "stock", "store_required")
    ]
    with tenant_scope(shop):
        assert not Product.objects.exists()
    move_in(text, store=str(second.pk))
    with tenant_scope(shop):
        assert StockLevel.objects.get().store == second


@pytest.mark.parametrize(
    ("cell", "code"),
    [("1.5", "not_whole"), ("many", "not_a_number"), ("1.23456", "max_decimal_places")],
)
def test_wrong_stock_is_refused_with_its_row(move_in, shop, store, cell, code):
    problem = move_in(f"sku,name,price,stock\nA,Apple,1,{cell}\n", status=400)

    assert [(each["row"], each["field"], each["code"]) for each in problem["errors"]] == [
        (2, "stock", code)
    ]
    with tenant_scope(shop):
        assert not Product.objects.exists()
        assert not StockLevel.objects.exists()


# --- taxes --------------------------------------------------------------------------------------


def test_unknown_rate_is_refused_unless_a_tax_class_is_chosen(move_in, products, shop, store):
    reduced = TaxClassFactory(tenant=shop, name="Reduced", rates=[])

    problem = move_in(build_export("square"), status=400)

    assert [(each["row"], each["code"]) for each in problem["errors"]] == [
        (2, "unknown_tax_rate"),
    ]
    assert products() == {}
    move_in(build_export("square"), tax_class=str(reduced.pk))
    assert products()["FC-L"]["tax"] == "Reduced"


def test_missing_taxes_are_warned_of(move_in, products, shop, store):
    report = move_in(build_export("shopify"))

    assert "no_tax_class" in {each["code"] for each in report["warnings"]}
    assert products()["LS-M-RED"]["tax"] is None


def test_second_import_keeps_the_tax_class_that_was_chosen_since(
    move_in, products, shop, store, vat
):
    move_in(build_export("shopify"))
    with tenant_scope(shop):
        Product.objects.filter(sku="LS-M-RED").update(
            tax_class=TaxClassFactory(tenant=shop, name="Reduced")
        )

    move_in(build_export("shopify"), tax_class=str(vat.pk))

    assert products()["LS-M-RED"]["tax"] == "Reduced"


@pytest.mark.parametrize(
    ("cell", "tax"),
    [
        ("19", "Standard rate"),
        ("19,0 %", "Standard rate"),
        ("12+7", "Standard rate"),
        ("0", None),
        ("", None),
    ],
)
def test_tax_percent_finds_the_class_with_this_rate(move_in, products, store, vat, cell, tax):
    move_in(f'sku,name,price,tax_percent\nA,Apple,1,"{cell}"\n')

    assert products()["A"]["tax"] == tax


ODOO_TAXES = "Name,Internal Reference,Sales Price,{heading}\nTea,T,2.00,{cell}\n"


@pytest.mark.parametrize(
    ("cell", "tax"),
    [
        ("19% USt", "Standard rate"),
        ("19.00% Umsatzsteuer", "Standard rate"),
        ('"IVA 19,0 %"', "Standard rate"),
        ('"12% State,7% City"', "Standard rate"),
        ("standard RATE", "Standard rate"),
        ("7% food", "Food"),
        ("0% EU", None),
        # As in the files of other systems, an empty cell is the default class.
        ("", None),
    ],
)
@pytest.mark.parametrize("heading", ["Sales Taxes", "Customer Taxes"])
def test_taxes_of_odoo_are_found_by_name_or_rate(move_in, products, shop, vat, heading, cell, tax):
    rate = {"name": "VAT", "percent": "7", "included": True, "compound": False}
    TaxClassFactory(tenant=shop, name="Food", rates=[rate])

    move_in(ODOO_TAXES.format(heading=heading, cell=cell))

    assert products()["T"]["tax"] == tax


@pytest.mark.parametrize("cell", ["25% VAT", "Special"])
def test_unknown_tax_of_odoo_needs_a_chosen_class(move_in, products, shop, store, vat, cell):
    text = ODOO_TAXES.format(heading="Sales Taxes", cell=cell)

    problem = move_in(text, status=400)

    assert [(each["row"], each["field"]) for each in problem["errors"]] == [(2, "Sales Taxes")]
    assert products() == {}
    move_in(text, tax_class=str(vat.pk))
    assert products()["T"]["tax"] == "Standard rate"


def test_taxes_of_an_import_compatible_file_of_odoo(move_in, products, shop, store, vat):
    TaxClassFactory(tenant=shop, name="Other", rates=[])

    move_in("default_code,name,lst_price,taxes_id\nT,Tea,2.00,19% USt\n")

    assert products()["T"]["tax"] == "Standard rate"


# --- mapping ------------------------------------------------------------------------------------


def test_mapping_names_the_columns_of_any_other_file(move_in, products, store, vat):
    text = "Artikelnr.;Bezeichnung;VK;EAN;Lager\n0815;Käse;12,50;4006381333931;3\n"
    mapping = {
        "artikelnr.": "sku",
        "Bezeichnung": "name",
        "VK": "price",
        "EAN": "barcodes",
        "Lager": "stock",
    }

    report = move_in(text.encode("cp1252"), mapping=json.dumps(mapping))

    assert report["format"] == "mapping"
    assert products()["0815"] == describe(
        "Käse", "12.50", barcodes=["4006381333931"], stock={"3.000"}
    )


@pytest.mark.parametrize(
    ("mapping", "code"),
    [
        ("{", "invalid"),
        ("[]", "invalid"),
        ("{}", "invalid"),
        ('{"a": 1}', "invalid"),
        ('{"a": "colour"}', "invalid_choice"),
    ],
)
def test_wrong_mapping_is_refused(move_in, shop, mapping, code):
    problem = move_in("sku,name,price\nA,Apple,1\n", status=400, mapping=mapping)

    assert [(each["field"], each["code"]) for each in problem["errors"]] == [("mapping", code)]
    with tenant_scope(shop):
        assert not Product.objects.exists()


@pytest.mark.parametrize(
    ("mapping", "field", "code"),
    [
        ('{"Nummer": "sku"}', "Nummer", "unknown_column"),
        ('{"name": "sku"}', "name", "duplicate_column"),
    ],
)
def test_mapping_that_does_not_fit_the_header_is_refused(move_in, shop, mapping, field, code):
    problem = move_in("sku,name,price\nA,Apple,1\n", status=400, mapping=mapping)

    assert (field, code) in {(each["field"], each["code"]) for each in problem["errors"]}
    with tenant_scope(shop):
        assert not Product.objects.exists()


def test_same_key_with_another_mapping_is_refused(manager_client, shop, problem):
    text = "sku,Titel,price\nA,Apple,1\n"
    first = {"mapping": '{"Titel": "name"}'}

    def send(**fields):
        body = build_upload_form(text.encode(), **fields)
        return manager_client.send("POST", PATH, body, MULTIPART_CONTENT, Idempotency_Key="k")

    assert send(**first).status_code == 200
    assert send(**first)["Idempotent-Replayed"] == "true"
    problem(send(), 422, "idempotency_key_reused")


def test_store_and_tax_class_of_another_shop_do_not_exist(move_in, shop, foreign):
    problem = move_in(
        "sku,name,price\nA,Apple,1\n",
        status=400,
        store=str(foreign.store.pk),
        tax_class=str(foreign.tax_class.pk),
    )

    assert {(each["field"], each["code"]) for each in problem["errors"]} == {
        ("store", "does_not_exist"),
        ("tax_class", "does_not_exist"),
    }
    with tenant_scope(shop):
        assert not Product.objects.exists()


@pytest.mark.parametrize(
    ("cell", "category"),
    [
        ("Drinks", "Drinks"),
        ("Drinks > Hot, New", "Hot"),
        ("Salt\\, Pepper", "Salt, Pepper"),
        ("", ""),
    ],
)
def test_first_category_of_a_list_of_paths(cell, category):
    assert read_category_path(cell) == category


def test_unknown_columns_are_ignored_with_one_warning_each(manager_client, shop):
    names = [f"extra {number}" for number in range(52)]
    header = ",".join(["sku", "name", "price", *names, "", ""])
    rows = f"A,Apple,1{',x' * 52},,\nB,Bread,2{',y' * 52}\n"

    report = upload_catalog(manager_client, f"{header}\n{rows}").json()

    assert (report["created"], report["error_count"], report["warning_count"]) == (2, 0, 53)
    assert [(each["row"], each["field"]) for each in report["warnings"]] == [
        *((1, name) for name in names),
        (1, "stock"),
    ]


@pytest.mark.parametrize(
    ("columns", "policy", "status"),
    [
        ("", "block", 201),
        ("", "allow", 201),
        (",track_stock", "block", 409),
        (",stock", "block", 201),
    ],
)
def test_products_without_stock_are_sold_without_tracking(
    move_in, products, till, shop, columns, policy, status
):
    Tenant.objects.filter(pk=shop.pk).update(stock_policy=policy)
    text = f"sku,name,price{columns}\nA,Apple,1{',1' if columns else ''}\n"

    codes = [each["code"] for each in move_in(text)["warnings"]]

    assert codes == ([] if columns else ["no_stock"])
    assert move_in(text)["warnings"] == []
    assert products()["A"]["track_stock"] is bool(columns)
    order = till.order({"sku": "A", "quantity": "1"}, payments=[cash_rest()])
    answer = till.post("orders/", order)
    assert answer.status_code == status, answer.content


def test_empty_cell_of_stock_tracks_none(move_in, products, store):
    move_in("sku,name,price,stock\nA,Apple,1,5\nB,Bread,1,\n")

    found = {sku: (each["track_stock"], each["stock"]) for sku, each in products().items()}
    assert found == {"A": (True, {"5.000"}), "B": (False, set())}


def test_first_stock_of_a_product_begins_its_tracking(move_in, products, store):
    move_in("sku,name,price\nA,Apple,1\nB,Bread,1\n")

    report = move_in("sku,stock,track_stock\nA,5,\nB,5,no\n")

    assert (report["updated"], report["stock_set"]) == (1, 1)
    found = {sku: (each["track_stock"], each["stock"]) for sku, each in products().items()}
    assert found == {"A": (True, {"5.000"}), "B": (False, set())}
    # Where stock was counted before, the shop has decided.
    move_in("sku,track_stock\nA,no\n")
    assert move_in("sku,stock\nA,9\n")["stock_set"] == 0
    assert products()["A"]["track_stock"] is False


def test_new_variant_has_its_stock_although_its_parent_tracks_none(move_in, products, store, vat):
    move_in(build_export("shopify (current)"))
    row = {"URL handle": "felt-hat", "Title": "Felt hat", "SKU": "FH-S", "Price": "29.00"}
    size = {"Option1 name": "Size", "Option1 value": "S", "Inventory quantity": "2"}

    move_in(build_csv(SHOPIFY_CURRENT_HEADER, [row | size | {"Inventory tracker": "shopify"}]))

    assert (products()["FH-S"]["track_stock"], products()["FH-S"]["stock"]) == (True, {"2.000"})


# --- names and prices of variants -----------------------------------------------------------------


def test_variants_take_name_and_price_from_the_row_of_their_parent(move_in, products, shop, vat):
    move_in(
        "sku,name,price,parent,options\n"
        "V-M,,,V,Size: M\nV-L,Large vest,5,V,Size: L\nV,Vest,4,,\nW-M,,6,W,Size: M\nW,Wrap,,,\n"
    )

    facts = {sku: (each["name"], each["price"]) for sku, each in products().items()}
    assert facts == {
        "V": ("Vest", "4.00"),
        "V-M": ("Vest, M", "4.00"),
        "V-L": ("Large vest", "5.00"),
        # It is not sold itself.
        "W": ("Wrap", "0.00"),
        "W-M": ("Wrap, M", "6.00"),
    }
    # From a parent of the shop, also without the columns; and nothing changes for existing ones.
    report = move_in("sku,parent,options\nV-S,V,Size: S\n")
    assert (report["created"], products()["V-S"]["name"]) == (1, "Vest, S")
    assert move_in("sku,name,price\nV-M,,\nV,,\n")["unchanged"] == 2


@pytest.mark.parametrize(
    ("rows", "errors"),
    [
        ("A,,1,,\n", [(2, "name", "blank")]),
        ("A,Apple,,,\n", [(2, "price", "blank")]),
        ("W-M,,,W,Size: M\nW,Wrap,,,\n", [(2, "price", "blank")]),
    ],
)
def test_empty_name_or_price_without_a_parent_that_has_it_is_refused(move_in, shop, rows, errors):
    problem = move_in(f"sku,name,price,parent,options\n{rows}", status=400)

    assert [(each["row"], each["field"], each["code"]) for each in problem["errors"]] == errors
    assert "parent" in problem["errors"][0]["detail"]
    with tenant_scope(shop):
        assert not Product.objects.exists()


def test_existing_product_keeps_its_name_and_price_instead_of_empty_ones(move_in, products, vat):
    move_in("sku,name,price\nA,Apple,1\n")

    problem = move_in("sku,name,price\nA,,\n", status=400)

    assert [each["field"] for each in problem["errors"]] == ["name", "price"]
    assert (products()["A"]["name"], products()["A"]["price"]) == ("Apple", "1.00")


def test_variation_of_woocommerce_is_named_after_its_product(move_in, products, store, vat):
    rows = [{**each, "Cost of goods": "8.50"} for each in WOOCOMMERCE[:2]]
    rows[1] |= {"Name": ""}

    move_in(build_csv(WOOCOMMERCE_HEADER, rows))

    assert products()["TEE-S"]["name"] == "Tee, S"


# --- stock by location ----------------------------------------------------------------------------


def build_inventory(*rows):
    names = ("Handle", "Option1 Name", "Option1 Value", "SKU", "Location", "On hand (current)")
    return build_csv(SHOPIFY_INVENTORY_HEADER, [dict(zip(names, row, strict=True)) for row in rows])


INVENTORY = (
    ("felt-hat", "Size", "M", "FH-M", "Main", "4"),
    ("felt-hat", "", "L", "FH-L", "Main", "-1"),
    ("felt-hat", "", "L", "FH-L", "Second", "7"),
    ("felt-hat", "", "M", "FH-M", "Closed", "9"),
    ("felt-hat", "", "M", "FH-M", "Second", "not stocked"),
    ("repair", "Title", "Default Title", "", "Main", "3"),
)


@pytest.fixture
def several_stores(shop, store):
    with tenant_scope(shop):
        Store.objects.filter(pk=store.pk).update(name="Main")
    return store, StoreFactory(tenant=shop, name="Second")


def drop_stock(rows):
    gone = ("Inventory quantity",)
    return [{name: cell for name, cell in row.items() if name not in gone} for row in rows]


def test_inventory_of_shopify_is_the_opening_stock_of_each_location(
    move_in, products, till, shop, several_stores, vat
):
    """In a shop with several locations, the file of products has no quantities."""
    header = SHOPIFY_CURRENT_HEADER.replace("Inventory quantity,", "")
    first = move_in(build_csv(header, drop_stock(SHOPIFY_CURRENT)))
    assert "no_stock" in {each["code"] for each in first["warnings"]}
    # Goods can be sold before their stock is known.
    order = till.order({"sku": "FH-M", "quantity": "1"}, payments=[cash_rest()])
    assert till.post("orders/", order).status_code == 201

    report = move_in(build_inventory(*INVENTORY))

    assert (report["format"], report["created"], report["updated"]) == ("shopify", 0, 3)
    warnings = [(each["field"], each["code"]) for each in report["warnings"]]
    assert [each for each in warnings if each[1] != "unknown_column"] == [
        ("Location", "unknown_store")
    ]
    with tenant_scope(shop):
        levels = StockLevel.objects.values_list("product__sku", "store__name", "quantity")
        assert sorted(levels) == [
            ("FH-L", "Main", 0),
            ("FH-L", "Second", 7),
            ("FH-M", "Main", 4),
            ("repair", "Main", 3),
        ]
        assert list(find_stock_differences(shop)) == []
    assert {products()[sku]["track_stock"] for sku in ("FH-M", "FH-L", "repair")} == {True}
    again = move_in(build_inventory(*INVENTORY))
    assert (again["updated"], again["unchanged"], again["stock_set"]) == (0, 3, 0)


def test_inventory_of_an_unknown_product_is_refused(move_in, shop, several_stores):
    problem = move_in(build_inventory(("x", "", "", "NOPE", "Main", "4")), status=400)

    assert [(each["row"], each["field"], each["code"]) for each in problem["errors"]] == [
        (2, "SKU", "does_not_exist")
    ]
    with tenant_scope(shop):
        assert not Product.objects.exists()


def test_only_location_of_an_inventory_goes_to_the_chosen_store(move_in, shop, several_stores, vat):
    move_in("sku,name,price\nA,Apple,1\n")
    inventory = build_inventory(("a", "", "", "A", "Warehouse", "4"))

    problem = move_in(inventory, status=400)
    assert [each["code"] for each in problem["errors"]] == ["store_required"]
    with tenant_scope(shop):
        assert not StockLevel.objects.exists()

    move_in(inventory, store=str(several_stores[1].pk))
    with tenant_scope(shop):
        assert StockLevel.objects.get().store == several_stores[1]


def test_service_key_without_the_scope_of_stock_imports_no_inventory(
    shop, admin, several_stores, problem
):
    with tenant_scope(shop):
        ProductFactory(tenant=shop, sku="A")
    client = KeyClient(create_key(shop, admin, "catalog:write"))
    inventory = build_inventory(("a", "", "", "A", "Main", "4"))

    refused = client.send("POST", PATH, build_upload_form(inventory.encode()), MULTIPART_CONTENT)

    problem(refused, 403, "scope_missing")
    with tenant_scope(shop):
        assert not StockLevel.objects.exists()


# --- headings in other languages ------------------------------------------------------------------


def test_file_with_german_headings_is_read_as_that_of_its_system(move_in, products, shop, store):
    """By a mapping to the English headings, with variants, in Windows-1252 with decimal commas."""
    rate = {"name": "USt", "percent": "19", "included": True, "compound": False}
    TaxClassFactory(tenant=shop, name="Voll", rates=[rate])
    TaxClassFactory(tenant=shop, name="Frei", rates=[])
    text = (
        "Referenz;Artikelnummer;Name;Kategorie;Nach Gewicht verkauft;Variante 1;Wert 1;Kosten;"
        "Strichcode;Lager verfolgen;Preis;Auf Lager;Steuer\n"
        "tuch;T-1;Tischtuch;Küche;N;Größe;Groß;8,5;4006381333931;Y;1.019,90;3;Y\n"
        "tuch;T-2;;;;;Klein;;;Y;9,90;0;Y\n"
        "käse;K-1;Käse;Theke;Y;;;;;Y;18;2,25;N\n"
    )
    mapping = {
        "Referenz": "Handle",
        "Artikelnummer": "SKU",
        "Kategorie": "Category",
        "Nach Gewicht verkauft": "Sold by weight",
        "Variante 1": "Option 1 name",
        "Wert 1": "Option 1 value",
        "Kosten": "Cost",
        "Strichcode": "Barcode",
        "Lager verfolgen": "Track stock",
        "Preis": "Price",
        "Auf Lager": "In stock",
        "Steuer": 'Tax - "USt" (19%)',
    }

    report = move_in(text.encode("cp1252"), mapping=json.dumps(mapping))

    assert (report["format"], report["warnings"], report["stock_set"]) == ("loyverse", [], 3)
    found = {
        sku: (each["name"], each["price"], each["tax"], each["sold_by"], each["stock"])
        for sku, each in products().items()
    }
    assert found == {
        "tuch": ("Tischtuch", "1019.90", "Voll", "unit", set()),
        "T-1": ("Tischtuch, Groß", "1019.90", "Voll", "unit", {"3.000"}),
        "T-2": ("Tischtuch, Klein", "9.90", "Voll", "unit", {"0.000"}),
        "K-1": ("Käse", "18.00", "Frei", "weight", {"2.250"}),
    }
    assert list_variants(shop)["T-2"] == ("tuch", "Tischtuch, Klein", {"Größe": "Klein"})


def test_error_of_unknown_headings_names_the_mapping(move_in, shop):
    problem = move_in("Titel;Preis\nApfel;1\n", status=400)

    assert [(each["field"], each["code"]) for each in problem["errors"]] == [("sku", "required")]
    assert "English headings" in problem["errors"][0]["detail"]
    assert "`mapping`" in problem["errors"][0]["detail"]
    with tenant_scope(shop):
        assert not Product.objects.exists()
