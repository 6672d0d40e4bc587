"""Unusual and hostile requests at real servers: the same answers with fast entries as without."""

import gzip
import json
import re
import socket
from contextlib import suppress
from types import SimpleNamespace
from typing import NamedTuple

import pytest

from config.server import SERVERS
from tests.support.fast_sales import build_shop, cash, ids, order
from tests.support.forged_tokens import build_claims, raw, sign_raw_token, sign_token
from tests.support.live import FAST_HEADER
from tests.support.live.server import WEB, run_server
from tests.support.till import line
from tests.support.twin_shops import TwinShops, normalize

pytestmark = [
    pytest.mark.live,
    pytest.mark.postgres,
    pytest.mark.django_db(transaction=True),
]

PRODUCTS, ORDERS = "/api/v1/products/", "/api/v1/orders/"
JSON = "Content-Type: application/json"
# In the place of bytes: nothing more is sent.
END = None
# They differ between two answers to the same request; of a 304, granian omits the length of lists.
VARYING = {"date", "expires", "x-request-id", FAST_HEADER.lower()}
REQUEST_ID = re.compile(rb'"request_id": ?"[0-9a-f]{32}"')


class Pair(NamedTuple):
    """Two servers on one database: with fast entries, and without."""

    fast: object
    plain: object


class Answer(NamedTuple):
    """The responses on one connection, with what may differ left out, and the fast ones of them."""

    text: str
    is_fast: bool


@pytest.fixture(scope="module", params=SERVERS)
def software(request):
    return request.param


@pytest.fixture(scope="module")
def servers(django_db_setup, tmp_path_factory, software):
    options = {"SERVER": software, "WEB_CONCURRENCY": "1"}
    folders = [tmp_path_factory.mktemp(name) for name in ("fast", "plain")]
    with (
        run_server(folders[0], WEB, **options) as fast,
        run_server(folders[1], WEB, FAST_PATHS="off", **options) as plain,
    ):
        yield Pair(fast, plain)


@pytest.fixture
def one():
    """One shop for both servers."""
    shop = build_shop()
    return SimpleNamespace(fast=shop, plain=shop)


@pytest.fixture
def both():
    """Two equal shops, one for each server."""
    return TwinShops(build_shop)


def exchange(server, *parts):
    """Send exactly these bytes, and return all that is received until the connection is closed."""
    received = b""
    with (
        socket.create_connection(("127.0.0.1", server.port), timeout=30) as connection,
        suppress(ConnectionError),
    ):
        for part in parts:
            if part is END:
                with suppress(OSError):  # the server was faster
                    connection.shutdown(socket.SHUT_WR)
            else:
                connection.sendall(part)
        while chunk := connection.recv(65_536):
            received += chunk
    return received


def build_answer(received):
    text = REQUEST_ID.sub(b'"request_id":"id"', received).decode("latin-1")
    left_out = VARYING | ({"content-length"} if " 304 " in text.partition("\r\n")[0] else set())
    lines = text.split("\r\n")
    kept = [each for each in lines if each.partition(":")[0].lower() not in left_out]
    is_fast = FAST_HEADER.lower() in text.lower()
    return Answer(normalize(kept), is_fast)


def write(start, *headers, body=b"", token=None, host="Host: localhost", close=True):
    """Return a request; `start` is its first line without the version, if that is the usual one."""
    first = start if " HTTP/" in start else f"{start} HTTP/1.1"
    lines = [first, *([host] if host else []), *headers]
    lines += [f"Authorization: Bearer {token}"] if token else []
    lines += ["Connection: close"] if close else []
    return "\r\n".join([*lines, "", ""]).encode("latin-1") + body


def compare(servers, both, build):
    """Send what `build(shop)` returns to both servers; return what the first one received."""
    answers = []
    for server, shop in ((servers.fast, both.fast), (servers.plain, both.plain)):
        answers.append(exchange(server, *build(shop)))
    fast, plain = map(build_answer, answers)
    assert fast.text == plain.text
    assert not plain.is_fast
    assert not re.search(rb"HTTP/1\.[01] 5(?!01|05)\d\d ", answers[0]), answers[0]
    return answers[0], fast.is_fast


