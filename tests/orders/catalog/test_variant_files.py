"""Variants in catalog files: import, export and files of other systems."""

from decimal import Decimal

import pytest
from django.test.client import MULTIPART_CONTENT
from hypothesis import given
from hypothesis import strategies as st

from orders.models import Product
from orders.services.catalog.csv_options import parse_options, split_options, write_options
from orders.services.catalog.variants import INHERITED_FIELDS
from tenants.api.formats import FormatError
from tenants.models import OutboxEvent
from tenants.scope import tenant_scope
from tests.factories.modifier_list import ModifierFactory
from tests.factories.orders import ProductFactory, StockLevelFactory
from tests.support.catalog_files import (
    PATH,
    build_upload_form,
    export_catalog,
    import_catalog,
    parse_rows,
    snapshot_catalog,
    upload_catalog,
)
from tests.support.till import set_product
from tests.support.variants import create_variant, list_parents, list_variants

pytestmark = pytest.mark.django_db
TEXTS = st.text(st.sampled_from("aB |:\\ü"), min_size=1, max_size=8).map(str.strip).filter(bool)


@pytest.fixture
def shirt(shop):
    return ProductFactory(tenant=shop, sku="SHIRT", name="Shirt", price="19.90")


@given(st.lists(st.tuples(TEXTS, TEXTS), max_size=5, unique_by=lambda pair: pair[0].casefold()))
def test_cell_of_options_is_read_as_it_was_written(pairs):
    assert split_options(write_options(pairs)) == pairs
    assert parse_options(pairs) == [list(pair) for pair in pairs]


@pytest.mark.parametrize("cell", ["Size", "Size: M | Red", ": M"])
def test_cell_without_name_or_value_is_malformed(cell):
    with pytest.raises(FormatError, match="malformed_options"):
        parse_options(split_options(cell))


def test_new_variant_has_from_its_stored_parent_what_the_file_leaves_out(
    manager_client, shop, shirt
):
    deposit = ProductFactory(tenant=shop, sku="DEP", track_stock=False)
    set_product(shop, shirt, deposit=deposit, track_stock=False, cost=Decimal(7))
    text = "sku,name,price,parent,options\nSHIRT-M,Shirt M,21.00,SHIRT,Size: M\n"

    assert import_catalog(manager_client, text) == (1, 0, 0)

    with tenant_scope(shop):
        made, parent = (Product.objects.get(sku=sku) for sku in ("SHIRT-M", "SHIRT"))
    for name in set(INHERITED_FIELDS) - {"price"}:
        column = Product._meta.get_field(name).attname
        assert getattr(made, column) == getattr(parent, column), name
    assert made.price == Decimal("21.00")


def test_import_makes_variants_in_any_order_of_the_rows(manager_client, shop):
    text = (
        "sku,name,price,parent,options\n"
        'B-M,"Shirt, M, Red",20,Z,Size: M | Color: Red\n'
        'Z,Shirt,20,,\nZ-L,"Shirt, L, Red",21,Z,color: Red|SIZE: L\nA,Apple,1,,\n'
    )

    assert import_catalog(manager_client, text) == (4, 0, 0)

    assert list_variants(shop) == {
        "B-M": ("Z", "Shirt, M, Red", {"Size": "M", "Color": "Red"}),
        "Z-L": ("Z", "Shirt, L, Red", {"Size": "L", "Color": "Red"}),
    }
    assert list_parents(shop) == ["Z"]
    assert import_catalog(manager_client, text) == (0, 0, 4)


def test_columns_of_options_make_variants(manager_client, shop):
    text = (
        "sku,name,price,parent,option [Size],Option [Farbe]\n"
        "SHIRT,Shirt,20,,,\nS-M,Shirt M,20,SHIRT,M,Red\nS-L,Shirt L,20,SHIRT,L,Red\n"
        "CAP,Cap,9,,,\nC-R,Cap Red,9,CAP,,Red\n"
    )

    assert import_catalog(manager_client, text) == (5, 0, 0)

    options = {sku: options for sku, (_, _, options) in list_variants(shop).items()}
    assert options == {
        "S-M": {"Size": "M", "Farbe": "Red"},
        "S-L": {"Size": "L", "Farbe": "Red"},
        "C-R": {"Farbe": "Red"},
    }


