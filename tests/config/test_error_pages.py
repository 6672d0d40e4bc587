import pytest
from django.db import OperationalError
from django.test import Client

from config.problems import build_problem, server_error
from tests.config.urls import CANARY, failure
from tests.support.problems import assert_problem


@pytest.mark.parametrize(
    "path",
    [
        *("/api/nowhere/", "/api/echo", "/nowhere", "//api/echo/", "/api/../admin/x", "/api/%00/"),
        *("/api/echo/;jsessionid=1", "/api/%2e%2e/echo/", "/api/things/1e3/", "/api/things/-1/"),
        *(f"/api/things/{10**26}/", "/api/things/%F0%9F%92%A5/"),
    ],
)
def test_a_path_that_leads_nowhere_is_a_problem_too(http, path):
    assert_problem(http.get(path), 404, "not_found")  # attacks 90 and 108


def test_a_bug_is_a_500_that_tells_nothing(http):
    response = http.get("/api/broken/", headers={"X-Request-ID": "till-1.2026"})  # attack 162

    problem = assert_problem(response, 500, "internal_error")
    assert problem["request_id"] == "till-1.2026"
    assert set(problem) == {"type", "title", "status", "detail", "code", "request_id"}
    for inside in (CANARY, "Traceback", "RuntimeError", "tests/"):
        assert inside not in response.content.decode()


def test_an_unexpected_exception_is_no_refusal(http):
    assert build_problem(RuntimeError(CANARY)) is None

    failure["next"] = RuntimeError(CANARY)
    response = http.get("/api/raising/")

    assert_problem(response, 500, "internal_error")
    assert CANARY not in response.content.decode()


@pytest.mark.parametrize(
    ("path", "status"),
    [("/admin/broken/", 500), ("/admin/nowhere/", 404), ("/platform/nowhere/", 404)],
)
def test_the_admin_fails_in_html(http, path, status):
    response = http.get(path)

    assert response.status_code == status
    assert response["Content-Type"].startswith("text/html")
    assert CANARY not in response.content.decode()


@pytest.mark.parametrize(
    ("path", "kind"), [("/admin/", "text/html"), ("/api/docs/", "application/problem+json")]
)
def test_what_fails_before_any_view_for_want_of_a_database_passes(rf, path, kind):
    def ask():
        raise OperationalError(CANARY)

    try:
        ask()
    except OperationalError:
        response = server_error(rf.get(path))

    assert (response.status_code, response["Retry-After"]) == (503, "1")
    assert response["Content-Type"].startswith(kind)
    assert CANARY not in response.content.decode()


# --- where Django would answer with pages of its own -------------------------------------------


@pytest.fixture
def debugging(settings):
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
def test_debugging_changes_no_problem(path, method, debugging, settings):
    told = assert_problem(getattr(debugging, method)(path), 404, "not_found")
    settings.DEBUG = False

    assert told | {"request_id": ""} == getattr(debugging, method)(path).json() | {"request_id": ""}


def test_debugging_a_host_that_is_not_ours_is_a_problem_too(debugging):
    response = debugging.get("/api/v1/nowhere/", headers={"Host": "evil.example"})

    assert_problem(response, 400, "bad_request")


def test_debugging_the_admin_still_shows_pages(debugging):
    for path in ("/admin/nowhere/", "/platform/nowhere/"):
        response = debugging.get(path)
        assert response.status_code in {302, 404}
        assert response["Content-Type"].startswith("text/html")


def test_debugging_a_bug_shows_its_traceback(http, settings):
    settings.DEBUG = True

    response = http.get("/api/broken/")

    assert response.status_code == 500
    assert "RuntimeError" in response.content.decode()


def test_the_policy_is_the_same_in_every_process(client):
    policy = client.get("/api/docs/")["Content-Security-Policy"]

    assert policy == (
        "base-uri 'none'; default-src 'self'; form-action 'self'; frame-ancestors 'none'; "
        "img-src 'self' data:; object-src 'none'"
    )


@pytest.mark.parametrize("header", ["Host", "X-Forwarded-Host"])
def test_another_host_gets_nothing(http, header):
    response = http.get("/api/nowhere/", headers={header: "evil.example"})  # attack 149

    assert "evil" not in response.content.decode()
    if header == "Host":
        assert_problem(response, 400, "bad_request")
