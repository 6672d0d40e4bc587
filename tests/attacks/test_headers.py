"""Unexpected headers, methods, keys and files."""

import gzip
import io
import zipfile

import pytest

from orders.models import Category, Product, StockMovement
from tenants.models import IdempotencyKey
from tenants.scope import across_tenants, tenant_scope
from tests.factories.orders import CategoryFactory
from tests.support.api import Api, Person
from tests.support.attack_outcome import assert_harmless, assert_refused


@pytest.fixture
def category(shop):
    return CategoryFactory(tenant=shop, name="Fruit")


TAGS = [
    "3",
    "",
    '""',
    'W/"1"',
    '"1", "2"',
    '"-1"',
    '"1e0"',
    '"\u0663"',
    '"9999999999"',
    "**",
    '"1"x',
    "'1'",
]


@pytest.mark.parametrize("tag", TAGS)
def test_invalid_if_match_changes_nothing(tag, admin_client, category):
    path = f"categories/{category.pk}/"

    assert_refused(admin_client.patch(path, {"name": "Changed"}, If_Match=tag), 400, 412)

    assert admin_client.get(path).json()["name"] == "Fruit"


OVERRIDES = [
    {"X_HTTP_Method_Override": "DELETE"},
    {"X_HTTP_Method": "PATCH"},
    {"X_Method_Override": "PUT"},
    {"X_Original_URL": "/api/v1/users/"},
    {"X_Rewrite_URL": "/api/v1/users/"},
    {"X_Forwarded_Prefix": "/admin"},
    {"X_Forwarded_Host": "evil.example"},
    {"Forwarded": "host=evil.example;for=127.0.0.1"},
]


@pytest.mark.parametrize("header", OVERRIDES, ids=lambda header: next(iter(header)))
def test_override_headers_are_ignored(header, cashier, admin_client, category):
    path = f"categories/{category.pk}/"

    shown = Person(cashier).get(path, **header)
    listed = admin_client.get("categories/", {"page_size": "1"}, **header)

    assert (shown.status_code, shown.json()["name"]) == (200, "Fruit")
    assert b"evil" not in listed.content
    assert_refused(Person(cashier).post(path, {}, **header), 403, 405)
    assert_refused(
        admin_client.post(f"{path}?_method=DELETE", {"_method": "DELETE"}, **header), 405
    )


@pytest.mark.parametrize("method", ["TRACE", "CONNECT", "PROPFIND", "DELETE\t", "X" * 5_000])
def test_unknown_methods_get_405(method, admin_client, category):
    assert_refused(admin_client.send(method, "categories/"), 405)


KEYS = ["two words", "x" * 256, "", "clé", "\t", "a\x7fb", "x" * 10_000]


@pytest.mark.parametrize("key", KEYS)
def test_attack_116_invalid_idempotency_key_is_rejected_and_nothing_is_stored(
    key, admin_client, shop
):
    assert assert_refused(
        admin_client.post("categories/", {"name": "New"}, Idempotency_Key=key)
    ).startswith("idempotency_key")
    with tenant_scope(shop):
        assert not Category.objects.exists()
        assert not IdempotencyKey.objects.exists()


def test_attack_116_idempotency_key_belongs_to_one_user_path_and_shop(
    admin_client, manager, foreign, category
):
    clients = [admin_client, Person(manager), Person(foreign.admin)]
    bodies = [("categories/", "name"), ("stores/", "name"), ("tax-classes/", "name")]

    for number, client in enumerate(clients):
        for path, field in bodies[: 1 if number == 1 else 3]:
            body = {field: f"Name {number}"} | ({"rates": []} if path == "tax-classes/" else {})
            made = assert_harmless(client.post(path, body, Idempotency_Key="the-same"))
            assert made.status_code == 201, made.content
            assert "Idempotent-Replayed" not in made

    with across_tenants():
        assert IdempotencyKey.objects.filter(key="the-same").count() == 7
    unknown = assert_refused(Person(manager).get("idempotency/unknown/"), 404)
    assert unknown == "not_found"