def compare_all(servers, both, builds):
    """Compare several requests by name, and report all whose answers differ."""
    wrong = {}
    for name, build in builds:
        try:
            compare(servers, both, build)
        except (AssertionError, TimeoutError) as failure:
            wrong[str(name)[:60]] = str(failure)
    assert not wrong, "\n\n".join(f"{name!r}: {what}" for name, what in wrong.items())


def send(start, *headers, **options):
    return lambda shop: [write(start, *headers, token=shop.access, **options)]


def get(path=PRODUCTS, *headers, **options):
    return send(f"GET {path}", *headers, **options)


def test_usual_requests_are_answered_before_django(servers, one, both):
    for path in (PRODUCTS, ORDERS, "/api/v1/stock/", f"{PRODUCTS}?page_size=2"):
        received, is_fast = compare(servers, one, get(path))
        assert (b" 200 OK" in received, is_fast) == (True, True)
    received, is_fast = compare(servers, both, post())
    assert (b" 201 Created" in received, is_fast) == (True, True)


# --- the request line -----------------------------------------------------------------------------

PATHS = [
    *("/api/v1/products", "//api/v1/products/", "/api/v1//products/", "/api/v1/products//"),
    *("/api/v1/%70roducts/?page_size=1", "/api/v1/products%2f", "/api/v1%2fproducts/"),
    *("/api/v1/products/..%2forders/", "/api/v1/products/../orders/", "/api/v1/./products/"),
    *("/API/v1/products/", "/api/v1/products/;a=1", "/api/v1/products;a=1/", "/api/v1/products/."),
    *(
        "/api/v1/products/%00",
        "/api/v1/products/%0a",
        "/api/v1/products/?%00",
        "/api/v1/products/?",
    ),
    *("/api/v1/products/??", "/api/v1/products/?&&", "/api/v1/products/?page_size=1&page_size=2"),
    *("/api/v1/products/?page_size=1;", "/api/v1/products/?page_size=1#x", "/api/v1/products/#x"),
    *("/api/v1/products/?sku=%FF", "/api/v1/products/?sku=%ED%A0%80", "/api/v1/products/?sku=%C3"),
    *("/api/v1/products/?sku=\xff", "/api/v1/products/\xff/", "/api/v1/products/%FF/", "/api/v1/"),
    *(
        "/api/v1/products/?" + "a" * 4_000,
        "/api/v1/products/?sku=" + "a" * 7_000,
        "api/v1/products/",
    ),
    *(
        "/api/v1/products/?" + "a=1&" * 1_500,
        "/api/v1/products/" + "a" * 7_000,
        "*",
        "?page_size=1",
    ),
    *("/api/v1/products/?" + "a" * 9_000, "/api/v1/products/?" + "a" * 70_000),
    *("http://localhost/api/v1/products/?page_size=1", "http://evil.example/api/v1/products/"),
    *("/api/v1/products/018f0000-0000-7000-8000-000000000001", "localhost:80"),
    *("/api/v1/products/018F0000-0000-7000-8000-00000000000A/", "/api/v1/products/null/"),
    *("/api/v1/products/018f0000000070008000000000000001/", "/api/v1/products/%7B0%7D/"),
    *("/api/v1/products/?cursor=../../x", "/api/v1/products/?cursor=e30:e30:e30", "/api/v1/orders"),
]


def test_path_spellings(servers, one):
    compare_all(servers, one, [(path, get(path)) for path in PATHS])


METHODS = [
    *("HEAD", "OPTIONS", "get", "Get", "TRACE", "CONNECT", "PROPFIND", "PUT", "PATCH", "DELETE"),
    *("POST", "GET\0", "G" * 100),
]


def test_methods(servers, one):
    starts = [f"{method} {path}" for method in METHODS for path in (PRODUCTS, ORDERS)]
    compare_all(servers, one, [(start, send(start)) for start in starts])


VERSIONS = ["HTTP/1.0", "HTTP/0.9", "HTTP/1.2", "HTTP/2.0", "HTTP/3", "http/1.1", "HTTP/1.1 x", "X"]