def test_columns_of_options_are_mapped(manager_client, shop):
    text = "Nr,Name,Preis,Artikel,Größe\nSHIRT,Hemd,20,,\nS-M,Hemd M,20,SHIRT,M\n"
    mapping = (
        '{"Nr": "sku", "Name": "name", "Preis": "price", "Artikel": "parent", '
        '"Größe": "option [Größe]"}'
    )
    body = build_upload_form(text.encode(), mapping=mapping)

    answer = manager_client.send("POST", PATH, body, MULTIPART_CONTENT)

    assert answer.status_code == 200, answer.content
    assert list_variants(shop) == {"S-M": ("SHIRT", "Hemd M", {"Größe": "M"})}


def test_import_changes_moves_and_removes_variants(manager_client, shop, shirt):
    """Also where two variants change their options, and a variant becomes a parent."""
    for size in ("S", "M", "L"):
        create_variant(shirt, Size=size)
    with tenant_scope(shop):
        OutboxEvent.objects.all().delete()
    text = (
        "sku,parent,options\nSHIRT-S,SHIRT,Size: M\nSHIRT-M,SHIRT,Size: S\n"
        "SHIRT-L,,\nSHIRT,SHIRT-L,Size: XL\n"
    )
    refused = upload_catalog(manager_client, text)
    assert {each["code"] for each in refused.json()["errors"]} == {"is_variant", "has_variants"}
    assert list_variants(shop)["SHIRT-S"][2] == {"Size": "S"}

    text = text.replace(",SHIRT,", ",SHIRT-L,")
    assert import_catalog(manager_client, text) == (0, 4, 0)

    assert {
        sku: (parent, options) for sku, (parent, _, options) in list_variants(shop).items()
    } == {
        "SHIRT": ("SHIRT-L", {"Size": "XL"}),
        "SHIRT-M": ("SHIRT-L", {"Size": "S"}),
        "SHIRT-S": ("SHIRT-L", {"Size": "M"}),
    }
    assert list_parents(shop) == ["SHIRT-L"]
    with tenant_scope(shop):
        assert OutboxEvent.objects.filter(topic="product.updated").count() == 4
    assert import_catalog(manager_client, text) == (0, 0, 4)


def test_parents_without_a_row_get_a_new_version(manager_client, shop, shirt):
    create_variant(shirt, Size="S")
    coat = ProductFactory(tenant=shop, sku="COAT")

    text = "sku,parent,options\nSHIRT-S,COAT,Size: S\n"
    assert import_catalog(manager_client, text) == (0, 1, 0)

    assert list_parents(shop) == ["COAT"]
    with tenant_scope(shop):
        versions = dict(Product.objects.values_list("sku", "version"))
        assert versions == {"SHIRT": 2, "COAT": 2, "SHIRT-S": 2}
        subjects = OutboxEvent.objects.filter(topic="product.updated")
        assert {shirt.pk, coat.pk} <= set(subjects.values_list("subject", flat=True))


@pytest.mark.parametrize("text", ["sku,price\nSHIRT-M,5\nSHIRT,5\n", "sku,parent\nSHIRT-M,SHIRT\n"])
def test_import_without_the_columns_keeps_variants(manager_client, shop, shirt, text):
    create_variant(shirt, Size="M")
    before = list_variants(shop)

    import_catalog(manager_client, text)

    assert (list_variants(shop), list_parents(shop)) == (before, ["SHIRT"])


