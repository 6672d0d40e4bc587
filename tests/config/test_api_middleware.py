"""The API skips the middleware of pages but has the same security headers."""

import pytest
from django.contrib.sessions.middleware import SessionMiddleware
from django.middleware.csrf import CsrfViewMiddleware
from django.test import Client

from config.middleware import ApiMiddleware

API_PATHS = ["/api/echo/", "/api/nowhere/", "/api/docs/", "/health/live/", "/.well-known/jwks.json"]
PAGES = ["/admin/", "/platform/", "/", "/nowhere", "/apis/", "/static/nothing.css", "/api"]
SECURITY_HEADERS = {
    "Content-Security-Policy": (
        "base-uri 'none'; default-src 'self'; form-action 'self'; frame-ancestors 'none'; "
        "img-src 'self' data:; object-src 'none'"
    ),
    "X-Frame-Options": "DENY",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
}


@pytest.fixture
def page_middleware(monkeypatch):
    """Record the paths that the middleware of pages processes."""
    seen = []
    for middleware in (SessionMiddleware, CsrfViewMiddleware):
        process_request = middleware.process_request

        def spy(self, request, process_request=process_request):
            seen.append(request.path)
            return process_request(self, request)

        monkeypatch.setattr(middleware, "process_request", spy)
    return seen


@pytest.mark.parametrize("path", API_PATHS)
def test_api_requests_skip_the_middleware_of_pages(path, client, page_middleware):
    client.cookies["__Host-till_session"] = "x" * 32
    response = client.get(path)

    assert page_middleware == []
    assert not response.cookies
    assert not hasattr(response.wsgi_request, "session")


@pytest.mark.parametrize("path", PAGES)
def test_other_paths_run_the_middleware_of_pages(path, db, client, page_middleware, monkeypatch):
    monkeypatch.setattr(ApiMiddleware, "check_and_call_view", None)
    client.get(path)

    assert set(page_middleware) == {path}


def security_headers(response):
    return {
        name: value
        for name, value in response.headers.items()
        if name in SECURITY_HEADERS or name == "Strict-Transport-Security"
    }


@pytest.mark.parametrize("path", [*API_PATHS, "/nowhere"])
@pytest.mark.parametrize("method", ["get", "post", "options"])
def test_api_responses_have_the_security_headers_of_pages(path, method, client):
    plain = getattr(client, method)(path)
    secure = getattr(client, method)(path, secure=True)

    assert security_headers(plain) == SECURITY_HEADERS
    assert security_headers(secure) == SECURITY_HEADERS | {
        "Strict-Transport-Security": "max-age=31536000; includeSubDomains; preload"
    }
    assert plain["Content-Length"] == str(len(plain.content))


@pytest.mark.parametrize("redirect", [False, True])
def test_errors_of_the_api_have_the_security_headers(http, settings, redirect):
    settings.SECURE_SSL_REDIRECT = redirect
    http = Client(raise_request_exception=False)
    broken = http.get("/api/broken/", secure=redirect)
    foreign = http.get("/api/echo/", headers={"Host": "evil.example"})

    assert (broken.status_code, foreign.status_code) == (500, 400)
    for response in (broken, foreign):
        headers = security_headers(response)
        headers.pop("Strict-Transport-Security", None)
        assert headers == SECURITY_HEADERS


def test_api_redirects_to_https_like_pages(settings):
    settings.SECURE_SSL_REDIRECT = True
    response = Client().get("/api/v1/products/?q=a")

    assert response.status_code == 301
    assert response["Location"] == "https://testserver/api/v1/products/?q=a"
    assert security_headers(response) == SECURITY_HEADERS


def test_streamed_response_has_no_content_length(admin, client_of):
    response = client_of(admin).get("products/export/")

    assert response.streaming
    assert "Content-Length" not in response
