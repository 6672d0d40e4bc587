import io
from types import SimpleNamespace

import pytest
import structlog
from django.contrib.auth.models import AnonymousUser
from django.core.handlers.wsgi import WSGIHandler
from django.http import HttpResponse
from django.test import RequestFactory
from django.utils.functional import SimpleLazyObject

from config.middleware import (
    AccessLogMiddleware,
    RequestIdMiddleware,
    reject_unreadable_media_types,
)

JSON = "application/json"


@pytest.mark.parametrize("sent", ["a", "till-1.2026_11", "x" * 64])
def test_valid_request_id_is_kept(http, sent):
    response = http.post("/api/echo/", b"{}", content_type=JSON, headers={"X-Request-ID": sent})

    assert response["X-Request-ID"] == sent


@pytest.mark.parametrize(
    "sent", ["", " ", "x" * 65, "a b", "a\tb", "a,b", "ä", "<script>", "a\n", "${jndi:x}", "a'--"]
)
def test_invalid_request_id_is_replaced(http, sent):
    response = http.post("/api/echo/", b"{}", content_type=JSON, headers={"X-Request-ID": sent})

    assert response["X-Request-ID"] != sent
    assert len(response["X-Request-ID"]) == 32


def test_request_ids_are_unique(http):
    ids = {http.get("/api/nowhere/")["X-Request-ID"] for _ in range(20)}

    assert len(ids) == 20


@pytest.mark.parametrize("path", ["/api/broken/", "/admin/broken/", "/nowhere"])
def test_errors_have_a_request_id(http, path):
    assert len(http.get(path)["X-Request-ID"]) == 32


def test_request_id_middleware_is_outermost(settings):
    assert settings.MIDDLEWARE[0] == "config.middleware.RequestIdMiddleware"


def test_log_context_contains_only_the_current_request():
    seen = []

    def view(request):
        seen.append(structlog.contextvars.get_contextvars())
        structlog.contextvars.bind_contextvars(tenant="a")
        return HttpResponse()

    middleware = RequestIdMiddleware(view)
    for name in ("first", "second"):
        middleware(RequestFactory().get("/", headers={"X-Request-ID": name}))

    assert seen == [
        {"request_id": "first", "ip": "127.0.0.1"},
        {"request_id": "second", "ip": "127.0.0.1"},
    ]


@pytest.fixture
def read_access_log(caplog):
    """Return a function that lists the records of the access log."""
    caplog.set_level("INFO")

    def read():
        return [record.msg for record in caplog.records if record.name == "till.access"]

    return read


def test_attack_030_access_log_contains_no_secrets(http, read_access_log, caplog):
    # attack 30
    http.post(
        "/api/echo/?password=LEAKED&token=LEAKED",
        b'{"password": "LEAKED"}',
        content_type=JSON,
        headers={"Authorization": "Bearer LEAKED", "X-Request-ID": "r-1", "Cookie": "a=LEAKED"},
    )

    (line,) = read_access_log()
    assert line.pop("milliseconds") >= 0
    assert line.pop("timestamp")
    assert line == {
        "event": "request",
        "level": "info",
        "logger": "till.access",
        "method": "POST",
        "path": "/api/echo/",
        "status": 200,
        "request_id": "r-1",
        "ip": "127.0.0.1",
    }
    assert "LEAKED" not in caplog.text


def test_server_error_is_logged_as_error(http, read_access_log):
    http.get("/api/broken/")

    (line,) = read_access_log()
    assert (line["level"], line["status"]) == ("error", 500)


PERSON = SimpleNamespace(pk="u-1", tenant_id="t-1")
PLATFORM = SimpleNamespace(pk="u-1", tenant_id=None)
BOTH = {"user": "u-1", "tenant": "t-1"}


def unloaded_user():
    """Return a lazy session user that has not been loaded."""
    return SimpleLazyObject(lambda: pytest.fail("the access log loaded the user"))


@pytest.mark.parametrize(
    ("user", "cached", "expected"),
    [
        (PERSON, None, BOTH),
        (PLATFORM, None, {"user": "u-1"}),
        (AnonymousUser(), None, {}),
        (None, None, {}),
        (unloaded_user(), None, {}),
        (unloaded_user(), PERSON, BOTH),
    ],
    ids=["token", "platform", "anonymous", "none", "session-not-read", "session-read"],
)
def test_access_log_names_the_user_only_if_loaded(read_access_log, user, cached, expected):
    def view(request):
        request.user = user
        if cached:
            request._cached_user = cached
        return HttpResponse()

    AccessLogMiddleware(view)(RequestFactory().get("/"))

    (line,) = read_access_log()
    assert {name: line[name] for name in ("user", "tenant") if name in line} == expected


@pytest.mark.parametrize("body", [b"{}", b"[["], ids=["answer", "refusal"])
def test_token_responses_are_not_cached(http, body):
    response = http.post("/api/v1/auth/token/", body, content_type=JSON)  # attack 1

    assert response["Cache-Control"] == "no-store"
    assert "Cache-Control" not in http.post("/api/echo/", body, content_type=JSON)


def test_responses_have_security_headers(http):
    response = http.get("/api/nowhere/")  # attack 167

    assert response["X-Content-Type-Options"] == "nosniff"
    assert response["Referrer-Policy"] == "same-origin"
    assert response["X-Frame-Options"] == "DENY"
    assert "Server" not in response
    assert "X-Powered-By" not in response


def test_tls_responses_have_hsts(http):
    response = http.get("/api/nowhere/", secure=True)  # attack 167

    assert response["Strict-Transport-Security"].startswith("max-age=31536000")


BROKEN = "application/json; charset*=nope''x"


@pytest.mark.parametrize(
    ("header", "status"), [("CONTENT_TYPE", "415"), ("HTTP_ACCEPT", "406"), ("OTHER", "200")]
)
def test_malformed_media_type_is_treated_as_unsupported(db, http, header, status):
    # attack 29
    started = []
    environ = {
        "REQUEST_METHOD": "POST",
        "PATH_INFO": "/api/echo/",
        "SERVER_NAME": "testserver",
        "SERVER_PORT": "80",
        "CONTENT_TYPE": JSON,
        "CONTENT_LENGTH": "2",
        "wsgi.input": io.BytesIO(b"{}"),
        "wsgi.url_scheme": "http",
        "wsgi.errors": io.StringIO(),
        header: BROKEN,
    }
    application = reject_unreadable_media_types(WSGIHandler())
    b"".join(application(environ, lambda line, headers: started.append(line)))

    assert started[0].split()[0] == status


@pytest.mark.parametrize("accept", ["*/*", "application/json; q=0.9, */*; q=0.1"])
def test_valid_media_types_are_unchanged(accept):
    seen = {}
    application = reject_unreadable_media_types(lambda environ, _: seen.update(environ))

    application({"HTTP_ACCEPT": accept, "CONTENT_TYPE": "application/json; charset=utf-8"}, None)

    assert seen == {"HTTP_ACCEPT": accept, "CONTENT_TYPE": "application/json; charset=utf-8"}
