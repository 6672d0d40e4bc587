"""Export files of other systems become products that can be sold at once."""

import json
from decimal import Decimal

import pytest
from django.test.client import MULTIPART_CONTENT

from orders.models import Product, StockLevel, StockMovement
from orders.services.catalog.file_formats import read_category_path
from orders.services.stock.consistency import find_stock_differences
from tenants.models import AuditEvent, OutboxEvent, Tenant
from tenants.scope import tenant_scope
from tests.factories.orders import ProductFactory, StockLevelFactory, TaxClassFactory
from tests.factories.tenants import StoreFactory
from tests.support.catalog_files import (
    PATH,
    build_upload_form,
    snapshot_catalog,
    upload_catalog,
)
from tests.support.move_in_files import FILES, build_export
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
    ("columns", "policy", "is_warned"),
    [
        ("", "block", True),
        ("", "allow", False),
        (",track_stock", "block", False),
        (",stock", "block", False),
    ],
)
def test_products_that_cannot_be_sold_yet_are_warned_of(
    move_in, shop, store, columns, policy, is_warned
):
    Tenant.objects.filter(pk=shop.pk).update(stock_policy=policy)
    text = f"sku,name,price{columns}\nA,Apple,1{',1' if columns else ''}\n"

    codes = [each["code"] for each in move_in(text)["warnings"]]

    assert codes == (["no_stock"] if is_warned else [])
    assert move_in(text)["warnings"] == []
