"""A catalog file with errors is refused with row numbers, and nothing is written."""

import pytest
from django.test.client import BOUNDARY, MULTIPART_CONTENT, encode_multipart

from orders.models import Product
from orders.services.catalog import csv_diff, csv_file
from tenants.models import AuditEvent
from tenants.scope import tenant_scope
from tests.architecture.test_schema import ensure_documented
from tests.factories.orders import BarcodeFactory, ProductFactory
from tests.support.catalog_files import (
    PATH,
    build_upload_form,
    import_catalog,
    snapshot_catalog,
    upload_catalog,
)
from tests.support.problems import assert_problem

pytestmark = pytest.mark.once

GOOD = "sku,name,price\nGOOD,Good,1.00\n"


@pytest.fixture
def catalog_unchanged(shop, product):
    """Assert at the end that the catalog is unchanged and no import was audited."""
    BarcodeFactory(product=product, code="42")
    with tenant_scope(shop):
        before = snapshot_catalog()
    yield
    with tenant_scope(shop):
        assert snapshot_catalog() == before
        assert not AuditEvent.objects.filter(event="products_imported").exists()


def row_errors(response):
    """Return row, field and code of each error of a refused import or a dry run."""
    problem = response.json()
    if response.status_code == 200:
        assert set(problem) == {
            *("created", "updated", "unchanged", "format", "skipped", "stock_set"),
            *("errors", "error_count", "warnings", "warning_count"),
        }
        ensure_documented(response, "post", "product-import")
    else:
        assert (response.status_code, problem["code"]) == (400, "invalid_rows"), response.content
    assert problem["error_count"] >= len(problem["errors"]) > 0
    assert all(error["detail"] for error in problem["errors"])
    return [(error["row"], error["field"], error["code"]) for error in problem["errors"]]


