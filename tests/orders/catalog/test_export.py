"""Catalog export, and re-import of an exported file."""

from decimal import Decimal

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from orders.models import Barcode, Product
from orders.models.catalog import normalize_code
from orders.services.catalog import csv_export
from tenants.csv import escape_formula, unescape_formula
from tenants.scope import has_scope, tenant_scope
from tests.factories.orders import BarcodeFactory, CategoryFactory, ProductFactory, TaxClassFactory
from tests.support.catalog_files import (
    HEADER,
    export_catalog,
    import_catalog,
    parse_rows,
    snapshot_catalog,
    table,
)

DANGEROUS = ["=1+1", "+1", "-1", "@SUM(A1)", "'=1", "''-1", "\uff1dx", "=cmd|' /C calc'!A0"]
HARMLESS = ["'n Beetje", "a=b", "1-2", "'", "''", "x@y", 'Käse; "old", 5%', "\\", "a\\|b"]


def test_export_has_all_columns_of_the_import(manager_client, shop):
    product = ProductFactory(
        tenant=shop,
        sku="P-1",
        name="Pear",
        price=Decimal("1.2"),
        category=CategoryFactory(tenant=shop, name="Fruit"),
        tax_class=TaxClassFactory(tenant=shop, name="Reduced"),
        sold_by="weight",
        open_price=True,
        is_active=False,
        plu="7",
        weight_unit="lb",
        external_id="0043",
    )
    for code in ("43", "42"):
        BarcodeFactory(product=product, code=code)
    ProductFactory(tenant=shop, sku="A-1", name="Plain", category=None, tax_class=None)

    assert export_catalog(manager_client) == table(
        HEADER,
        [
            "A-1",
            "Plain",
            "2.50",
            "",
            "",
            "",
            "unit",
            "false",
            "true",
            "true",
            "",
            "kg",
            "",
            "false",
            "",
            "",
            "",
            "",
            "",
            "",
            "",
        ],
        [
            "P-1",
            "Pear",
            "1.20",
            "42|43",
            "Fruit",
            "Reduced",
            "weight",
            "true",
            "true",
            "false",
            "7",
            "lb",
            "",
            "false",
            "",
            "",
            "",
            "",
            "",
            "0043",
            "",
        ],
    )


def test_export_of_an_empty_catalog_is_only_a_header(manager_client, shop):
    assert export_catalog(manager_client) == table(HEADER)
    assert import_catalog(manager_client, export_catalog(manager_client)) == (0, 0, 0)


def test_export_is_an_attachment_that_is_not_cached(manager_client, product):
    response = manager_client.get("products/export/")

    assert response["Content-Type"] == "text/csv; charset=utf-8"
    assert response["Content-Disposition"].startswith('attachment; filename="green-products-20')
    assert response["Content-Disposition"].endswith('.csv"')
    assert response["Cache-Control"] == "no-store"


@pytest.mark.parametrize("accept", ["text/csv", "*/*", "application/json"])
def test_export_ignores_the_accept_header(manager_client, product, accept):
    assert manager_client.get("products/export/", Accept=accept).status_code == 200


def test_export_contains_no_product_of_another_shop(manager_client, product, foreign):
    assert "LEAKMARK" not in export_catalog(manager_client)
    assert "APPLE" in export_catalog(manager_client)


def test_reimport_of_an_export_changes_nothing(manager_client, shop):
    with tenant_scope(shop):
        category, taxes = CategoryFactory(tenant=shop), TaxClassFactory(tenant=shop)
        for number, text in enumerate([*DANGEROUS, *HARMLESS]):
            product = ProductFactory(
                tenant=shop,
                sku=normalize_code(f"{text}{number}"),
                name=text,
                category=category,
                tax_class=taxes,
            )
            BarcodeFactory(product=product, code=normalize_code(f"{text}b{number}"))
            BarcodeFactory(product=product, code=normalize_code(f"|{text};{number}\\"))
        ProductFactory(tenant=shop, category=CategoryFactory(tenant=shop, name="=1"))
        before = snapshot_catalog()

    text = export_catalog(manager_client)

    assert import_catalog(manager_client, text) == (0, 0, len(parse_rows(text)))
    with tenant_scope(shop):
        assert snapshot_catalog() == before


def test_export_imported_into_another_shop_gives_the_same_catalog(
    manager_client, shop, client_of, foreign
):
    for text in [*DANGEROUS, *HARMLESS]:
        product = ProductFactory(tenant=shop, sku=normalize_code(text), name=text, tax_class=None)
        BarcodeFactory(product=product, code=normalize_code(f"b{text}"))
    with tenant_scope(foreign.tenant):
        Barcode.objects.all().delete()
        foreign.stock_level.delete()

    theirs = client_of(foreign.manager)
    import_catalog(theirs, export_catalog(manager_client))

    ours = parse_rows(export_catalog(manager_client))
    assert len(ours) == len([*DANGEROUS, *HARMLESS])
    assert [
        row for row in parse_rows(export_catalog(theirs)) if "LEAKMARK" not in row["name"]
    ] == ours