@pytest.mark.parametrize(
    ("rows", "errors"),
    [
        ("APPLE,NOWHERE,Size: M", [(2, "does_not_exist")]),
        ("APPLE,APPLE,Size: M", [(2, "same_product")]),
        ("APPLE,SHIRT,", [(2, "required")]),
        ("APPLE,,Size: M", [(2, "no_parent")]),
        ("APPLE,SHIRT,Color: Red", [(2, "other_options")]),
        ("APPLE,SHIRT,SIZE: m", [(2, "options_taken")]),
        ("APPLE,SHIRT,Size: L\nPEAR,SHIRT,size: l", [(3, "options_taken")]),
        ("APPLE,SHIRT-M,Size: L", [(2, "is_variant")]),
        ("APPLE,PEAR,Size: L\nPEAR,SHIRT,Size: L", [(2, "is_variant"), (3, "has_variants")]),
        ("SHIRT,PEAR,Size: L", [(2, "has_variants")]),
        ("APPLE,STOCKED,Size: L", [(2, "has_stock")]),
        ("APPLE,DEPOSIT,Size: L", [(2, "is_deposit")]),
        ("APPLE,MILK,Size: L", [(2, "is_modifier")]),
        ("APPLE,SHIRT,Size", [(2, "malformed_options")]),
        ("APPLE,SHIRT,Size: L | size: M", [(2, "repeated_option")]),
        ("APPLE,SHIRT," + "|".join(f"{n}: x" for n in range(6)), [(2, "too_many_options")]),
        ("APPLE,SHIRT,Size: " + "x" * 51, [(2, "max_length")]),
    ],
)
def test_import_refuses_variants(manager_client, shop, store, shirt, product, rows, errors):
    create_variant(shirt, Size="M")
    ProductFactory(tenant=shop, sku="PEAR")
    StockLevelFactory(product=ProductFactory(tenant=shop, sku="STOCKED"), store=store, quantity=1)
    bottle = ProductFactory(tenant=shop, sku="BOTTLE")
    set_product(shop, bottle, deposit=ProductFactory(tenant=shop, sku="DEPOSIT"))
    ModifierFactory(tenant=shop, product=ProductFactory(tenant=shop, sku="MILK"))
    with tenant_scope(shop):
        before = snapshot_catalog()

    for query, status in (("?dry_run=1", 200), ("", 400)):
        answer = upload_catalog(manager_client, f"sku,parent,options\n{rows}\n", query)
        assert answer.status_code == status, answer.content
        assert [(each["row"], each["code"]) for each in answer.json()["errors"]] == errors

    with tenant_scope(shop):
        assert snapshot_catalog() == before


def test_deposit_in_a_file_has_no_variants(manager_client, shop, shirt, product):
    create_variant(shirt, Size="M")

    answer = upload_catalog(manager_client, "sku,deposit\nAPPLE,SHIRT\n")

    assert [(each["row"], each["code"]) for each in answer.json()["errors"]] == [
        (2, "has_variants")
    ]


def test_export_is_read_by_the_import(manager_client, shop, shirt):
    create_variant(shirt, Größe="a|b: c\\", Color="=1+1")
    create_variant(shirt, Größe="M", Color="Red")
    text = export_catalog(manager_client)
    with tenant_scope(shop):
        before = snapshot_catalog()

    assert import_catalog(manager_client, text) == (0, 0, 3)

    with tenant_scope(shop):
        assert snapshot_catalog() == before
        Product.objects.filter(parent__isnull=False).delete()
        Product.objects.all().delete()
    variants = {row["sku"]: row for row in parse_rows(text)}
    assert variants["SHIRT-M-Red"]["options"] == "Größe: M | Color: Red"
    import_catalog(manager_client, text)
    assert {options["Größe"] for _, _, options in list_variants(shop).values()} == {
        "M",
        "a|b: c\\",
    }


