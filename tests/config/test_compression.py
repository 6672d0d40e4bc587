"""Large lists are compressed, and nothing else."""

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


def test_a_large_list(client, products):
    plain = client.get("products/")
    packed = client.get("products/", Accept_Encoding="gzip")

    assert packed["Content-Encoding"] == "gzip"
    assert gzip.decompress(packed.content) == plain.content
    assert packed["Content-Length"] == str(len(packed.content))
    assert packed["ETag"] == plain["ETag"]
    assert packed["Vary"] == plain["Vary"] == "Accept-Encoding"


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
def test_only_for_clients_that_accept_it(accepted, is_accepted):
    assert (compress(b"x" * MIN_LENGTH, accepted) is not None) == is_accepted


def test_short_lists_are_not_compressed(client):
    response = client.get("products/", Accept_Encoding="gzip")

    assert "Content-Encoding" not in response
    assert response["Vary"] == "Accept-Encoding"


@pytest.mark.parametrize("path", ["auth/me/", "auth/sessions/", "users/", "stores/", "tenant/"])
def test_answers_about_people_are_never_compressed(client_of, admin, path, monkeypatch):
    monkeypatch.setattr("config.compression.MIN_LENGTH", 0)

    response = client_of(admin).get(path, Accept_Encoding="gzip")

    assert response.status_code == 200
    assert "Content-Encoding" not in response


def test_single_rows_and_errors_are_not_compressed(client, products, monkeypatch):
    monkeypatch.setattr("config.compression.MIN_LENGTH", 0)

    for path in (f"products/{products[0].pk}/", "products/?unknown=1"):
        assert "Content-Encoding" not in client.get(path, Accept_Encoding="gzip")


def test_the_same_list_is_always_the_same_bytes():
    body = bytes(range(256)) * 40

    assert compress(body, "gzip") == compress(body, "gzip")


def test_no_path_of_people_is_listed():
    assert not [path for path in COMPRESSED_PATHS if "auth" in path or "users" in path]
