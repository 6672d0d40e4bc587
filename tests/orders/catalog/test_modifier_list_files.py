"""Modifier lists in catalog files: the own column, and the marks of other systems."""

import pytest

from orders.models import ModifierList, Product
from orders.services.catalog.code_cells import join_list_names, split_list_names
from tenants.scope import tenant_scope
from tests.factories.modifier_list import ModifierFactory
from tests.support.catalog_files import export_catalog, import_catalog, parse_rows, upload_catalog
from tests.support.discovery import snapshot_owned_rows
from tests.support.move_in_files import LOYVERSE_HEADER, SQUARE_HEADER, build_csv
from tests.support.till import set_product


@pytest.fixture
def lists(shop):
    """Create the lists Milk and Size, and return their ids by name."""
    for name in ("Milk", "Size", "Odd | \\name"):
        ModifierFactory(tenant=shop, modifier_list__name=name)
    with tenant_scope(shop):
        return {name: str(id) for name, id in ModifierList.objects.values_list("name", "pk")}


def load_lists(shop, sku):
    with tenant_scope(shop):
        return Product.objects.get(sku=sku).modifier_lists


@pytest.mark.once
@pytest.mark.parametrize(
    "names", [[], ["Milk"], ["Milk", "Size"], ["a|b", "c\\", "\\|"], ["Äpfel, süß", "x"]]
)
def test_names_survive_a_cell(names):
    assert split_list_names(join_list_names(names)) == names


@pytest.mark.once
def test_blanks_and_empty_names_are_dropped():
    assert split_list_names(" Milk ||  Size | ") == ["Milk", "Size"]


def test_import_and_export_have_the_lists_in_their_order(manager_client, shop, product, lists):
    odd = "Odd \\| \\\\name"
    cells = f"TEA,Tea,3,Size | Milk\nCAKE,Cake,2,{odd}\nAPPLE,Apple,2.50,\n"
    text = f"sku,name,price,modifier_lists\n{cells}"

    assert import_catalog(manager_client, text) == (2, 0, 1)

    assert load_lists(shop, "TEA") == [lists["Size"], lists["Milk"]]
    assert load_lists(shop, "CAKE") == [lists["Odd | \\name"]]
    exported = export_catalog(manager_client)
    rows = {row["sku"]: row["modifier_lists"] for row in parse_rows(exported)}
    assert rows == {"TEA": "Size | Milk", "CAKE": odd, "APPLE": ""}
    assert import_catalog(manager_client, exported) == (0, 0, 3)


def test_missing_column_keeps_the_lists_and_an_empty_cell_removes_them(
    manager_client, shop, product, lists
):
    set_product(shop, product, modifier_lists=[lists["Milk"]])

    assert import_catalog(manager_client, f"sku,price\n{product.sku},9\n") == (0, 1, 0)
    assert load_lists(shop, product.sku) == [lists["Milk"]]
    assert import_catalog(manager_client, f"sku,modifier_lists\n{product.sku},\n") == (0, 1, 0)
    assert load_lists(shop, product.sku) is None


@pytest.mark.parametrize(
    ("cell", "returnable", "error"),
    [
        ("Milk | Nuts", "no", ("modifier_lists", "unknown_modifier_list")),
        ("milk", "no", ("modifier_lists", "unknown_modifier_list")),
        ("Milk", "yes", ("returnable", "has_modifiers")),
    ],
)
def test_wrong_lists_are_refused_with_their_row(
    manager_client, shop, product, lists, cell, returnable, error
):
    text = f"sku,modifier_lists,returnable\n{product.sku},{cell},{returnable}\n"

    answer = upload_catalog(manager_client, text)

    assert answer.status_code == 400
    errors = [(each["row"], each["field"], each["code"]) for each in answer.json()["errors"]]
    assert errors == [(2, *error)]
    assert load_lists(shop, product.sku) is None


def test_too_many_lists_are_refused(manager_client, shop, product):
    names = [f"List {number}" for number in range(21)]
    for name in names:
        ModifierFactory(tenant=shop, modifier_list__name=name)

    answer = upload_catalog(
        manager_client, f"sku,modifier_lists\n{product.sku},{' | '.join(names)}\n"
    )

    assert [each["code"] for each in answer.json()["errors"]] == ["too_many_modifier_lists"]


def test_list_of_another_shop_is_unknown(manager_client, foreign, product):
    ModifierFactory(tenant=foreign.tenant, modifier_list__name="Theirs")

    answer = upload_catalog(manager_client, f"sku,modifier_lists\n{product.sku},Theirs\n")

    assert [each["code"] for each in answer.json()["errors"]] == ["unknown_modifier_list"]


# --- other systems --------------------------------------------------------------------------------


SQUARE = [
    {"Token": "T1", "Item Name": "Latte", "Variation Name": "Small", "Price": "3.00"},
    {"Token": "T2", "Item Name": "Latte", "Variation Name": "Large", "Price": "4.00"},
    {"Token": "T3", "Item Name": "Tea", "Variation Name": "Regular", "Price": "2.00"},
]
MARKS = [{"Milk": "Y", "Size": "N"}, {"Milk": "Y", "Size": "N"}, {"Milk": "N", "Size": "N"}]