@pytest.mark.usefixtures("catalog_unchanged")
@pytest.mark.parametrize("query", ["", "?dry_run=1"])
@pytest.mark.parametrize(
    ("text", "errors"),
    [
        # --- cells
        ("sku,name,price\nA,,1\n", [(2, "name", "blank")]),
        ("sku,name,price\n,Apple,1\n", [(2, "sku", "blank")]),
        ("sku,name,price\n\u200b,Apple,1\n", [(2, "sku", "blank")]),
        ("sku,name,price\nA,Apple,\n", [(2, "price", "blank")]),
        ("sku,name,price\nA,Apple,1.2345\n", [(2, "price", "max_decimal_places")]),
        ("sku,name,price\nA,Apple,-1\n", [(2, "price", "not_a_number")]),
        ("sku,name,price\nA,Apple,1e3\n", [(2, "price", "not_a_number")]),
        ("sku,name,price\nA,Apple,NaN\n", [(2, "price", "not_a_number")]),
        ("sku,name,price\nA,Apple,\uff11\n", [(2, "price", "not_a_number")]),
        ("sku,name,price\nA,Apple,1 piece\n", [(2, "price", "not_a_number")]),
        ("sku,name,price\nA,Apple,USD 1\n", [(2, "price", "wrong_currency")]),
        ("sku,name,price\nA,Apple,123456789012\n", [(2, "price", "max_digits")]),
        (f"sku,name,price\n{'A' * 65},Apple,1\n", [(2, "sku", "max_length")]),
        (f"sku,name,price\nA,{'A' * 201},1\n", [(2, "name", "max_length")]),
        ("sku,name,price\nA,Ap\0ple,1\n", [(2, "name", "control_character")]),
        ("sku,name,price\nA\0,Apple,1\n", [(2, "sku", "control_character")]),
        ('sku,name,price\nA,"Ap\nple",1\n', [(2, "name", "control_character")]),
        ("sku,sold_by\nAPPLE,dozen\n", [(2, "sold_by", "invalid_choice")]),
        ("sku,open_price\nAPPLE,maybe\n", [(2, "open_price", "invalid_choice")]),
        ("sku,tax_class\nAPPLE,Luxury\n", [(2, "tax_class", "unknown_tax_class")]),
        (f"sku,category\nAPPLE,{'C' * 101}\n", [(2, "category", "max_length")]),
        (f"sku,barcodes\nAPPLE,{'1' * 65}\n", [(2, "barcodes", "max_length")]),
        (
            f"sku,barcodes\nAPPLE,{'|'.join(map(str, range(51)))}\n",
            [(2, "barcodes", "too_many_barcodes")],
        ),
        ("sku,name,price\nA,,x\n", [(2, "name", "blank"), (2, "price", "not_a_number")]),
        # --- rows
        ("sku,name,price\nA,Apple\n", [(2, "", "wrong_number_of_cells")]),
        ("sku,name,price\nA,Apple,1,2\n", [(2, "", "wrong_number_of_cells")]),
        ("sku,price\nNEW,1\n", [(2, "name", "required")]),
        ("sku\nNEW\n", [(2, "name", "required"), (2, "price", "required")]),
        (f"{GOOD}A,Apple,1\n\nA,Apple,1\n", [(5, "sku", "duplicate")]),
        (f"{GOOD}\uff21,Apple,1\nA,Apple,1\n", [(4, "sku", "duplicate")]),
        (
            'sku,name,price\n"A\nB",x,1\nC,,1\n',
            [(2, "sku", "control_character"), (3, "name", "blank")],
        ),
        (f'{GOOD}A,"Apple,1\nB,Bread,1\n', [(3, "", "malformed_csv")]),
        (f'{GOOD}A,"Apple"s,1\n', [(3, "", "malformed_csv")]),
        (f'{GOOD}A,"{"x" * 200_000}\n', [(3, "", "malformed_csv")]),
        (f"{GOOD}{',' * 200_000}\n", [(3, "", "malformed_csv")]),
        # --- barcodes
        ("sku,name,price,barcodes\nA,a,1,7\nB,b,1,8|7\n", [(3, "barcodes", "duplicate")]),
        ("sku,name,price,barcodes\nA,a,1,42\n", [(2, "barcodes", "barcode_taken")]),
        ("sku,name,price,barcodes\nA,a,1,\uff14\uff12\n", [(2, "barcodes", "barcode_taken")]),
        # --- headers
        ("", [(1, "sku", "required")]),
        ("\n", [(1, "sku", "required")]),
        ("name,price\nApple,1\n", [(1, "sku", "required")]),
        ("sku,name,sku\nA,x,A\n", [(1, "sku", "duplicate_column")]),
    ],
)
def test_invalid_file_is_refused_with_row_field_and_code(manager_client, text, errors, query):
    answer = upload_catalog(manager_client, text, query)

    assert answer.status_code == (200 if query else 400)
    assert row_errors(answer) == errors


@pytest.mark.usefixtures("catalog_unchanged")
def test_dry_run_reports_counts_and_errors(manager_client):
    text = f"{GOOD}APPLE,Apple,9\nA,,1\nB,Bread,x\n"

    report = upload_catalog(manager_client, text, "?dry_run=1")
    refused = upload_catalog(manager_client, text).json()

    assert report.status_code == 200
    assert {name: refused[name] for name in report.json()} == report.json()
    assert [report.json()[name] for name in ("created", "updated", "error_count")] == [1, 1, 2]


@pytest.mark.usefixtures("catalog_unchanged")
def test_dry_run_with_errors_is_replayed_by_its_idempotency_key(manager_client):
    text = f"{GOOD}A,,1\n"

    first, again = (
        upload_catalog(manager_client, text, "?dry_run=1", Idempotency_Key="try") for _ in range(2)
    )

    assert (first.status_code, again.content) == (200, first.content)
    assert again["Idempotent-Replayed"] == "true"


@pytest.mark.usefixtures("catalog_unchanged")
@pytest.mark.parametrize(
    ("content", "errors"),
    [
        # Not a letter in Windows-1252.
        (b"sku,name,price\nA,K\x81se,1\n", [(2, "name", "malformed_encoding")]),
        # Mostly UTF-8, or marked as UTF-8.
        (
            "sku,name,price\nA,K\xe4se,1\n".encode() + b"\xff,x,1\n",
            [(3, "sku", "malformed_encoding")],
        ),
        (b"\xef\xbb\xbfsku,name,price\nA,K\xe4se,1\n", [(2, "name", "malformed_encoding")]),
        # Half a letter of UTF-16 at the end.
        ("sku,name\nAPPLE,x".encode("utf-16") + b"x", [(2, "name", "malformed_encoding")]),
    ],
)
def test_cell_that_cannot_be_decoded_is_refused_with_its_row(manager_client, content, errors):
    assert row_errors(upload_catalog(manager_client, content)) == errors


