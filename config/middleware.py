"""Middleware: request ids, access log, body length, error pages, CSP, caching, and a short chain
for the API.
"""

import logging
import re
import secrets
import time
from collections.abc import Callable
from http import HTTPStatus
from typing import Any

import structlog
from corsheaders.middleware import CorsMiddleware
from csp.constants import HEADER as POLICY
from csp.middleware import CSPMiddleware
from csp.utils import build_policy
from django.conf import settings
from django.core.exceptions import BadRequest
from django.core.handlers.base import BaseHandler
from django.core.handlers.exception import convert_exception_to_response
from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.middleware.clickjacking import XFrameOptionsMiddleware
from django.middleware.common import CommonMiddleware
from django.middleware.security import SecurityMiddleware
from django.utils.functional import SimpleLazyObject

from accounts.client_info import get_client_ip
from config.logging import write_event
from config.problems import HTML_PREFIXES, PROBLEM_JSON, Problem, bad_request, page_not_found

GetResponse = Callable[[HttpRequest], HttpResponse]
Application = Callable[[dict[str, Any], Any], Any]

# RFC 2231 parameters (`charset*=utf-8''x`, `a*0=b`), which media types of HTTP do not have.
EXTENDED_PARAMETER = re.compile(r"\*\d*\*?\s*=")
UNREADABLE = "unreadable/unreadable"
REQUEST_ID_FORMAT = re.compile(r"[A-Za-z0-9._-]{1,64}")
SERVER_ERROR = 500
DEBUG_PAGES = (HTTPStatus.NOT_FOUND, HTTPStatus.INTERNAL_SERVER_ERROR)
# Paths without pages: nothing below them reads cookies, sessions or messages of the admin.
API_PREFIXES = ("/api/", "/health/", "/.well-known/", "/metrics")
access_log = logging.getLogger("till.access")


class RequestIdMiddleware:
    """Sets a request id, which is part of the response, of problems and of every log line.

    Outermost, so that responses of other middleware have it too.
    """

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        sent = request.META.get("HTTP_X_REQUEST_ID", "")
        request_id = sent if REQUEST_ID_FORMAT.fullmatch(sent) else secrets.token_hex(16)
        request.request_id = request_id  # type: ignore[attr-defined]
        structlog.contextvars.clear_contextvars()
        structlog.contextvars.bind_contextvars(request_id=request_id, ip=get_client_ip(request))
        response = self.get_response(request)
        response["X-Request-ID"] = request_id
        return response


class AccessLogMiddleware:
    """Logs each request, without headers, body and query string, which may contain secrets."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        started = time.perf_counter()
        response = self.get_response(request)
        failed = response.status_code >= SERVER_ERROR
        write_event(
            access_log,
            logging.ERROR if failed else logging.INFO,
            "request",
            method=request.method,
            path=request.path,
            status=response.status_code,
            milliseconds=round((time.perf_counter() - started) * 1000, 1),
            **describe_user(request),
        )
        return response


def describe_user(request: HttpRequest) -> dict[str, str]:
    """Return user and tenant if they are already loaded, without a query."""
    user: Any = getattr(request, "user", None)
    if isinstance(user, SimpleLazyObject):
        user = getattr(request, "_cached_user", None)
    names = {"user": getattr(user, "pk", None), "tenant": getattr(user, "tenant_id", None)}
    return {name: str(value) for name, value in names.items() if value}


class OriginsMiddleware(CorsMiddleware):
    """Answers preflights and sets the CORS headers, if any origin is allowed."""

    def __call__(self, request: HttpRequest) -> Any:
        if not settings.CORS_ALLOWED_ORIGINS:
            return self.get_response(request)
        return super().__call__(request)


class BodyLengthMiddleware:
    """Rejects bodies without Content-Length, which WSGI would read as empty."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if "HTTP_TRANSFER_ENCODING" in request.META and not request.META.get("CONTENT_LENGTH"):
            detail = "Send Content-Length instead of Transfer-Encoding."
            return Problem(411, "length_required", detail).response(request)
        return self.get_response(request)


