"""Errors as problem documents (RFC 9457): maps exceptions to HTTP statuses.

`type` is always `about:blank`; the stable `code` identifies the problem.
"""

import json
import math
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from functools import singledispatch
from http import HTTPStatus
from typing import Any

import structlog
from django.conf import settings
from django.core import exceptions as django_exceptions
from django.db import DatabaseError, InterfaceError, OperationalError
from django.http import Http404, HttpRequest, HttpResponse, UnreadablePostError
from django.views import csrf, defaults
from rest_framework import exceptions as rest
from rest_framework.views import set_rollback

from accounts.models import AuthSession
from accounts.services.denied_access_log import record_denied_access
from tenants import exceptions as domain
from tenants.api.formats import format_datetime
from tenants.api.serializers import flatten_errors, list_model_errors
from tenants.exceptions import DomainError, FieldError

PROBLEM_JSON = "application/problem+json"
MAX_ERRORS = 100
# Messages of DRF can repeat input of any length.
MAX_DETAIL_LENGTH = 500
HTML_PREFIXES = ("/admin/", "/platform/")
log = structlog.get_logger("till.problems")

HTTP_STATUSES: dict[type[DomainError], int] = {
    domain.DomainError: 400,
    domain.NotAuthenticated: 401,
    domain.NotPermitted: 403,
    domain.NotFound: 404,
    domain.Conflict: 409,
    domain.ChangesGone: 410,
    domain.VersionConflict: 412,
    domain.TooLarge: 413,
    domain.IdempotencyKeyReused: 422,
    domain.PreconditionRequired: 428,
    domain.TooManyRequests: 429,
    domain.NotInstalled: 501,
    domain.Unavailable: 503,
}


@dataclass(frozen=True, slots=True)
class Problem:
    """A problem document. Its own members take precedence over facts of the same name."""

    status: int
    code: str
    detail: str
    errors: Sequence[FieldError] = ()
    facts: Mapping[str, Any] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)

    def response(self, request: Any) -> HttpResponse:
        """Return a Django response rather than one of DRF, since a view may only render PDF."""
        headers = dict(self.headers)
        if self.status == HTTPStatus.UNAUTHORIZED:
            headers.setdefault("WWW-Authenticate", "Bearer")
        return HttpResponse(
            json.dumps(self.body(getattr(request, "request_id", "")), default=serialize_fact),
            status=self.status,
            content_type=PROBLEM_JSON,
            headers=headers,
        )

    def body(self, request_id: str) -> dict[str, Any]:
        body = {
            "type": "about:blank",
            "title": HTTPStatus(self.status).phrase,
            "status": self.status,
            "detail": self.detail,
            "code": self.code,
            "request_id": request_id,
        }
        if self.errors:
            body["errors"] = [serialize_error(error) for error in self.errors[:MAX_ERRORS]]
        return body | {name: fact for name, fact in self.facts.items() if name not in body}


def serialize_error(error: FieldError) -> dict[str, Any]:
    row = {} if error.row is None else {"row": error.row}
    return row | {"field": error.field, "code": error.code, "detail": error.detail}


def serialize_fact(fact: Any) -> str:
    """Return facts without a JSON type as strings: amounts, ids, times, translated text."""
    if isinstance(fact, datetime):
        return format_datetime(fact)
    return f"{fact:f}" if isinstance(fact, Decimal) else str(fact)


def exception_handler(exc: Exception, context: Mapping[str, Any]) -> HttpResponse | None:
    """Return the response for an exception, for DRF; None if it is unexpected, which is a 500."""
    problem = build_problem(exc)
    if problem is None:
        return None
    set_rollback()
    record_denial(problem, context.get("request"))
    return problem.response(context.get("request"))


def record_denial(problem: Problem, request: Any) -> None:
    """Record a denied access in the audit log, after the rollback of the request."""
    if problem.code != domain.NotPermitted.code:
        return  # before access to `request.auth`, which would authenticate again
    session = getattr(request, "auth", None)
    if not isinstance(session, AuthSession):
        return
    try:
        record_denied_access(
            "permission_denied", session, method=request.method, path=request.path[:200]
        )
    except DatabaseError:  # the response is the same
        log.exception("denial_not_recorded")


@singledispatch
def build_problem(exc: Exception) -> Problem | None:
    """Return the problem of an exception, or None for an unexpected one."""
    return None


@build_problem.register
def _(exc: DomainError) -> Problem:
    status = next(HTTP_STATUSES[kind] for kind in type(exc).__mro__ if kind in HTTP_STATUSES)
    headers = retry_after(exc.facts) | challenge(exc)
    return Problem(status, exc.code, str(exc), exc.errors, exc.facts, headers)


def retry_after(facts: Mapping[str, Any]) -> dict[str, str]:
    """Return the fact `retry_after`, in seconds, as a header."""
    return {"Retry-After": str(math.ceil(facts["retry_after"]))} if "retry_after" in facts else {}


def challenge(exc: DomainError) -> dict[str, str]:
    """Return the fact `max_age`, in seconds, as a challenge for a new log-in (RFC 9470)."""
    if "max_age" not in exc.facts:
        return {}
    return {"WWW-Authenticate": f'Bearer error="{exc.code}", max_age="{exc.facts["max_age"]}"'}