def test_variants_of_another_shop_are_no_parents(manager_client, shop, product, foreign):
    with tenant_scope(foreign.tenant):
        ProductFactory(tenant=foreign.tenant, sku="THEIRS")

    answer = upload_catalog(manager_client, "sku,parent,options\nAPPLE,THEIRS,Size: M\n")

    assert [each["code"] for each in answer.json()["errors"]] == ["does_not_exist"]
    assert list_parents(foreign.tenant) == []


# --- files of other systems ---------------------------------------------------------------------


SHOPIFY = "Handle,Title,Option1 Name,Option1 Value,Variant SKU,Variant Price\n"
SQUARE = "Token,Item Name,Variation Name,SKU,Price,Option Name 1,Option Value 1\n"
WOO = "ID,Type,SKU,Name,Regular price,Parent,Attribute 1 name,Attribute 1 value(s)\n"


def test_handle_that_is_the_sku_of_a_variant_gives_the_parent_another(manager_client, shop):
    text = SHOPIFY + "tee,Tee,Size,M,tee,5\ntee,,,L,tee-l,6\n"

    assert upload_catalog(manager_client, text).status_code == 200

    assert {parent for parent, _, _ in list_variants(shop).values()} == {"tee-parent"}
    assert upload_catalog(manager_client, text).json()["unchanged"] == 3


def test_variations_of_square_without_options_are_named(manager_client, shop):
    text = SQUARE + "1,Coffee,Regular,C-R,2,,\n2,Coffee,Large,C-L,3,,\n3,Tea,Large,T,2,,\n"

    assert upload_catalog(manager_client, text).status_code == 200

    assert list_variants(shop) == {
        "C-R": ("Coffee", "Coffee, Regular", {"Variation": "Regular"}),
        "C-L": ("Coffee", "Coffee, Large", {"Variation": "Large"}),
    }
    with tenant_scope(shop):
        assert Product.objects.get(sku="T").name == "Tea, Large"


def test_options_of_square_have_their_names(manager_client, shop):
    text = SQUARE + "1,Cap,Red,C-R,2,Color,Red\n2,Cap,Blue,C-B,3,Color,Blue\n"

    assert upload_catalog(manager_client, text).status_code == 200

    assert list_variants(shop)["C-B"] == ("Cap", "Cap, Blue", {"Color": "Blue"})


def test_variations_of_woocommerce_without_sku_have_the_id(manager_client, shop):
    text = (
        WOO
        + '10,variable,,Tee,,,Size,"S, M"\n11,"variation, virtual",,Tee - S,5,id:10,Size,S\n'
        + "12,variation,,Tee - M,6,id:10,Size,M\n13,variable,X,Unused,,,,\n"
    )

    report = upload_catalog(manager_client, text).json()

    assert (report["created"], report["skipped"]) == (3, 1)
    assert list_variants(shop) == {
        "11": ("10", "Tee - S", {"Size": "S"}),
        "12": ("10", "Tee - M", {"Size": "M"}),
    }


def test_columns_of_odoo_are_recognized(manager_client, shop):
    text = (
        "id,name,default_code,lst_price,categ_id,product_template_variant_value_ids\n"
        "a.1,Tee,T-S,5,All / Tops,Size: S\na.2,Tee,T-M,6,All / Tops,Size: M\n"
    )

    report = upload_catalog(manager_client, text).json()

    assert (report["format"], report["created"]) == ("odoo", 3)
    assert list_variants(shop)["T-M"] == ("Tee", "Tee, M", {"Size": "M"})
    with tenant_scope(shop):
        assert Product.objects.get(sku="T-S").category.name == "Tops"


def test_products_that_were_imported_apart_become_variants(manager_client, shop):
    ProductFactory(tenant=shop, sku="S-M", name="Tee M")

    text = SHOPIFY + "tee,Tee,Size,M,S-M,5\ntee,,,L,S-L,6\n"
    report = upload_catalog(manager_client, text).json()

    assert (report["created"], report["updated"]) == (2, 1)
    assert list(list_variants(shop)) == ["S-L", "S-M"]