def test_versions(servers, one):
    starts = [f"GET {PRODUCTS} {version}" for version in VERSIONS]
    compare_all(servers, one, [(start, send(start)) for start in starts])
    compare(servers, one, send(f"GET {PRODUCTS} HTTP/1.0", host=None))


HOSTS = [
    *("localhost:80", "LOCALHOST", "localhost.", "127.0.0.1", "[::1]", "[::1]:80", "testserver"),
    *("evil.example", "localhost:evil", "localhost:99999", "localhost@evil.example", "localhost/x"),
    *("", "localhost, evil.example", "localhost evil.example", "a" * 300, "localhost\\@evil", "*"),
    *("localhost:", ":80", "local_host", "localhost%00", "\xff", "localhost\tx", "localhost#x"),
]


def test_hosts(servers, one):
    path = f"{PRODUCTS}?page_size=1"
    compare_all(servers, one, [(host, get(path, host=f"Host: {host}")) for host in HOSTS])


def test_missing_and_repeated_hosts(servers, one):
    compare(servers, one, get(host=None))
    compare(servers, one, get(PRODUCTS, "Host: evil.example"))
    compare(servers, one, get(PRODUCTS, "Host: localhost"))


# --- headers --------------------------------------------------------------------------------------

HEADERS = [
    *("Accept:", "Accept: */*", "Accept: text/html", "Accept: application/json, text/html;q=0.5"),
    *("Accept: application/json; indent=4", "Accept: application/xml", "Accept: */*;q=0"),
    *("Accept-Encoding: gzip", "Accept-Encoding: gzip;q=0, *", "Accept-Encoding: GZIP;q=0.001"),
    *("If-None-Match: *", 'If-None-Match: "x', "If-None-Match:", 'If-Match: "1"', "If-Range: x"),
    *("If-Modified-Since: Thu, 01 Jan 2037 00:00:00 GMT", "Range: bytes=0-9", "TE: trailers"),
    *("X-HTTP-Method-Override: DELETE", "X-HTTP-Method: PATCH", "X-Method-Override: PUT"),
    *("X-Original-URL: /api/v1/users/", "X-Rewrite-URL: /api/v1/users/", "SCRIPT_NAME: /x"),
    *("X-Forwarded-Host: evil.example", "X-Forwarded-Prefix: /x", "Forwarded: host=evil.example"),
    *("X-Forwarded-Proto: https", "X-Forwarded-Proto: evil", "X-Forwarded-Proto:", "X-Real-IP: x"),
    *("X-Forwarded-For: '; DROP", "X-Forwarded-For: 1.2.3.4, ,5", "X-Forwarded-For: ::1%eth0"),
    *("X-Forwarded-For: " + "1," * 3_000, "X-Forwarded-Port: 443", "X-Forwarded-Ssl: on"),
    *("X-Request-ID: a b", "X-Request-ID: " + "a" * 65, "X-Request-ID: \xe9", "X-Request-ID: a"),
    *("X-Tenant-ID: x", "X_Tenant_ID: x", "X-Tenant-ID:", "Cookie: sessionid=x; csrftoken=y"),
    *("Origin: https://evil.example", "Origin: null", "Sec-Fetch-Site: cross-site", "DNT: 1"),
    *("Access-Control-Request-Method: GET", "Referer: https://evil.example", "Upgrade: websocket"),
    *("Upgrade: h2c", "Expect: 100-continue", "Expect: x", "Content-Length: 0", "Content-Length:"),
    *("Content-Length: -1", "Content-Length: x", "Content-Type: application/json", "Content-Type:"),
    *("Content-Encoding: gzip", "Content-Encoding: identity", "Transfer-Encoding: identity"),
    *("X-A: " + "a" * 7_000, "X-A: " + "a" * 70_000, "X-A: \0", "X-A: \x7f", "X-A: \xff", ": a"),
    *("Accept-Language: de", "Cache-Control: no-store", "Pragma: no-cache", "Via: 1.1 x", "X-A"),
    *("Proxy: http://evil.example", "Trailer: Host"),
    *("\r\n".join(["X-A: a"] * 90), "\r\n".join(["X-A: a"] * 200), "X-A: a\r\n b", "X A: b"),
    "Authorization: Bearer x",
]


