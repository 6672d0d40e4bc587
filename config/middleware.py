"""What every request and every response goes through, whatever it is about."""

import re
import secrets
import time
from collections.abc import Callable
from http import HTTPStatus
from typing import Any

import structlog
from csp.constants import HEADER as POLICY
from csp.middleware import CSPMiddleware
from django.conf import settings
from django.core.exceptions import BadRequest
from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.utils.functional import SimpleLazyObject

from accounts.client_info import get_client_ip
from config.problems import HTML_PREFIXES, PROBLEM_JSON, Problem, bad_request, page_not_found

GetResponse = Callable[[HttpRequest], HttpResponse]
Application = Callable[[dict[str, Any], Any], Any]

# RFC 2231: `charset*=utf-8''x`, `a*0=b`. Mail has use for it, HTTP's media types have none.
EXTENDED_PARAMETER = re.compile(r"\*\d*\*?\s*=")
UNREADABLE = "unreadable/unreadable"
REQUEST_ID_FORMAT = re.compile(r"[A-Za-z0-9._-]{1,64}")
SERVER_ERROR = 500
log = structlog.get_logger("till.access")


class RequestIdMiddleware:
    """Names each request: in its answer, in problems and in every log line in between.

    Outermost, so that answers of the other middleware have it too.
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
    """One line per request. No headers, no body, no query string: people put secrets there."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        started = time.perf_counter()
        response = self.get_response(request)
        write = log.error if response.status_code >= SERVER_ERROR else log.info
        write(
            "request",
            method=request.method,
            path=request.path,
            status=response.status_code,
            milliseconds=round((time.perf_counter() - started) * 1000, 1),
            **describe_user(request),
        )
        return response


def describe_user(request: HttpRequest) -> dict[str, str]:
    """Who asked, if that is known by now: finding it out is not a log's business."""
    user: Any = getattr(request, "user", None)
    if isinstance(user, SimpleLazyObject):
        user = getattr(request, "_cached_user", None)
    names = {"user": getattr(user, "pk", None), "tenant": getattr(user, "tenant_id", None)}
    return {name: str(value) for name, value in names.items() if value}


class BodyLengthMiddleware:
    """Refuses bodies of unknown length, which WSGI would silently read as empty."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if "HTTP_TRANSFER_ENCODING" in request.META and not request.META.get("CONTENT_LENGTH"):
            detail = "Send Content-Length instead of Transfer-Encoding."
            return Problem(411, "length_required", detail).response(request)
        return self.get_response(request)


class ProblemsWhileDebuggingMiddleware:
    """Answer 400 and 404 with DEBUG as without it.

    Django puts pages of its own in the place of our handlers then. A 500 stays such a page: its
    traceback is what DEBUG is for.
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
    """Send the directives of the Content-Security-Policy in one order.

    django-csp takes them out of a set, so that each process would send another header.
    """

    def process_response(
        self, request: HttpRequest, response: HttpResponseBase
    ) -> HttpResponseBase:
        answer = super().process_response(request, response)
        if POLICY in answer:
            answer[POLICY] = "; ".join(sorted(answer[POLICY].split("; ")))
        return answer


class NoStoreMiddleware:
    """Tokens, passwords shown once and what people bought are no cache's to keep."""

    prefixes = ("/api/v1/audit/", "/api/v1/auth/", "/api/v1/users/", "/api/v1/orders/")

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        if request.path.startswith(self.prefixes):
            response["Cache-Control"] = "no-store"
        return response


def reject_unreadable_media_types(application: Application) -> Application:
    """Around the whole of Django, which fails on such parameters before any middleware runs.

    Answers 415 or 406 instead, as for every other media type that nobody reads.
    """

    def readable(environ: dict[str, Any], start_response: Any) -> Any:
        for name in ("CONTENT_TYPE", "HTTP_ACCEPT"):
            if EXTENDED_PARAMETER.search(environ.get(name, "")):
                environ[name] = UNREADABLE
        return application(environ, start_response)

    return readable