@pytest.mark.usefixtures("catalog_unchanged")
def test_invalid_row_refuses_the_file_and_valid_rows_are_counted(manager_client):
    text = "sku,name,price,category\nA,a,1,New\nAPPLE,Changed,1,\nB,b,wrong,\nC,c,3,\n"

    problem = refused_import(upload_catalog(manager_client, text))

    assert {name: problem[name] for name in ("created", "updated", "unchanged", "error_count")} == {
        "created": 2,
        "updated": 1,
        "unchanged": 0,
        "error_count": 1,
    }


def refused_import(response):
    assert response.status_code == 400
    return response.json()


@pytest.mark.usefixtures("catalog_unchanged")
@pytest.mark.parametrize("last", ["B,b,wrong,7\n", "B,b,1,42\n"])
def test_invalid_last_row_undoes_earlier_statements(manager_client, last):
    """The invalid row comes after several statements of valid ones."""
    rows = "".join(f"S-{number},Thing,1,\n" for number in range(1_100))

    assert (
        len(row_errors(upload_catalog(manager_client, f"sku,name,price,barcodes\n{rows}{last}")))
        == 1
    )


@pytest.mark.usefixtures("catalog_unchanged")
def test_new_product_without_name_undoes_earlier_changes(manager_client):
    rows = "".join("APPLE,9\n" if number == 0 else f"S-{number},1\n" for number in range(2))

    assert row_errors(upload_catalog(manager_client, f"sku,price\n{rows}")) == [
        (3, "name", "required")
    ]


@pytest.mark.usefixtures("catalog_unchanged")
def test_only_the_first_hundred_errors_are_listed(manager_client):
    problem = refused_import(
        upload_catalog(manager_client, "sku,name,price\n" + "".join(f"{n},,x\n" for n in range(80)))
    )

    assert (len(problem["errors"]), problem["error_count"]) == (100, 160)


@pytest.mark.usefixtures("catalog_unchanged")
@pytest.mark.parametrize(("limit", "number"), [("MAX_ROWS", 2), ("MAX_BARCODES", 1)])
def test_too_many_rows_are_refused_at_the_first_row_above_the_limit(
    manager_client, monkeypatch, limit, number
):
    monkeypatch.setattr(csv_file, limit, number)
    rows = "".join(f"S-{n},Thing,1,{n}\n" for n in range(9))

    assert row_errors(upload_catalog(manager_client, f"sku,name,price,barcodes\n{rows}")) == [
        (4, "", "too_many_rows")
    ]


def test_barcode_of_a_product_outside_the_file_is_refused(manager_client, shop, product):
    other = ProductFactory(tenant=shop, sku="OTHER")
    BarcodeFactory(product=other, code="7")

    response = upload_catalog(manager_client, "sku,barcodes\nAPPLE,7\n")

    assert row_errors(response) == [(2, "barcodes", "barcode_taken")]
    assert "OTHER" in response.json()["errors"][0]["detail"]
    with tenant_scope(shop):
        assert list(other.barcodes.values_list("code", flat=True)) == ["7"]


@pytest.mark.usefixtures("catalog_unchanged")
def test_tax_class_of_another_shop_is_unknown(manager_client, foreign):
    text = f"sku,tax_class\nAPPLE,{foreign.tax_class.name}\n"

    assert row_errors(upload_catalog(manager_client, text)) == [
        (2, "tax_class", "unknown_tax_class")
    ]


@pytest.mark.usefixtures("catalog_unchanged")
def test_import_of_decimals_in_yen_is_refused(manager_client, configure_shop):
    configure_shop("JPY")

    assert row_errors(upload_catalog(manager_client, "sku,price\nAPPLE,1.5\n")) == [
        (2, "price", "max_decimal_places")
    ]