def test_headers_of_a_read(servers, one):
    path = f"{PRODUCTS}?page_size=1"
    compare_all(servers, one, [(header, get(path, header)) for header in HEADERS])


def test_tenant_headers_of_a_read(servers, one):
    def build(form):
        return lambda shop: [
            write(
                f"GET {PRODUCTS}",
                f"X-Tenant-ID: {form.format(shop.tenant.pk, shop.tenant.slug)}",
                token=shop.access,
            )
        ]

    forms = ["{0}", "{1}", "x", "{0}, x", "{0}\r\nX-Tenant-ID: x", "{0}\r\nX-Tenant-ID: {0}"]
    compare_all(servers, one, [(form, build(form)) for form in forms])


def authorizations(token):
    return [
        *(f"Bearer  {token}", f"Bearer\t{token}", f"bearer {token}", f"BEARER {token}"),
        *(f" Bearer {token} ", f'Bearer "{token}"', f"Bearer {token},{token}", f"Token {token}"),
        *(f"Bearer {token} x", f"Bearer {token}=", f"Bearer {token}.", f"Bearer .{token}"),
        *(
            f"Bearer {token}\r\nAuthorization: Bearer {token}",
            f"Bearer{token}",
            token,
            "",
            "Bearer",
        ),
        *(f"Bearer {token}\r\nAuthorization: Basic eDp4", "Basic eDp4", f"Bearer {token}\xff"),
        *(f"Bearer {token[:-1]}", f"Bearer {token[:-1]}~", f"Bearer {token.upper()}"),
        *(f"Bearer {'a' * 5_000}", f"Bearer {token}, Basic eDp4", f"Bearer {token}%00"),
    ]


def test_spellings_of_the_authorization(servers, one):
    def build(number):
        return lambda shop: [
            write(f"GET {PRODUCTS}", f"Authorization: {authorizations(shop.access)[number]}")
        ]

    assert compare(servers, one, get())[1]
    numbers = range(len(authorizations("")))
    compare_all(servers, one, [(authorizations("")[n], build(n)) for n in numbers])


class Holder:
    """What the helpers of forged tokens read."""

    def __init__(self, access):
        self.tokens = self
        self.access = access


def forge(shop):
    """Return tokens that no server accepts, and some that it does."""
    holder = Holder(shop.access)
    claims = build_claims(holder)
    header, payload, signature = shop.access.split(".")
    foreign = next(ids)
    return [
        *(raw({"alg": alg, "typ": "at+jwt"}, claims) for alg in ("none", "None", "nOnE", "")),
        *(raw({"alg": alg, "typ": "at+jwt"}, claims, signature) for alg in ("none", "HS256")),
        *(sign_token(claims, algorithm=alg) for alg in ("HS384", "HS512")),
        *(sign_token(claims, key="") for _ in "x"),
        *(
            sign_token(claims, **{name: "x"})
            for name in ("kid", "jku", "jwk", "x5u", "crit", "b64")
        ),
        *(
            sign_token(claims, kid=None),
            sign_token(claims, typ="rt+jwt"),
            sign_token(claims, typ=None),
        ),
        *(sign_token(build_claims(holder, **change)) for change in CLAIMS),
        *(sign_token(build_claims(holder, **{name: foreign})) for name in ("sub", "sid", "tid")),
        f"{header}.{payload}.",
        f"{header}.{payload}",
        f"{header}.{payload}.{signature}.{signature}",
        f"{header}..{signature}",
        sign_raw_token(claims, "x", "HS256", {"kid": "../../dev/null", "typ": "at+jwt"}),
        sign_token(claims),
    ]


CLAIMS = [
    *({"exp": 1}, {"exp": None}, {"exp": "x"}, {"exp": 1e300}, {"exp": -1}, {"exp": True}),
    *({"iat": 4e9}, {"nbf": 4e9}, {"nbf": "x"}, {"iat": "x"}, {"iss": "x"}, {"iss": None}),
    *({"aud": "till-auth"}, {"aud": ["till-api"]}, {"aud": None}, {"aud": {}}, {"jti": None}),
    *({"sub": None}, {"sub": {}}, {"sub": "x"}, {"sid": None}, {"sid": []}, {"tid": None}),
    *({"tid": 1}, {"tv": None}, {"tv": "1"}, {"tv": 0}, {"tv": 2}, {"tv": 1.0}, {"tv": True}),
    *({"token_type": "refresh"}, {"token_type": None}, {"jti": "x"}, {"jti": 1}, {"more": 1}),
]