def test_times_of_other_zones_are_converted_and_invalid_times_rejected(
    admin_client, product, store
):
    body = {"type": "receive", "product": str(product.pk), "store": str(store.pk), "quantity": "1"}
    for at in ("2026-03-29T02:30:00+01:00", "2026-03-29T01:30:00Z", "2026-03-28T11:30:00-14:00"):
        made = admin_client.post("stock/movements/", body | {"occurred_at": at}, Idempotency_Key=at)
        assert assert_harmless(made).json()["occurred_at"] == "2026-03-29T01:30:00Z"
    times = [
        *("2026-02-29T00:00:00Z", "2026-03-29T02:30:00", "0001-01-01T00:00:00+23:59", "now"),
        *("9999-12-31T23:59:59-23:59", "2026-01-01T24:00:00Z", "2026-01-01T00:00:00+99:99"),
        *("2999-01-01T00:00:00Z", "1767225600", 1767225600, "2026-01-01T23:59:60Z"),
    ]
    for number, at in enumerate(times):
        body |= {"occurred_at": at}
        assert_refused(admin_client.post("stock/movements/", body, Idempotency_Key=f"no-{number}"))
    with tenant_scope(product.tenant):
        assert (
            StockMovement.objects.filter(type="receive").count() == 3 + 1
        )  # and the initial stock


def build_zip(text: bytes) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("products.csv", text)
    return made.getvalue()


ROW = b"sku,name,price\n"
FILES = {
    "a zip": build_zip(ROW + b"A,B,1\n" * 100_000),
    "a gzip": gzip.compress(ROW + b"A,B,1\n" * 100_000),
    "a million columns": b"," * 1_000_000,
    "a million columns in a row": ROW + b"," * 1_000_000,
    "a cell without an end": ROW + b'"' + b"x" * 2_000_000,
    "a long cell": ROW + b"A," + b"x" * 60_000 + b",1\n",
    "NUL": ROW + b"A\0,B,1\n",
    "utf-16 that is cut off": (ROW + b"A,B,1\n").decode().encode("utf-16")[:-1],
    "neither UTF-8 nor Windows-1252": ROW + b"A,\x81,1\n",
    "columns twice": b"sku,sku,name,price\nA,B,C,1\n",
    "a price of a spreadsheet": ROW + b"A,B,1e5\nC,D,=1+1\n",
    "a mark and nothing": b"\xef\xbb\xbf",
    "a hundred thousand quotes": ROW + b'"' * 100_001,
}


@pytest.mark.parametrize("file", FILES.values(), ids=FILES)
@pytest.mark.timeout(20)  # quadratic code would take minutes
def test_invalid_catalog_files_are_rejected(file, admin_client, shop):
    answer = admin_client.send("POST", "products/import/", file, "text/csv")

    assert assert_harmless(answer).status_code in {400, 413, 422}, answer.content[:300]
    assert len(answer.content) < 100_000
    with tenant_scope(shop):
        assert not Product.objects.exists()


ACCEPTED = [
    "text/html",
    "application/xml",
    "*/*;q=0",
    "application/json;q=2",
    "/",
    "x" * 8_000,
    ",",
]


@pytest.mark.parametrize("accept", ACCEPTED)
def test_answer_is_json_for_any_accept_header(accept, admin_client, category):
    for path in ("categories/", "products/", f"categories/{category.pk}/", "nowhere/"):
        answer = assert_harmless(admin_client.get(path, Accept=accept))
        assert answer["Content-Type"] in {"application/json", "application/problem+json"}


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "Basic", "Token", "Bearer\u00a0", "Digest"])
def test_malformed_authorization_is_rejected(scheme, admin_client):
    token = admin_client.tokens.access
    for spelled in (f"{scheme}{token}", f"{scheme} {token} x", f"{scheme} {token},{token}", scheme):
        assert_refused(Api(Authorization=spelled).get("categories/"), 401)
    assert_refused(Api(Cookie=f"access={token}").get("categories/"), 401)
    assert_refused(Api().get("categories/", {"access_token": token}), 401)
