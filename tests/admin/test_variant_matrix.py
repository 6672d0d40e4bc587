"""The page that adds variants for all combinations of options."""

from decimal import Decimal

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from orders.models import Product
from orders.services.catalog.variant_matrix import find_values_error
from tenants.models import AuditEvent, OutboxEvent
from tenants.scope import tenant_scope
from tests.factories.orders import BarcodeFactory, ProductFactory
from tests.support.admin_browser import open_browser, read_errors, snapshot_database
from tests.support.till import set_product
from tests.support.variants import create_variant

pytestmark = pytest.mark.once

SIX = "Size: S, M, L\r\nColor: Red, Blue"


@pytest.fixture
def shirt(shop):
    with tenant_scope(shop):
        return ProductFactory(
            tenant=shop, sku="SHIRT", name="T-shirt", price=Decimal("19.90"), cost=Decimal("8.00")
        )


@pytest.fixture
def page(shirt):
    return f"/admin/orders/product/{shirt.pk}/variants/"


def preview(browser, page, options=SIX):
    return browser.post(page, {"options": options, "preview": "1"})


def read_rows(answer):
    """Return what the form of a preview would send."""
    rows = answer.context["rows"]
    data = {"new-TOTAL_FORMS": str(len(rows.forms)), "new-INITIAL_FORMS": "0"}
    for row in rows.forms:
        for name in row.fields:
            value = row[name].value()
            data[row.add_prefix(name)] = "on" if value is True else str(value or "")
    return data


def create(browser, page, options=SIX, **changes):
    sent = read_rows(preview(browser, page, options)) | changes
    sent = {name: value for name, value in sent.items() if value is not None}
    return browser.post(page, {"options": options, "create": "1", **sent})


def list_variants(shop, parent):
    with tenant_scope(shop):
        rows = Product.objects.filter(parent=parent).with_barcodes().order_by("pk")
        return {row.sku: (row.name, str(row.price), row.barcode_codes) for row in rows}


def test_product_page_leads_to_the_variants(managers_browser, shirt, page):
    shown = managers_browser.get(f"/admin/orders/product/{shirt.pk}/change/").content.decode()

    assert 'href="../variants/"' in shown
    assert "Size: " in managers_browser.get(page).content.decode()


def test_preview_shows_all_combinations_and_saves_nothing(managers_browser, page):
    before = snapshot_database(Product)

    answer = preview(managers_browser, page)

    rows = read_rows(answer)
    assert rows["new-TOTAL_FORMS"] == "6"
    assert [rows[f"new-{at}-sku"] for at in (0, 1, 5)] == [
        *("SHIRT-S-Red", "SHIRT-S-Blue", "SHIRT-L-Blue")
    ]
    assert rows["new-0-price"] == "19,90"
    assert snapshot_database(Product) == before


def test_combinations_are_created_with_what_was_typed(managers_browser, shop, shirt, page, manager):
    typed = {"new-1-sku": "S-B", "new-1-barcodes": "4006381333931", "new-1-price": "21.50"}

    answer = create(managers_browser, page, **typed, **{"new-5-is_wanted": None})

    assert answer["Location"] == f"/admin/orders/product/{shirt.pk}/change/"
    assert list_variants(shop, shirt) == {
        "SHIRT-S-Red": ("T-shirt, S, Red", "19.900", []),
        "S-B": ("T-shirt, S, Blue", "21.500", ["4006381333931"]),
        "SHIRT-M-Red": ("T-shirt, M, Red", "19.900", []),
        "SHIRT-M-Blue": ("T-shirt, M, Blue", "19.900", []),
        "SHIRT-L-Red": ("T-shirt, L, Red", "19.900", []),
    }
    with tenant_scope(shop):
        parent = Product.objects.get(pk=shirt.pk)
        added = AuditEvent.objects.filter(event="product_added")
        assert {event.actor for event in added} == {manager.pk}
        assert OutboxEvent.objects.filter(topic="product.created").count() == added.count() == 5
        assert set(Product.objects.values_list("cost", flat=True)) == {Decimal("8.00")}
    assert parent.has_variants
    shown = managers_browser.get(answer["Location"]).content.decode()
    assert "5 variants were added." in shown
    assert all(text in shown for text in (">Color<", ">Barcodes<", "4006381333931", "S-B"))


def test_existing_combinations_stay(managers_browser, shop, shirt, page):
    create_variant(shirt, Size="M", Color="red")
    before = list_variants(shop, shirt)

    first = preview(managers_browser, page)
    assert read_rows(first)["new-TOTAL_FORMS"] == "5"
    assert "1 of the combinations exist already" in first.content.decode()
    assert "Size: M\nColor: red" in managers_browser.get(page).content.decode()
    assert create(managers_browser, page).status_code == 302
    again = preview(managers_browser, page)

    assert "All these variants exist already." in again.content.decode()
    after = list_variants(shop, shirt)
    assert len(after) == 6
    assert before.items() <= after.items()


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ("", "This field is required."),
        ("Size", "Write each option on a line"),
        ("Size:", "Write each option on a line"),
        ("Size: S\nSize: M", "Write each option on a line"),
        ("Size: S\nsize: M", "Each option must have another name."),
        ("Size: " + ",".join(map(str, range(201))), "At most 200 combinations"),
        ("\n".join(f"O{n}: x" for n in range(6)), "At most 5 options."),
    ],
)
def test_wrong_options_are_refused(managers_browser, page, options, words):
    answer = preview(managers_browser, page, options)

    assert words in read_errors(answer)
    assert answer.context["rows"] is None