def test_forged_tokens(servers, one):
    """Before and after a valid token of the same session was verified in the process."""
    tokens = {id(shop): forge(shop) for shop in (one.fast, one.plain)}

    def build(number):
        return lambda shop: [write(f"GET {PRODUCTS}", token=tokens[id(shop)][number])]

    for _ in range(2):
        compare_all(servers, one, [(n, build(n)) for n in range(len(tokens[id(one.fast)]))])
        assert compare(servers, one, get())[1]


# --- several requests on one connection -----------------------------------------------------------


def test_pipelined_requests(servers, one):
    received, _ = compare(
        servers,
        one,
        lambda shop: [
            b"".join(
                write(f"GET {path}", token=shop.access, close=False)
                for path in (PRODUCTS, "/nowhere", f"{PRODUCTS}?sku=PLAIN", ORDERS, PRODUCTS)
            )
            + write("GET /health/live/")
        ],
    )
    assert received.count(b"HTTP/1.1 ") == 6


HIDDEN = b"GET /api/v1/orders/ HTTP/1.1\r\nHost: localhost\r\n\r\n"


FRAMINGS = [
    [],
    [f"Content-Length: {len(HIDDEN)}"],
    [f"Content-Length: {len(HIDDEN)}", "Transfer-Encoding: chunked"],
    ["Content-Length: 0", f"Content-Length: {len(HIDDEN)}"],
    ["Transfer-Encoding: chunked"],
    ["Transfer-Encoding : chunked"],
    ["Transfer-Encoding: xchunked"],
]


def test_body_of_a_read_is_not_the_next_request(servers, one):
    def build(headers):
        return lambda shop: [
            write(f"GET {PRODUCTS}", *headers, token=shop.access, close=False)
            + HIDDEN
            + write("GET /health/live/")
        ]

    compare_all(servers, one, [(headers, build(headers)) for headers in FRAMINGS])


# --- sales ----------------------------------------------------------------------------------------


def sale(shop):
    return json.dumps(order(shop, line(shop.plain), payments=[cash("2.50")])).encode()


def post(*headers, path=ORDERS, build=sale, length=None, change=bytes, kind=JSON, **options):
    """Return a request that sends a sale; `length` is a claim about its body."""

    def build_request(shop):
        body = change(build(shop))
        said = len(body) if length is None else length(len(body))
        own = [] if said == "" else [f"Content-Length: {said}"]
        given = [kind, *own, *headers]
        if not any(each.startswith("X-Request-ID") for each in headers):
            # Audit events contain it.
            given.append("X-Request-ID: both-ways")
        return [write(f"POST {path}", *given, token=shop.access, **options), body]

    return build_request


def chunked(body):
    return b"%x\r\n%b\r\n0\r\n\r\n" % (len(body), body)


LENGTHS = {
    "none": lambda length: "",
    "zero": lambda length: 0,
    "shorter": lambda length: length - 5,
    "plus": lambda length: f"+{length}",
    "zeros": lambda length: f"000{length}",
    "hexadecimal": hex,
    "repeated": lambda length: f"{length}\r\nContent-Length: {length}",
    "two": lambda length: f"{length}\r\nContent-Length: {length + 1}",
    "list": lambda length: f"{length}, {length}",
    "negative": lambda length: -length,
    "blank": lambda length: " ",
    "decimal": lambda length: f"{length}.0",
    "underscore": lambda length: f"1_{length}",
}


TOO_LONG = {
    "longer": lambda length: length + 5,
    "at the limit": lambda length: 2**20,
    "above the limit": lambda length: 2**20 + 1,
    "huge": lambda length: 10**20,
}