@pytest.mark.parametrize("kind", ["sku", "barcode"])
def test_code_taken_during_the_import_gives_a_conflict(
    manager_client, shop, product, problem, monkeypatch, kind
):
    """Another product takes the code between the comparison and the write. A retry may succeed."""
    write = csv_diff.ChangeSet.write

    def write_after_another_product(changes):
        other = ProductFactory(tenant=shop, sku="NEW" if kind == "sku" else "OTHER")
        BarcodeFactory(product=other, code="7" if kind == "barcode" else "8")
        write(changes)

    monkeypatch.setattr(csv_diff.ChangeSet, "write", write_after_another_product)
    response = upload_catalog(manager_client, "sku,name,price,barcodes\nNEW,New,1,7\n")

    problem(response, 409, "catalog_changed")
    with tenant_scope(shop):
        assert Product.objects.get().sku == "APPLE"
        assert not AuditEvent.objects.filter(event="products_imported").exists()


# --- invalid uploads -----------------------------------------------------------------------------


@pytest.mark.usefixtures("catalog_unchanged")
@pytest.mark.parametrize(
    ("body", "content_type", "status", "code", "errors"),
    [
        (b"", MULTIPART_CONTENT, 400, "invalid", {"file": "required"}),
        (encode_multipart(BOUNDARY, {}), MULTIPART_CONTENT, 400, "invalid", {"file": "required"}),
        (b"", "text/csv", 400, "invalid", {"file": "required"}),
        (
            build_upload_form(b"sku", "other"),
            MULTIPART_CONTENT,
            400,
            "invalid",
            {"other": "unknown_field"},
        ),
        (
            build_upload_form(b"sku", dry_run="1"),
            MULTIPART_CONTENT,
            400,
            "invalid",
            {"dry_run": "unknown_field"},
        ),
        (b"nothing", MULTIPART_CONTENT, 400, "invalid", {"file": "required"}),
        (b"nothing", "multipart/form-data", 400, "malformed_form", {}),
        (b"{}", "application/json", 415, "unsupported_media_type", {}),
        (b"sku", "text/plain", 415, "unsupported_media_type", {}),
        (b"sku", "text/csv; charset=latin-1", 400, "unsupported_charset", {}),
    ],
)
def test_upload_without_csv_content_is_refused(
    manager_client, body, content_type, status, code, errors
):
    assert_problem(manager_client.send("POST", PATH, body, content_type), status, code, errors)


@pytest.mark.usefixtures("catalog_unchanged")
@pytest.mark.parametrize("encoding", ["gzip", "br"])
@pytest.mark.parametrize("content_type", ["text/csv", MULTIPART_CONTENT])
def test_upload_with_content_encoding_is_refused(manager_client, encoding, content_type):
    response = manager_client.send("POST", PATH, b"x", content_type, Content_Encoding=encoding)

    assert_problem(response, 415, "unsupported_content_encoding")


@pytest.mark.usefixtures("catalog_unchanged")
@pytest.mark.parametrize("content_type", ["text/csv", MULTIPART_CONTENT])
def test_upload_above_the_size_limit_is_refused(manager_client, content_type):
    body = b"x" * (16 * 1024 * 1024 + 1)

    response = manager_client.send("POST", PATH, body, content_type)

    assert assert_problem(response, 413, "body_too_large")["max_bytes"] == 16 * 1024 * 1024


def test_upload_may_be_larger_than_other_request_bodies(manager_client):
    rows = "".join(f"S-{number},{'x' * 190},1\n" for number in range(6_000))

    assert import_catalog(manager_client, "sku,name,price\n" + rows, "?dry_run=1") == (6_000, 0, 0)


@pytest.mark.usefixtures("catalog_unchanged")
@pytest.mark.parametrize(
    ("query", "code", "errors"),
    [
        ("?dry_run=maybe", "invalid", {"dry_run": "invalid"}),
        ("?dry_run=", "invalid", {"dry_run": "invalid"}),
        ("?dryrun=1", "unknown_filter", {"dryrun": "unknown_filter"}),
        ("?dry_run=1&dry_run=0", "invalid", {"dry_run": "repeated_parameter"}),
    ],
)
def test_misspelled_dry_run_parameter_is_refused(manager_client, query, code, errors):
    assert_problem(upload_catalog(manager_client, GOOD, query), 400, code, errors)


@pytest.mark.usefixtures("catalog_unchanged")
def test_cashier_cannot_import(client_of, cashier, problem):
    problem(upload_catalog(client_of(cashier), GOOD), 403, "permission_denied")