class ProblemsWhileDebuggingMiddleware:
    """Returns problem documents for 400 and 404 also with DEBUG, instead of Django's debug pages.

    A 500 stays a debug page, for its traceback.
    """

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        ours = response.headers.get("Content-Type") == PROBLEM_JSON
        if not settings.DEBUG or ours or request.path.startswith(HTML_PREFIXES):
            return response
        if response.status_code == HTTPStatus.NOT_FOUND:
            return page_not_found(request, Http404())
        if response.status_code == HTTPStatus.BAD_REQUEST:
            return bad_request(request, BadRequest())
        return response


class OrderedPolicyMiddleware(CSPMiddleware):
    """Sets the Content-Security-Policy of the settings, built once and with sorted directives.

    django-csp builds it for each response, and takes the directives from a set, so that their
    order would differ between processes. Views cannot change the policy.
    """

    def __init__(self, get_response: GetResponse) -> None:
        super().__init__(get_response)
        self.policy = "; ".join(sorted(build_policy().split("; ")))

    def process_request(self, request: HttpRequest) -> None:
        """Offer no nonce, as the policy is the same for every response."""

    def process_response(
        self, request: HttpRequest, response: HttpResponseBase
    ) -> HttpResponseBase:
        # The debug pages of Django have inline styles.
        if not (settings.DEBUG and response.status_code in DEBUG_PAGES):
            response.headers.setdefault(POLICY, self.policy)
        return response


class NoStoreMiddleware:
    """Forbids caching of responses with tokens, passwords, purchases and personal data."""

    prefixes = (
        "/api/v1/audit/",
        "/api/v1/auth/",
        "/api/v1/customers/",
        "/api/v1/orders/",
        "/api/v1/users/",
    )

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        if request.path.startswith(self.prefixes):
            response["Cache-Control"] = "no-store"
        return response


class ApiHandler(BaseHandler):
    """Calls the view of a request without the middleware of the settings."""

    def __init__(self) -> None:
        # What `load_middleware` sets, for no middleware. The methods of API views are exempt from
        # CSRF checks: a token in a header is no cookie.
        self._view_middleware: list[Any] = []
        self._template_response_middleware: list[Any] = []
        self._exception_middleware: list[Any] = []

    def call_view(self, request: HttpRequest) -> HttpResponse:
        response: HttpResponse = self._get_response(request)  # type: ignore[attr-defined]
        return response


class ApiMiddleware:
    """Answers requests for paths without pages, and passes all others on to the next middleware.

    Sessions, cookies, CSRF tokens, messages and static files are for pages only. The checks and
    headers that a response of the API needs come from the middleware that sets them for pages.
    """

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response
        self.security = SecurityMiddleware(get_response)
        self.policy = OrderedPolicyMiddleware(get_response)
        self.common = CommonMiddleware(get_response)
        self.frames = XFrameOptionsMiddleware(get_response)
        self.handler = ApiHandler()
        self.answer = convert_exception_to_response(self.check_and_call_view)

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if not request.path.startswith(API_PREFIXES):
            return self.get_response(request)
        return self.add_headers(request, self.answer(request))

    def add_headers(self, request: HttpRequest, response: Any) -> HttpResponse:
        for middleware in (self.frames, self.common, self.policy, self.security):
            response = middleware.process_response(request, response)
        return response  # type: ignore[no-any-return]

    def check_and_call_view(self, request: HttpRequest) -> Any:
        """Redirect to HTTPS, reject a host that is not ours, or call the view."""
        return (
            self.security.process_request(request)
            or self.common.process_request(request)
            or self.handler.call_view(request)
        )


def reject_unreadable_media_types(application: Application) -> Application:
    """Wrap the WSGI application to replace media types that make Django fail.

    Django fails on extended parameters before any middleware runs. With the replaced value the
    response is 415 or 406, as for any unsupported media type.
    """

    def readable(environ: dict[str, Any], start_response: Any) -> Any:
        for name in ("CONTENT_TYPE", "HTTP_ACCEPT"):
            if EXTENDED_PARAMETER.search(environ.get(name, "")):
                environ[name] = UNREADABLE
        return application(environ, start_response)

    return readable
