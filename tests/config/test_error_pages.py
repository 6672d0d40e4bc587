import pytest
from django.db import OperationalError
from django.test import Client

from config.problems import build_problem, server_error
from tests.config.urls import INTERNAL_DETAIL, failure
from tests.support.problems import assert_problem


@pytest.mark.parametrize(
    "path",
    [
        *("/api/nowhere/", "/api/echo", "/nowhere", "//api/echo/", "/api/../admin/x", "/api/%00/"),
        *("/api/echo/;jsessionid=1", "/api/%2e%2e/echo/", "/api/things/1e3/", "/api/things/-1/"),
        *(f"/api/things/{10**26}/", "/api/things/%F0%9F%92%A5/"),
    ],
)
def test_unknown_path_is_a_404_problem(http, path):
    assert_problem(http.get(path), 404, "not_found")  # attacks 90 and 108


def test_unhandled_exception_is_a_500_without_details(http):
    response = http.get("/api/broken/", headers={"X-Request-ID": "till-1.2026"})  # attack 162

    problem = assert_problem(response, 500, "internal_error")
    assert problem["request_id"] == "till-1.2026"
    assert set(problem) == {"type", "title", "status", "detail", "code", "request_id"}
    for detail in (INTERNAL_DETAIL, "Traceback", "RuntimeError", "tests/"):
        assert detail not in response.content.decode()


def test_unexpected_exception_is_not_a_domain_problem(http):
    assert build_problem(RuntimeError(INTERNAL_DETAIL)) is None

    failure["next"] = RuntimeError(INTERNAL_DETAIL)
    response = http.get("/api/raising/")

    assert_problem(response, 500, "internal_error")
    assert INTERNAL_DETAIL not in response.content.decode()


@pytest.mark.parametrize(
    ("path", "status"),
    [("/admin/broken/", 500), ("/admin/nowhere/", 404), ("/platform/nowhere/", 404)],
)
def test_admin_errors_are_html(http, path, status):
    response = http.get(path)

    assert response.status_code == status
    assert response["Content-Type"].startswith("text/html")
    assert INTERNAL_DETAIL not in response.content.decode()


@pytest.mark.parametrize(
    ("path", "kind"), [("/admin/", "text/html"), ("/api/docs/", "application/problem+json")]
)
def test_database_error_before_the_view_is_a_503(rf, path, kind):
    def query_database():
        raise OperationalError(INTERNAL_DETAIL)

    try:
        query_database()
    except OperationalError:
        response = server_error(rf.get(path))

    assert (response.status_code, response["Retry-After"]) == (503, "1")
    assert response["Content-Type"].startswith(kind)
    assert INTERNAL_DETAIL not in response.content.decode()


# --- in debug mode, where Django would answer with its own pages -------------------------------


@pytest.fixture
def debug_client(settings):
    settings.DEBUG = True
    return Client(raise_request_exception=False)


@pytest.mark.parametrize("method", ["get", "post", "delete"])
@pytest.mark.parametrize(
    "path",
    [
        *(
            "/api/v1/nowhere/",
            "/api/v1/products",
            "/api/",
            "/api/v2/products/",
            "/api/v1/orders/x/",
        ),
        *("/api/v1/users/1e3/", "/api/v1/orders/0190B4E0/receipt/", "/nowhere", "/health/live"),
        *("/.well-known/jwks.json/", "/api/v1/registers/1/pair/", "/api/v1/orders/x/"),
    ],
)
def test_debug_mode_keeps_problems(path, method, debug_client, settings):
    shown = assert_problem(getattr(debug_client, method)(path), 404, "not_found")
    settings.DEBUG = False

    assert shown | {"request_id": ""} == getattr(debug_client, method)(path).json() | {
        "request_id": ""
    }


def test_debug_mode_rejects_unknown_hosts_with_a_problem(debug_client):
    response = debug_client.get("/api/v1/nowhere/", headers={"Host": "evil.example"})

    assert_problem(response, 400, "bad_request")


def test_debug_mode_keeps_html_in_the_admin(debug_client):
    for path in ("/admin/nowhere/", "/platform/nowhere/"):
        response = debug_client.get(path)
        assert response.status_code in {302, 404}
        assert response["Content-Type"].startswith("text/html")


def test_debug_mode_shows_tracebacks(http, settings):
    settings.DEBUG = True

    response = http.get("/api/broken/")

    assert response.status_code == 500
    assert "RuntimeError" in response.content.decode()


def test_content_security_policy_is_the_expected_text(client):
    policy = client.get("/api/docs/")["Content-Security-Policy"]

    assert policy == (
        "base-uri 'none'; default-src 'self'; form-action 'self'; frame-ancestors 'none'; "
        "img-src 'self' data:; object-src 'none'"
    )


@pytest.mark.parametrize("header", ["Host", "X-Forwarded-Host"])
def test_other_hosts_are_not_echoed(http, header):
    response = http.get("/api/nowhere/", headers={header: "evil.example"})  # attack 149

    assert "evil" not in response.content.decode()
    if header == "Host":
        assert_problem(response, 400, "bad_request")