@build_problem.register
def build_api_problem(exc: rest.APIException) -> Problem:
    # Some exceptions, such as those of simplejwt, hold a dictionary with the entry `detail`.
    data = exc.detail if isinstance(exc.detail, dict) else {"detail": exc.detail}
    detail = data.get("detail", exc.default_detail)
    code = str(data.get("code") or getattr(detail, "code", None) or exc.default_code)
    errors, facts = getattr(exc, "errors", ()), getattr(exc, "facts", {})
    return Problem(exc.status_code, code, str(detail)[:MAX_DETAIL_LENGTH], errors, facts)


@build_problem.register(rest.NotAuthenticated)
@build_problem.register(rest.AuthenticationFailed)
def _(exc: rest.APIException) -> Problem:
    """Return 401 also from views without authentication, where DRF would return 403."""
    problem = build_api_problem(exc)
    headers = {"WWW-Authenticate": getattr(exc, "auth_header", None) or "Bearer"}
    return Problem(type(exc).status_code, problem.code, problem.detail, headers=headers)


@build_problem.register
def _(exc: rest.Throttled) -> Problem:
    facts = {"retry_after": max(1, math.ceil(getattr(exc, "wait", None) or 1))}
    return Problem(
        exc.status_code, "throttled", "Too many requests.", (), facts, retry_after(facts)
    )


@build_problem.register
def _(exc: rest.ValidationError) -> Problem:
    return invalid(tuple(flatten_errors(exc.detail)))


def invalid(errors: Sequence[FieldError]) -> Problem:
    return Problem(400, domain.Invalid.code, domain.Invalid.message, errors)


@build_problem.register
def _(exc: django_exceptions.ValidationError) -> Problem:
    """Return errors of `full_clean` as 400, or as 409 if all are duplicates."""
    errors = tuple(list_model_errors(exc))
    if all(error.code == "unique" for error in errors):
        return Problem(409, domain.AlreadyExists.code, domain.AlreadyExists.message, errors)
    return invalid(errors)


@build_problem.register(Http404)
@build_problem.register(rest.NotFound)
@build_problem.register(django_exceptions.ObjectDoesNotExist)
def _(exc: Exception) -> Problem:
    """Return the same text for rows of other tenants as for rows that do not exist."""
    return Problem(404, domain.NotFound.code, domain.NotFound.message)


@build_problem.register
def _(exc: django_exceptions.PermissionDenied) -> Problem:
    return Problem(403, domain.NotPermitted.code, domain.NotPermitted.message)


@build_problem.register
def _(exc: django_exceptions.RequestDataTooBig) -> Problem:
    limit = settings.DATA_UPLOAD_MAX_MEMORY_SIZE
    detail = f"The body must not exceed {limit} bytes."
    return Problem(413, "body_too_large", detail, facts={"max_bytes": limit})


@build_problem.register(django_exceptions.BadRequest)
@build_problem.register(django_exceptions.SuspiciousOperation)
@build_problem.register(UnreadablePostError)
def _(exc: Exception) -> Problem:
    return Problem(400, "bad_request", "The request is malformed.")


@build_problem.register(OperationalError)
@build_problem.register(InterfaceError)
def _(exc: Exception) -> Problem:
    """Return 503 for a database that is unavailable, busy or has a conflict."""
    log.error("database_unavailable", exc_info=exc)
    facts = {"retry_after": 1}
    detail = "Temporarily unavailable. Try again."
    return Problem(503, "unavailable", detail, facts=facts, headers=retry_after(facts))


# --- Error handlers of Django, for requests outside of DRF --------------------------------------


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    if request.path.startswith(HTML_PREFIXES):
        return defaults.bad_request(request, exception)
    problem = build_problem(exception) or Problem(400, "bad_request", "The request is malformed.")
    return problem.response(request)


def permission_denied(request: HttpRequest, exception: Exception) -> HttpResponse:
    if request.path.startswith(HTML_PREFIXES):
        return defaults.permission_denied(request, exception)
    return Problem(403, domain.NotPermitted.code, domain.NotPermitted.message).response(request)


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    if request.path.startswith(HTML_PREFIXES):
        return csrf.csrf_failure(request, reason)
    return permission_denied(request, PermissionError(reason))


def page_not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    if request.path.startswith(HTML_PREFIXES):
        return defaults.page_not_found(request, exception)
    return Problem(404, domain.NotFound.code, domain.NotFound.message).response(request)


def server_error(request: HttpRequest) -> HttpResponse:
    """Return 500 without internals, which the log has under the same request id.

    Also called when the database fails before a view runs, which is a 503.
    """
    detail = "An internal error occurred. Report it with the request_id."
    problem = Problem(500, "internal_error", detail)
    if isinstance(failure := sys.exc_info()[1], OperationalError | InterfaceError):
        problem = build_problem(failure) or problem
    if not request.path.startswith(HTML_PREFIXES):
        return problem.response(request)
    if problem.status != HTTPStatus.SERVICE_UNAVAILABLE:
        return defaults.server_error(request)
    page = f"<!doctype html><title>Till</title><h1>{problem.detail}</h1>"
    return HttpResponse(page, status=problem.status, headers=dict(problem.headers))