def test_repeated_values_count_once(managers_browser, page):
    rows = read_rows(preview(managers_browser, page, "Size: S, s, M, S"))

    assert [rows[f"new-{at}-sku"] for at in range(int(rows["new-TOTAL_FORMS"]))] == [
        *("SHIRT-S", "SHIRT-M")
    ]


@pytest.mark.once
def test_number_of_combinations_is_checked_before_they_are_built():
    values = {f"O{number}": [str(value) for value in range(10_000)] for number in range(5)}

    assert find_values_error(values).code == "too_many_combinations"


def test_other_options_than_the_variants_have_are_refused(managers_browser, shirt, page):
    create_variant(shirt, Size="M")

    assert "other variants have these options: Size" in read_errors(
        preview(managers_browser, page, SIX)
    )


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"new-2-sku": "SHIRT-S-Red"}, "Another product has this SKU."),
        ({"new-2-sku": "APPLE"}, "Another product has this SKU."),
        ({"new-2-sku": ""}, "blank"),
        ({"new-2-price": "-1"}, "price"),
        ({"new-2-price": "cheap"}, "amount"),
        ({"new-2-barcodes": "4006381333931"}, "4006381333931"),
    ],
)
def test_wrong_variant_is_refused_and_nothing_is_saved(
    managers_browser, product, page, changes, words
):
    BarcodeFactory(product=product, code="4006381333931")
    before = snapshot_database(Product)

    answer = create(managers_browser, page, **changes)

    assert answer.status_code == 200
    shown = answer.content.decode()
    assert words in shown
    assert answer.context["rows"].forms[2].errors
    assert snapshot_database(Product) == before


def test_product_with_stock_gets_no_variants(managers_browser, product):
    before = snapshot_database(Product)

    answer = create(managers_browser, f"/admin/orders/product/{product.pk}/variants/", "Size: S, M")

    assert "Count it as zero" in answer.content.decode()
    assert snapshot_database(Product) == before


def test_combination_that_exists_since_the_preview_is_not_created(
    managers_browser, shop, shirt, page
):
    rows = read_rows(preview(managers_browser, page))
    create_variant(shirt, Size="S", Color="Red")
    before = snapshot_database(Product)

    answer = managers_browser.post(page, {"options": SIX, "create": "1", **rows})

    assert "have changed since the preview" in read_errors(answer)
    assert snapshot_database(Product) == before


@pytest.mark.parametrize(
    "rows",
    [
        {},
        {"new-TOTAL_FORMS": "x", "new-INITIAL_FORMS": "0"},
        {"new-TOTAL_FORMS": "100000", "new-INITIAL_FORMS": "0"},
        {"new-TOTAL_FORMS": "1", "new-INITIAL_FORMS": "0", "new-0-key": "f" * 32},
        {
            "new-TOTAL_FORMS": "1",
            "new-INITIAL_FORMS": "0",
            "new-0-key": "f" * 32,
            "new-0-is_wanted": "on",
        },
    ],
)
def test_forged_rows_change_nothing(managers_browser, page, rows):
    before = snapshot_database(Product)

    answer = managers_browser.post(page, {"options": SIX, "create": "1", **rows})

    assert answer.status_code == 200
    assert snapshot_database(Product) == before


def test_variants_have_no_variants(managers_browser, shop, product):
    set_product(shop, product, track_stock=False)
    variant = create_variant(product, Size="L")

    own = f"/admin/orders/product/{variant.pk}/"
    assert managers_browser.get(f"{own}variants/").status_code == 404
    assert "../variants/" not in managers_browser.get(f"{own}change/").content.decode()


def test_product_of_another_shop_is_not_found(managers_browser, other_shop):
    with tenant_scope(other_shop):
        theirs = ProductFactory(tenant=other_shop)
    before = snapshot_database(Product)

    answer = preview(managers_browser, f"/admin/orders/product/{theirs.pk}/variants/")

    assert answer.status_code == 404
    assert snapshot_database(Product) == before


def test_cashiers_have_no_page(cashier, page):
    browser = open_browser(cashier)
    before = snapshot_database(Product)

    assert browser.get(page).status_code in {302, 403}
    assert browser.post(page, {"options": SIX, "create": "1"}).status_code in {302, 403}
    assert snapshot_database(Product) == before


def test_statements_do_not_depend_on_the_number_of_variants(managers_browser, shirt, page):
    counts = []
    managers_browser.get(f"/admin/orders/product/{shirt.pk}/change/")
    for sizes in ("S", "MLX"):
        for size in sizes:
            create_variant(shirt, Size=size, Color="Red")
        for address in (page, f"/admin/orders/product/{shirt.pk}/change/"):
            with CaptureQueriesContext(connection) as statements:
                assert managers_browser.get(address).status_code == 200
            counts.append(len(statements))
        with CaptureQueriesContext(connection) as statements:
            assert preview(managers_browser, page).status_code == 200
        counts.append(len(statements))
    assert counts[:3] == counts[3:]
