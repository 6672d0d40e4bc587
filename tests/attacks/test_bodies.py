"""Bodies, keys, numbers and paths that no client means, on the routes that people use."""

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
def admin_client(admin):
    return Person(admin)


@pytest.fixture
def counted(shop):
    def rows():
        with tenant_scope(shop):
            return Order.objects.count(), Product.objects.count()

    return rows


def test_attack_101_towers_of_brackets_fall_everywhere(admin_client):
    for method, path in WRITES:
        tower = b"[" * 100_000
        assert_harmless(
            admin_client.send(method.upper(), path, tower, If_Match="*", Idempotency_Key="k")
        )
    admin_client = Person(admin_client.user)  # a log-out reads no body
    for tower in (b'{"a":' * 20_000, b"[" * 20_000 + b"]" * 20_000, b'[{"a":' * 33):
        code = assert_refused(admin_client.post(SALE, tower, Idempotency_Key="k"))
        assert code in {"too_deep", "malformed_json"}


def test_attack_102_bodies_that_are_too_much_or_of_no_length(admin_client, counted):
    before = counted()
    six = b'{"note": "' + b"x" * 6 * MIB + b'"}'
    bomb = gzip.compress(b"[" * 10 * MIB)

    assert assert_refused(admin_client.post(SALE, six), 413) == "body_too_large"
    assert_refused(admin_client.post(SALE, bomb, Content_Encoding="gzip"), 415)
    assert_refused(admin_client.post(SALE, b"", Transfer_Encoding="chunked"), 400, 411)
    assert_refused(admin_client.send("POST", SALE, b"{}", CONTENT_LENGTH="1"))
    assert counted() == before


NUMBERS = ["9" * 5_000, "1" + "0" * 31, "1e999999999", "-" + "9" * 50, "0." + "0" * 5_000 + "1"]


def test_attack_104_numbers_of_thousands_of_digits(admin_client, product, counted):
    before = counted()
    for number in NUMBERS:
        for field in ('"price"', '"sku"', '"quantity"', '"reorder_point"'):
            assert_refused(admin_client.post("products/", f"{{{field}: {number}}}"))
    assert counted() == before


AMOUNTS = [
    *("NaN", "sNaN", "Infinity", "-0", "1e5", "1_000", "\u0661\u0662", " 1 ", "0.001", "1e-30"),
    *("+1", "1.", ".5", "1,50", "0x10", "\uff11\uff12", "--1", "1" * 12, "", "null"),
    *(True, [], {}, 1.1, None, ["1.00"], {"amount": "1.00"}, 10**30, -1),
]


def test_attack_105_only_a_plain_amount_is_one(admin_client, till_body, counted):
    before = counted()
    for amount in AMOUNTS:
        new = {"sku": "NEW", "name": "New", "price": amount}
        assert_refused(admin_client.post("products/", new))
        paid = {"method": "cash", "amount": amount}
        assert_refused(admin_client.post(SALE, till_body(payments=[paid]), Idempotency_Key="k"))
        assert_refused(admin_client.post("store-credits/", {"amount": amount}, Idempotency_Key="k"))
    assert counted() == before


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


def test_attack_107_what_is_no_id_names_nothing(admin_client, till_body, product, counted):
    before = counted()
    for key in KEYS:
        lines = [{"product": key, "quantity": "1"}]
        assert_refused(admin_client.post(SALE, till_body(lines=lines), Idempotency_Key="k"))
        assert_refused(admin_client.post(SALE, till_body(register=key), Idempotency_Key="k"))
        assert_refused(admin_client.post(SALE, till_body(id=key), Idempotency_Key="k"))
        assert_refused(admin_client.post("registers/", {"name": "New", "store": key}))
        assert_refused(
            admin_client.patch(f"products/{product.pk}/", {"category": key}, If_Match="*")
        )
    assert counted() == before


PLACES = ["9" * 26, "-1", "1e3", "🧀", "%00", "%2e%2e", "null", "..%2f..", "0" * 36, "a" * 5_000]


def test_attack_108_what_is_no_id_leads_nowhere(admin_client):
    """Whatever the kind; the key of an idempotent request may be any word."""
    for route in routes():
        if "<uuid:pk>" in route.path:
            for place in PLACES:
                path = route.path.removeprefix("api/v1/").replace("<uuid:pk>", place)
                for method in route.methods:
                    assert_refused(admin_client.send(method.upper(), path.split("<")[0]), 404)


def test_attack_109_no_column_of_json_takes_what_is_no_character(admin_client, cashier, till_body):
    asking = Person(cashier)
    for text in (r"a\u0000b", r"\ud800", r"\udfff\ud800"):
        noted = json.dumps(till_body(discounts=[{"type": "percent", "value": "1", "reason": "@"}]))
        assert_refused(admin_client.post(SALE, noted.replace("@", text), Idempotency_Key="k"))
        leave = json.dumps({"action": "discount", "object": {"order": "@"}, "amount": "1.00"})
        assert_refused(asking.post("approvals/", leave.replace("@", text)))
        limits = json.dumps({"limits": {"cashier": {"refund_amount": "@"}}})
        assert_refused(admin_client.patch("tenant/", limits.replace("@", text), If_Match="*"))


@pytest.mark.timeout(20)  # what grows with the square of the size takes minutes
def test_attack_110_more_of_everything_than_anybody_sells(admin_client, till_body, counted):
    before = counted()
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
    assert counted() == before


def test_attack_111_unknown_keys_are_unknown_whatever_they_are_called(admin_client, counted):
    before = counted()
    for key in ("__proto__", "constructor", "__class__", "tenant", "tenant_id", "pk", "_state"):
        new = {"sku": "NEW", "name": "New", "price": "1.00", key: {"admin": True}}
        response = admin_client.post("products/", new)
        assert assert_refused(response) == "invalid"
        assert [each["code"] for each in response.json()["errors"]] == ["unknown_field"]
    assert counted() == before


def test_attack_113_twins_of_a_sku_are_one(admin_client, counted):
    new = {"name": "Coffee", "price": "1.00"}
    assert admin_client.post("products/", new | {"sku": "CAF\u00c9"}).status_code == 201
    before = counted()

    assert_refused(admin_client.post("products/", new | {"sku": "CAFE\u0301"}), 409)

    assert counted() == before
    found = admin_client.get("products/", {"sku": "CAFE\u0301"}).json()["results"]
    assert [row["sku"] for row in found] == ["CAF\u00c9"]


BODIES = {
    "utf-16": '{"name": "x"}'.encode("utf-16"),
    "utf-32": '{"name": "x"}'.encode("utf-32"),
    "a mark of the order of bytes": b'\xef\xbb\xbf{"name": "x"}',
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
def test_no_body_is_read_in_two_ways(body, admin_client):
    for path in ("categories/", "stores/", "tax-classes/"):
        assert_refused(admin_client.post(path, body))
