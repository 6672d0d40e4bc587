"""Compression of every answer of the API that holds no secret."""

import gzip
import uuid

import pytest
from django.test import Client

from config import openapi_examples as examples
from config.compression import (
    COMPRESSED_WRITES,
    MIN_LENGTH,
    SECRET_PREFIXES,
    compress,
    is_compressible,
)
from tests.architecture.test_schema import document
from tests.factories.orders import ProductFactory
from tests.support.discovery import routes

pytestmark = pytest.mark.django_db
SECRET_FIELDS = {
    *("access", "refresh", "access_token", "refresh_token", "terminal_token", "secret"),
    *("temporary_password", "pairing_code", "full_code", "store_credit_codes", "hint"),
}
BOOKKEEPING = examples.BODIES["bookkeeping_profiles.create"]


@pytest.fixture
def client(client_of, cashier):
    return client_of(cashier)


@pytest.fixture
def products(shop):
    return ProductFactory.create_batch(10, tenant=shop)


def test_large_list_is_compressed(client, products):
    plain = client.get("products/")
    compressed = client.get("products/", Accept_Encoding="gzip")

    assert compressed["Content-Encoding"] == "gzip"
    assert gzip.decompress(compressed.content) == plain.content
    assert compressed["Content-Length"] == str(len(compressed.content))
    assert compressed["ETag"] == plain["ETag"]
    assert compressed["Vary"] == plain["Vary"] == "Accept-Encoding"


@pytest.mark.parametrize(
    ("accepted", "is_accepted"),
    [
        ("gzip", True),
        ("GZIP", True),
        ("br, gzip", True),
        ("gzip;q=0.001, br", True),
        ("*", True),
        ("gzip; q=1.0", True),
        ("", False),
        ("br", False),
        ("gzip;q=0", False),
        ("gzip;q=0.000", False),
        ("xgzip", False),
        ("identity", False),
    ],
)
def test_accept_encoding_decides_about_compression(accepted, is_accepted):
    assert (compress(b"x" * MIN_LENGTH, accepted) is not None) == is_accepted


# Parameters without which a read has no answer.
QUERIES = {
    "sales-report": {"group_by": "day"},
}
READS = sorted(
    route.name
    for route in routes()
    if route.path.startswith("api/v1/") and "<" not in route.path and "get" in route.methods
)


def test_every_read_without_a_secret_is_compressed(client_of, admin, register, monkeypatch):
    """A list that holds a secret needs a prefix in `SECRET_PREFIXES`."""
    monkeypatch.setattr("config.compression.MIN_LENGTH", 0)
    paths = {route.name: route.path for route in routes()}
    reader = client_of(admin)
    raw, exact = set(), set()
    queries = QUERIES | {
        "shift-current": {"register": str(register.pk)},
        "bookkeeping-report": {"store": str(register.store_id), "month": "2026-01"},
    }
    shift = {"id": str(uuid.uuid4()), "register": str(register.pk), "opening_float": "1.00"}
    assert reader.post("shifts/", shift).status_code == 201
    profile = BOOKKEEPING | {"store": str(register.store_id)}
    assert reader.post("bookkeeping-profiles/", profile).status_code == 201
    for name in set(READS) - {"pin-users"}:
        path = paths[name].removeprefix("api/v1/")
        response = reader.get(path, queries.get(name), Accept_Encoding="gzip")
        assert response.status_code == 200, (name, response.content)
        if "Content-Encoding" not in response:
            raw.add(name)
            if response.get("ETag", "").startswith('"'):
                exact.add(name)

    secret = {name for name in READS if f"/{paths[name]}".startswith(SECRET_PREFIXES)}
    # Single rows, whose strong ETag names exact bytes.
    assert exact - secret == {"tenant", "shift-current"}
    assert raw - exact == secret - {"pin-users", "me"}


def test_answers_to_writes_are_compressed_if_they_never_show_a_secret(client_of, admin, products):
    body = {"lines": [{"sku": each.sku, "quantity": "1"} for each in products]}

    plain = client_of(admin).post("orders/calculate/", body)
    compressed = client_of(admin).post("orders/calculate/", body, Accept_Encoding="gzip")

    assert compressed["Content-Encoding"] == "gzip"
    assert gzip.decompress(compressed.content) == plain.content
    operations = document()["paths"]
    assert [path for path in COMPRESSED_WRITES if "post" not in operations[path]] == []


def test_short_lists_are_not_compressed(client):
    response = client.get("products/", Accept_Encoding="gzip")

    assert "Content-Encoding" not in response
    assert "Accept-Encoding" in response["Vary"]


def test_streamed_files_are_compressed(client_of, admin, products):
    plain = b"".join(client_of(admin).get("products/export/").streaming_content)
    response = client_of(admin).get("products/export/", Accept_Encoding="gzip")

    assert response["Content-Encoding"] == "gzip"
    assert "Accept-Encoding" in response["Vary"]
    assert gzip.decompress(b"".join(response.streaming_content)) == plain


def test_document_of_the_api_is_compressed():
    response = Client().get("/api/schema/", headers={"Accept-Encoding": "gzip"})

    assert response["Content-Encoding"] == "gzip"
    assert len(response.content) * 5 < len(gzip.decompress(response.content))


def find_fields_with_secrets(schemas, schema, seen):
    """Return the names of fields in an answer whose values are secret."""
    if isinstance(schema, list):
        return {name for each in schema for name in find_fields_with_secrets(schemas, each, seen)}
    if not isinstance(schema, dict):
        return set()
    reference = schema.get("$ref", "").rpartition("/")[2]
    if reference and reference not in seen:
        seen.add(reference)
        return find_fields_with_secrets(schemas, schemas[reference], seen)
    found = set(schema.get("properties", ())) & SECRET_FIELDS
    return found | find_fields_with_secrets(schemas, list(schema.values()), seen)


def test_no_answer_with_a_field_for_a_secret_is_compressed():
    """Also not of an operation that is added: its schema tells."""
    components = document()["components"]["schemas"]
    compressed = {
        f"{method} {path}": found
        for path, operations in document()["paths"].items()
        for method, operation in operations.items()
        if is_compressible(method.upper(), path, "")
        for answer in operation["responses"].values()
        for content in answer.get("content", {}).values()
        if (found := find_fields_with_secrets(components, content["schema"], set()))
    }

    # Null except in the answer to the request that makes the store credit.
    assert set().union(*compressed.values()) <= {"store_credit_codes"}
    assert all(name.startswith("get ") for name in compressed)


@pytest.mark.parametrize(
    "path", ["/admin/", "/till/", "/platform/login/", "/.well-known/jwks.json"]
)
def test_pages_are_not_compressed(path):
    """They hold a token against forged requests."""
    assert not is_compressible("GET", path, "")


def test_single_rows_and_errors_are_not_compressed(client, products, monkeypatch):
    monkeypatch.setattr("config.compression.MIN_LENGTH", 0)

    for path in (f"products/{products[0].pk}/", "products/?unknown=1"):
        assert "Content-Encoding" not in client.get(path, Accept_Encoding="gzip")
    # Writes may show a secret once.
    body = {"name": "Shelf"}
    assert "Content-Encoding" not in client.post("orders/", body, Accept_Encoding="gzip")
    assert not is_compressible("POST", "/api/v1/service-keys/", "")


def test_compression_of_the_same_bytes_is_deterministic():
    body = bytes(range(256)) * 40

    assert compress(body, "gzip") == compress(body, "gzip")
