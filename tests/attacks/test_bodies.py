"""Malformed bodies, keys, numbers and paths."""

import gzip
import json

import pytest

from orders.models import Order, Product
from tenants.scope import tenant_scope
from tests.support.api import Person
from tests.support.attack_outcome import assert_harmless, assert_refused
from tests.support.discovery import routes

SALE = "orders/"
MIB = 1024 * 1024
WRITES = sorted(
    {
        (method, route.path.removeprefix("api/v1/"))
        for route in routes()
        for method in set(route.methods) & {"post", "put", "patch"}
        if route.path.startswith("api/v1/") and "<" not in route.path
    }
)


@pytest.fixture
def count_rows(shop):
    def rows():
        with tenant_scope(shop):
            return Order.objects.count(), Product.objects.count()

    return rows


def test_attack_101_deeply_nested_bodies_are_rejected(admin_client):
    for method, path in WRITES:
        tower = b"[" * 100_000
        assert_harmless(
            admin_client.send(method.upper(), path, tower, If_Match="*", Idempotency_Key="k")
        )
    admin_client = Person(admin_client.user)  # the log-out above ended the session
    for tower in (b'{"a":' * 20_000, b"[" * 20_000 + b"]" * 20_000, b'[{"a":' * 33):
        code = assert_refused(admin_client.post(SALE, tower, Idempotency_Key="k"))
        assert code in {"too_deep", "malformed_json"}


def test_attack_102_oversized_compressed_or_unsized_bodies_are_rejected(admin_client, count_rows):
    before = count_rows()
    six = b'{"note": "' + b"x" * 6 * MIB + b'"}'
    bomb = gzip.compress(b"[" * 10 * MIB)

    assert assert_refused(admin_client.post(SALE, six), 413) == "body_too_large"
    assert_refused(admin_client.post(SALE, bomb, Content_Encoding="gzip"), 415)
    assert_refused(admin_client.post(SALE, b"", Transfer_Encoding="chunked"), 400, 411)
    assert_refused(admin_client.send("POST", SALE, b"{}", CONTENT_LENGTH="1"))
    assert count_rows() == before


NUMBERS = ["9" * 5_000, "1" + "0" * 31, "1e999999999", "-" + "9" * 50, "0." + "0" * 5_000 + "1"]


def test_attack_104_numbers_with_thousands_of_digits_are_rejected(
    admin_client, product, count_rows
):
    before = count_rows()
    for number in NUMBERS:
        for field in ('"price"', '"sku"', '"quantity"', '"reorder_point"'):
            assert_refused(admin_client.post("products/", f"{{{field}: {number}}}"))
    assert count_rows() == before


AMOUNTS = [
    *("NaN", "sNaN", "Infinity", "-0", "1e5", "1_000", "\u0661\u0662", " 1 ", "0.001", "1e-30"),
    *("+1", "1.", ".5", "1,50", "0x10", "\uff11\uff12", "--1", "1" * 12, "", "null"),
    *(True, [], {}, 1.1, None, ["1.00"], {"amount": "1.00"}, 10**30, -1),
]


def test_attack_105_amounts_in_other_notations_are_rejected(admin_client, till_body, count_rows):
    before = count_rows()
    for amount in AMOUNTS:
        new = {"sku": "NEW", "name": "New", "price": amount}
        assert_refused(admin_client.post("products/", new))
        paid = {"method": "cash", "amount": amount}
        assert_refused(admin_client.post(SALE, till_body(payments=[paid]), Idempotency_Key="k"))
        assert_refused(admin_client.post("store-credits/", {"amount": amount}, Idempotency_Key="k"))
    assert count_rows() == before


@pytest.fixture
def till_body(product, register):
    lines = [{"product": str(product.pk), "quantity": "1"}]
    return lambda **more: {"register": str(register.pk), "lines": lines, **more}


KEYS = [
    True,
    10**30,
    1,
    -1,
    1.5,
    "1\x00",
    {"id": 1},
    [],
    [1],
    "",
    " ",
    "null",
    "🧀",
    "%00",
    "x" * 9_999,
]


def test_attack_107_invalid_ids_in_bodies_are_rejected(
    admin_client, till_body, product, count_rows
):
    before = count_rows()
    for key in KEYS:
        lines = [{"product": key, "quantity": "1"}]
        assert_refused(admin_client.post(SALE, till_body(lines=lines), Idempotency_Key="k"))
        assert_refused(admin_client.post(SALE, till_body(register=key), Idempotency_Key="k"))
        assert_refused(admin_client.post(SALE, till_body(id=key), Idempotency_Key="k"))
        assert_refused(admin_client.post("registers/", {"name": "New", "store": key}))
        assert_refused(
            admin_client.patch(f"products/{product.pk}/", {"category": key}, If_Match="*")
        )
    assert count_rows() == before


