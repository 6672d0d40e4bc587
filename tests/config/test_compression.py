"""Compression of large lists."""

import gzip

import pytest

from config.compression import COMPRESSED_PATHS, MIN_LENGTH, compress
from tests.factories.orders import ProductFactory

pytestmark = pytest.mark.django_db


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


@pytest.mark.parametrize("path", sorted(COMPRESSED_PATHS))
def test_answers_without_secrets_are_compressed(client_of, admin, path, monkeypatch):
    monkeypatch.setattr("config.compression.MIN_LENGTH", 0)
    path = path.removeprefix("/api/v1/")
    query = {"group_by": "day"} if path.startswith("reports/") else {}

    plain = client_of(admin).get(path, query)
    compressed = client_of(admin).get(path, query, Accept_Encoding="gzip")

    assert plain.status_code == 200, plain.content
    assert compressed["Content-Encoding"] == "gzip"
    assert gzip.decompress(compressed.content) == plain.content


def test_short_lists_are_not_compressed(client):
    response = client.get("products/", Accept_Encoding="gzip")

    assert "Content-Encoding" not in response
    assert response["Vary"] == "Accept-Encoding"


@pytest.mark.parametrize(
    "path",
    [
        *("auth/me/", "auth/sessions/", "auth/metrics/", "users/", "tenant/", "service-keys/"),
        *("webhooks/", "store-credits/", "customers/", "audit/"),
    ],
)
def test_responses_about_users_are_not_compressed(client_of, admin, path, monkeypatch):
    monkeypatch.setattr("config.compression.MIN_LENGTH", 0)

    response = client_of(admin).get(path, Accept_Encoding="gzip")

    assert response.status_code == 200
    assert "Content-Encoding" not in response


def test_single_rows_and_errors_are_not_compressed(client, products, monkeypatch):
    monkeypatch.setattr("config.compression.MIN_LENGTH", 0)

    for path in (f"products/{products[0].pk}/", "products/?unknown=1"):
        assert "Content-Encoding" not in client.get(path, Accept_Encoding="gzip")


def test_compression_of_the_same_bytes_is_deterministic():
    body = bytes(range(256)) * 40

    assert compress(body, "gzip") == compress(body, "gzip")


def test_compressed_paths_contain_no_path_of_users():
    assert not [path for path in COMPRESSED_PATHS if "auth" in path or "users" in path]