def test_square_marks_the_lists_of_each_item(manager_client, shop, lists):
    headings = {"Milk": "Modifier Set - Milk", "Size": "Modifier Set - Nuts"}
    header = SQUARE_HEADER + "".join(f",{heading}" for heading in headings.values())
    rows = [
        row | {headings[name]: cell for name, cell in marks.items()}
        for row, marks in zip(SQUARE, MARKS, strict=True)
    ]

    answer = upload_catalog(manager_client, build_csv(header, rows))

    assert answer.status_code == 200, answer.content
    warned = {each["field"]: each["code"] for each in answer.json()["warnings"]}
    assert warned["Modifier Set - Nuts"] == "unknown_modifier_list"
    assert "Modifier Set - Milk" not in warned
    assert load_lists(shop, "T1") == load_lists(shop, "T2") == [lists["Milk"]]
    assert load_lists(shop, "T3") is None


def test_loyverse_names_lists_in_quotes_and_in_the_first_row_of_an_item(
    manager_client, shop, lists
):
    heading = 'Modifier - "Milk"'
    header = LOYVERSE_HEADER + ',"Modifier - ""Milk"""'
    rows = [
        {
            "Handle": "latte",
            "SKU": "1",
            "Name": "Latte",
            "Option 1 name": "Size",
            "Option 1 value": "S",
            "Price [Market Hall]": "3.00",
            heading: "Y",
        },
        {"Handle": "latte", "SKU": "2", "Option 1 value": "L", "Price [Market Hall]": "4.00"},
        {"Handle": "tea", "SKU": "3", "Name": "Tea", "Price [Market Hall]": "2.00", heading: "N"},
    ]

    answer = upload_catalog(manager_client, build_csv(header, rows))

    assert answer.status_code == 200, answer.content
    assert load_lists(shop, "1") == load_lists(shop, "2") == [lists["Milk"]]
    assert load_lists(shop, "3") is None


@pytest.mark.parametrize("row", ["NUTS,Nuts,3,weight,Cup", "APPLE,Apple,2.50,unit,Cup"])
def test_goods_by_weight_have_no_modifier_that_takes_units(
    manager_client, shop, make_product, product, problem, row
):
    cup = make_product("1.00", sku="CUP", name="Cup")
    ModifierFactory(tenant=shop, modifier_list__name="Cup", product=cup)
    ModifierFactory(tenant=shop, modifier_list__name="Milk")
    text = f"sku,name,price,sold_by,modifier_lists\n{row}\nTEA,Tea,3,weight,Milk\n"
    if row.startswith("APPLE"):
        assert import_catalog(manager_client, text) == (1, 1, 0)
        text = "sku,sold_by\nTEA,unit\nAPPLE,weight\n"
    before = snapshot_owned_rows()

    refused = upload_catalog(manager_client, text)

    assert refused.status_code == 400
    (error,) = refused.json()["errors"]
    where = 3 if row.startswith("APPLE") else 2
    assert (error["row"], error["field"], error["code"]) == (
        where,
        "modifier_lists",
        "sold_by_unit",
    )
    assert snapshot_owned_rows() == before
    set_product(shop, cup, track_stock=False)
    assert upload_catalog(manager_client, text).status_code == 200


def test_product_of_a_modifier_of_goods_by_weight_does_not_become_units(
    manager_client, shop, make_product, product
):
    cup = make_product("1.00", sku="CUP", name="Cup", track_stock=False)
    modifier = ModifierFactory(tenant=shop, modifier_list__name="Cup", product=cup)
    lists = [str(modifier.modifier_list_id)]
    set_product(shop, product, sold_by="weight", modifier_lists=lists)
    before = snapshot_owned_rows()
    text = "sku,track_stock\nCUP,yes\n"

    for query in ("", "?dry_run=1"):
        answer = upload_catalog(manager_client, text, query)
        errors = answer.json()["errors"]
        assert [(each["row"], each["field"], each["code"]) for each in errors] == [
            (2, "track_stock", "is_modifier")
        ]
    assert snapshot_owned_rows() == before
    # The same file may end that it is sold by weight, or remove the list.
    text = f"sku,sold_by,track_stock,modifier_lists\nCUP,,yes,\n{product.sku},weight,,\n"
    assert upload_catalog(manager_client, text).status_code == 200
    assert load_lists(shop, product.sku) is None


def test_file_makes_no_goods_by_weight_take_units_that_it_tracks_itself(
    manager_client, shop, make_product, product
):
    cup = make_product("1.00", sku="CUP", name="Cup", track_stock=False)
    ModifierFactory(tenant=shop, modifier_list__name="Cup", product=cup)
    before = snapshot_owned_rows()
    text = f"sku,sold_by,track_stock,modifier_lists\n{product.sku},weight,,Cup\nCUP,,yes,\n"

    answer = upload_catalog(manager_client, text)

    errors = answer.json()["errors"]
    assert [(each["row"], each["code"]) for each in errors] == [(3, "is_modifier")]
    assert snapshot_owned_rows() == before