PLACES = ["9" * 26, "-1", "1e3", "🧀", "%00", "%2e%2e", "null", "..%2f..", "0" * 36, "a" * 5_000]


def test_attack_108_invalid_ids_in_paths_get_404(admin_client):
    """For all routes with a UUID; idempotency keys can be any word."""
    for route in routes():
        if "<uuid:pk>" in route.path:
            for place in PLACES:
                path = route.path.removeprefix("api/v1/").replace("<uuid:pk>", place)
                for method in route.methods:
                    assert_refused(admin_client.send(method.upper(), path.split("<")[0]), 404)


def test_attack_109_invalid_characters_in_json_columns_are_rejected(
    admin_client, cashier, till_body
):
    cashier_client = Person(cashier)
    for text in (r"a\u0000b", r"\ud800", r"\udfff\ud800"):
        order = json.dumps(till_body(discounts=[{"type": "percent", "value": "1", "reason": "@"}]))
        assert_refused(admin_client.post(SALE, order.replace("@", text), Idempotency_Key="k"))
        approval = json.dumps({"action": "discount", "object": {"order": "@"}, "amount": "1.00"})
        assert_refused(cashier_client.post("approvals/", approval.replace("@", text)))
        limits = json.dumps({"limits": {"cashier": {"refund_amount": "@"}}})
        assert_refused(admin_client.patch("tenant/", limits.replace("@", text), If_Match="*"))


@pytest.mark.timeout(20)  # quadratic code would take minutes
def test_attack_110_lists_above_their_maximum_length_are_rejected(
    admin_client, till_body, count_rows
):
    before = count_rows()
    keys = json.dumps(dict.fromkeys(map("{:x}".format, range(90_000)), 1))
    line = {"sku": "APPLE", "quantity": "1"}
    assert_refused(admin_client.post(SALE, keys, Idempotency_Key="k"))
    assert_refused(admin_client.post(SALE, till_body(lines=[line] * 20_000), Idempotency_Key="k"))
    assert_refused(
        admin_client.post(SALE, till_body(payments=[{"method": "cash", "amount": "1"}] * 9_999))
    )
    assert_refused(
        admin_client.post(
            "products/", {"sku": "N", "name": "N", "price": "1", "barcodes": ["1"] * 9_999}
        )
    )
    assert_refused(
        admin_client.post(
            "tax-classes/", {"name": "N", "rates": [{"name": "V", "percent": "1"}] * 9_999}
        )
    )
    assert count_rows() == before


def test_attack_111_unknown_fields_with_special_names_are_rejected(admin_client, count_rows):
    before = count_rows()
    for key in ("__proto__", "constructor", "__class__", "tenant", "tenant_id", "pk", "_state"):
        new = {"sku": "NEW", "name": "New", "price": "1.00", key: {"admin": True}}
        response = admin_client.post("products/", new)
        assert assert_refused(response) == "invalid"
        assert [each["code"] for each in response.json()["errors"]] == ["unknown_field"]
    assert count_rows() == before


def test_attack_113_equivalent_unicode_skus_are_duplicates(admin_client, count_rows):
    new = {"name": "Coffee", "price": "1.00"}
    assert admin_client.post("products/", new | {"sku": "CAF\u00c9"}).status_code == 201
    before = count_rows()

    assert_refused(admin_client.post("products/", new | {"sku": "CAFE\u0301"}), 409)

    assert count_rows() == before
    found = admin_client.get("products/", {"sku": "CAFE\u0301"}).json()["results"]
    assert [row["sku"] for row in found] == ["CAF\u00c9"]


BODIES = {
    "utf-16": '{"name": "x"}'.encode("utf-16"),
    "utf-32": '{"name": "x"}'.encode("utf-32"),
    "byte order mark": b'\xef\xbb\xbf{"name": "x"}',
    "latin": b'{"name": "\xe9"}',
    "overlong": b'{"name": "\xc0\xaf"}',
    "two values": b'{"name": "x"} {"name": "y"}',
    "a comment": b'{"name": "x"} // y',
    "a key twice, once escaped": b'{"name": "x", "\\u006eame": "y"}',
    "single quotes": b"{'name': 'x'}",
    "only a number": b"1",
    "nothing": b"null",
}


@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES)
def test_bodies_in_other_encodings_are_rejected(body, admin_client):
    for path in ("categories/", "stores/", "tax-classes/"):
        assert_refused(admin_client.post(path, body))
