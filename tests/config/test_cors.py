"""Browser programs of other origins: allowed by a setting, never with cookies."""

import pytest

from orders.models import Order
from tenants.scope import across_tenants
from tests.support.both_ways import BothWays
from tests.support.till import cash, line, new_id

pytestmark = pytest.mark.django_db

OURS, FOREIGN = "https://pos.example", "https://evil.example"
ALLOWED, SHOWN = "access-control-allow-origin", "access-control-expose-headers"
EXPOSED = "ETag, Idempotent-Replayed, Retry-After, X-Request-ID"


@pytest.fixture
def client(client_of, cashier):
    return client_of(cashier)


@pytest.fixture
def allowed(settings):
    settings.CORS_ALLOWED_ORIGINS = [OURS]


def preflight(client, path, origin=OURS, method="PATCH"):
    return client.send("OPTIONS", path, Origin=origin, **{"Access-Control-Request-Method": method})


def list_cors_headers(response):
    return {name for name in response.headers if name.startswith("access-control-")}


def test_no_origin_is_allowed_by_default(client, product, anonymous):
    answers = [
        client.get("products/", Origin=OURS),
        anonymous.get("products/", Origin=OURS),
        preflight(client, "products/"),
    ]

    for answer in answers:
        assert list_cors_headers(answer) == set()
        assert "origin" not in answer.get("Vary", "").lower()


def test_allowed_origin_can_read_the_answer_and_its_headers(client, product, allowed):
    answer = client.get("products/", Origin=OURS)

    assert answer.status_code == 200
    assert answer[ALLOWED] == OURS
    assert answer[SHOWN] == EXPOSED
    assert list_cors_headers(answer) == {ALLOWED, SHOWN}
    assert "origin" in answer["Vary"].lower()


@pytest.mark.parametrize(
    "origin", [FOREIGN, "null", "https://pos.example.evil.example", "http://pos.example", "x"]
)
def test_other_origins_get_no_headers(client, product, allowed, origin):
    for answer in (client.get("products/", Origin=origin), preflight(client, "products/", origin)):
        assert list_cors_headers(answer) == set()
        assert "origin" in answer["Vary"].lower()


def test_preflight_needs_no_log_in(anonymous, allowed):
    answer = preflight(anonymous, "products/")

    assert (answer.status_code, answer.content) == (200, b"")
    assert answer[ALLOWED] == OURS
    assert "PATCH" in answer["Access-Control-Allow-Methods"]
    sent = answer["Access-Control-Allow-Headers"].split(", ")
    assert {"authorization", "idempotency-key", "if-match", "x-terminal-token"} < set(sent)
    assert answer["X-Request-ID"]


def test_origin_can_read_refusals(client, anonymous, allowed, problem):
    refused = [
        (anonymous.get("products/", Origin=OURS), 401, "not_authenticated"),
        (client.get("products/?x=1", Origin=OURS), 400, "unknown_filter"),
        (client.get("nothing/", Origin=OURS), 404, "not_found"),
        (client.send("POST", "orders/", Origin=OURS, Transfer_Encoding="chunked"), 411, None),
    ]

    for answer, status, _ in refused:
        assert answer.status_code == status
        assert answer[ALLOWED] == OURS


def test_credentials_are_never_allowed(client, product, allowed, settings):
    assert settings.CORS_ALLOW_CREDENTIALS is False
    for answer in (client.get("auth/me/", Origin=OURS), preflight(client, "auth/token/")):
        assert answer[ALLOWED] == OURS
        assert "Access-Control-Allow-Credentials" not in answer


def test_only_the_api_is_open_to_other_origins(client, allowed):
    for path in ("/admin/log-in/", "/health/live/", "/platform/"):
        answer = client.client.get(path, headers={"Origin": OURS})
        assert list_cors_headers(answer) == set()


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("origin", [OURS, FOREIGN, None])
@pytest.mark.parametrize("encoding", ["", "gzip"])
def test_fast_entries_set_the_same_headers(client, product, allowed, origin, encoding):
    both = BothWays(client.tokens.access)
    headers = {"accept_encoding": encoding} | ({} if origin is None else {"origin": origin})
    for path in ("products/", f"products/{product.pk}/", "orders/", "changes/", "auth/me/"):
        answer = both.get(f"/api/v1/{path}", **headers)
        assert ((ALLOWED, OURS) in answer.headers) == (origin == OURS)
    etag = dict(both.get("/api/v1/products/").headers)["ETag"]
    both.get("/api/v1/products/", if_none_match=etag, **headers)


@pytest.mark.django_db(transaction=True)
def test_sale_of_another_origin_has_the_headers(client, register, product, allowed):
    """Also the second one, which a fast entry answers on PostgreSQL."""
    for _ in range(2):
        body = {"register": str(register.pk), "lines": [line(product)], "payments": [cash("2.50")]}
        answer = client.post("orders/", {"id": new_id(), **body}, Origin=OURS)
        assert (answer.status_code, answer[ALLOWED]) == (201, OURS)
    with across_tenants():
        assert Order.objects.count() == 2