def test_lengths_of_a_sale(servers, both):
    compare_sales(servers, both, {name: post(length=length) for name, length in LENGTHS.items()})


def test_incomplete_body_of_a_sale(servers, both):
    builds = {
        name: lambda shop, length=length: [*post(length=length)(shop), END]
        for name, length in TOO_LONG.items()
    }
    compare_sales(servers, both, builds)


def compare_sales(servers, both, builds):
    """Compare several requests by name. None of them is in the way of the sale after it."""
    for name, build in builds.items():
        compare_all(servers, both, [(name, build)])
        received, is_fast = compare(servers, both, post())
        assert (b" 201 Created" in received, is_fast) == (True, True), name
    both.ensure_same_rows()


BODIES = {
    "chunked": (["Transfer-Encoding: chunked"], chunked, True),
    "chunked with a length": (["Transfer-Encoding: chunked"], chunked, False),
    "gzip": (["Content-Encoding: gzip"], gzip.compress, False),
    "gzip without its header": ([], gzip.compress, False),
    "identity": (["Content-Encoding: identity"], bytes, False),
    "byte order mark": ([], lambda body: b"\xef\xbb\xbf" + body, False),
    "invalid UTF-8": ([], lambda body: body.replace(b"cash", b"c\xffsh"), False),
    "NUL": ([], lambda body: body + b"\0", False),
    "above the limit": ([], lambda body: body + b" " * 2**20, False),
    "at the limit": ([], lambda body: body + b" " * (2**20 - len(body)), False),
    "nested": ([], lambda body: b"[" * 50_000, False),
    "empty": ([], lambda body: b"", False),
}


def test_bodies_of_a_sale(servers, both):
    compare_sales(
        servers,
        both,
        {
            name: post(*headers, change=change, length=(lambda _: "") if is_without else None)
            for name, (headers, change, is_without) in BODIES.items()
        },
    )


SALE_HEADERS = [
    *("Idempotency-Key:", "Idempotency-Key: a b", "Idempotency-Key: " + "a" * 300),
    *("Idempotency-Key: \xe9", "Idempotency-Key: k\r\nIdempotency-Key: k", "Idempotency_Key: k"),
    *("Expect: 100-continue", 'If-Match: "1"', "If-None-Match: *", "Prefer: return=minimal"),
    *(
        "X-HTTP-Method-Override: DELETE",
        "X-HTTP-Method-Override: GET",
        "Origin: https://evil.example",
    ),
    *("Cookie: sessionid=x", "X-CSRFToken: x", "Accept: text/html", "Accept:", "X-Tenant-ID: x"),
    *("X-Request-ID: a b", "X-Request-ID: a", "X-Forwarded-For: '; DROP", "Range: bytes=0-1"),
]


def test_headers_of_a_sale(servers, both):
    compare_sales(servers, both, {header: post(header) for header in SALE_HEADERS})


TYPES = [
    *("application/json; charset=utf-8", "application/json;charset=UTF-8", "APPLICATION/JSON"),
    *("application/json; charset=utf-16", "application/json; charset=nope", "text/json", "*/*"),
    *("application/json; charset=bz2_codec", "application/json; charset=utf-8; charset=utf-7"),
    *("application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "text/plain", ""),
    *("application/json, text/plain", "application/json\r\nContent-Type: text/plain", "\xff"),
    "application/json; " + "a" * 3_000,
]


def test_content_types_of_a_sale(servers, both):
    builds = {kind: post(kind=f"Content-Type: {kind}") for kind in TYPES}
    compare_sales(servers, both, builds)


def test_paths_of_a_sale(servers, both):
    paths = ["/api/v1/orders", f"{ORDERS}?a=1", f"{ORDERS}?", f"/{ORDERS}", "/api/v1/%6Frders/"]
    compare_sales(servers, both, {path: post(path=path) for path in paths})


def test_pipelined_sales(servers, both):
    """The second one is in the same packet as the body of the first."""

    def build(shop):
        requests = [post(close=number == 2)(shop) for number in range(3)]
        return [b"".join(map(b"".join, requests))]

    received, _ = compare(servers, both, build)
    assert received.count(b" 201 Created") == 3
    both.ensure_same_rows()