@pytest.mark.parametrize("text", DANGEROUS)
def test_exported_cells_are_never_formulas(manager_client, shop, text):
    product = ProductFactory(
        tenant=shop,
        sku=normalize_code(text),
        name=text,
        category=CategoryFactory(tenant=shop, name=text),
    )
    BarcodeFactory(product=product, code=normalize_code(text))

    (row,) = parse_rows(export_catalog(manager_client))

    for column in ("sku", "name", "barcodes", "category"):
        assert row[column].startswith("'"), column


@pytest.mark.slow
@given(st.text())
def test_escaped_cell_unescapes_to_the_original_text(text):
    assert unescape_formula(escape_formula(text)) == text
    assert escape_formula(text)[:1] not in {"=", "+", "-", "@", "\t", "\r", "\n"}


words = st.text(st.characters(exclude_categories=("C", "Z")), min_size=1, max_size=20)


@pytest.mark.slow
@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(name=words, sku=words, codes=st.lists(words, max_size=3), price=st.integers(0, 10**13 - 1))
def test_product_accepted_by_the_api_is_unchanged_by_reimport(
    manager_client, shop, name, sku, codes, price
):
    with tenant_scope(shop):
        Product.objects.all().delete()
    body = {"sku": sku, "name": name, "price": f"{Decimal(price) / 100:.2f}", "barcodes": codes}
    response = manager_client.post("products/", body)
    assert response.status_code in {201, 400}, response.content
    before = manager_client.get("products/").json()["results"]

    assert import_catalog(manager_client, export_catalog(manager_client)) == (0, 0, len(before))

    assert manager_client.get("products/").json()["results"] == before


def test_reimport_keeps_a_price_with_more_decimals_than_the_currency(
    manager_client, shop, configure_shop
):
    ProductFactory(tenant=shop, sku="OLD", price=Decimal("1.235"))

    assert import_catalog(manager_client, export_catalog(manager_client)) == (0, 0, 1)

    with tenant_scope(shop):
        assert Product.objects.get().price == Decimal("1.235")


# --- streaming ----------------------------------------------------------------------------------


def test_export_longer_than_a_page_is_complete(manager_client, shop, monkeypatch):
    monkeypatch.setattr(csv_export, "PAGE_SIZE", 3)
    skus = [f"S-{number}" for number in range(7)]
    for sku in reversed(skus):
        ProductFactory(tenant=shop, sku=sku)

    assert [row["sku"] for row in parse_rows(export_catalog(manager_client))] == skus


def test_export_has_no_open_tenant_scope_between_pages(shop, monkeypatch):
    monkeypatch.setattr(csv_export, "PAGE_SIZE", 1)
    for _ in range(3):
        ProductFactory(tenant=shop)

    pieces = csv_export.export_products(shop)

    assert not has_scope()
    for _ in range(3):
        next(pieces)
        assert not has_scope()
    pieces.close()


@pytest.mark.django_db(transaction=True)
def test_export_is_read_outside_of_the_view_and_of_a_transaction(
    manager_client, product, transactional_db
):
    response = manager_client.get("products/export/")

    with CaptureQueriesContext(connection) as queries:
        body = b"".join(response.streaming_content)

    assert b"APPLE" in body
    assert any("orders_product" in query["sql"] for query in queries)
    assert not connection.in_atomic_block


def test_export_while_products_are_deleted_continues(shop, monkeypatch):
    monkeypatch.setattr(csv_export, "PAGE_SIZE", 2)
    products = [ProductFactory(tenant=shop, sku=f"S-{number}") for number in range(6)]
    pieces = csv_export.export_products(shop)
    text = next(pieces) + next(pieces)
    with tenant_scope(shop):
        Product.objects.filter(sku__in=["S-1", "S-2"]).delete()

    text += "".join(pieces)

    assert [row["sku"] for row in parse_rows(text)] == ["S-0", "S-1", "S-3", "S-4", "S-5"]
    assert len(products) == 6


def test_export_is_refused_for_cashiers_and_with_filters(
    client_of, cashier, manager_client, problem
):
    problem(client_of(cashier).get("products/export/"), 403, "permission_denied")
    problem(
        manager_client.get("products/export/", {"search": "x"}),
        400,
        "unknown_filter",
        {"search": "unknown_filter"},
    )
