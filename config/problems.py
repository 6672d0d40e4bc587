"""Every refusal and every failure as RFC 9457: the only place where they get an HTTP status.

`type` is always `about:blank`: the status says what kind of problem it is, and the stable `code`
which one. A page for each would only repeat its `detail`.
"""

import json
import math
import sys
from collections.abc import Iterator, Mapping, Sequence
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
from tenants.api.serializers import flatten_errors
from tenants.exceptions import DomainError, FieldError

PROBLEM_JSON = "application/problem+json"
MAX_ERRORS = 100
# DRF repeats what was sent in its sentences, however long it is.
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
    """What is told of one refusal. Its own members win over facts of the same name."""

    status: int
    code: str
    detail: str
    errors: Sequence[FieldError] = ()
    facts: Mapping[str, Any] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)

    def response(self, request: Any) -> HttpResponse:
        """Plain Django, not a DRF response: a view that renders PDF still refuses in JSON."""
        headers = dict(self.headers)
        if self.status == HTTPStatus.UNAUTHORIZED:
            headers.setdefault("WWW-Authenticate", "Bearer")
        return HttpResponse(
            json.dumps(self.body(getattr(request, "request_id", "")), default=plain),
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
            body["errors"] = [shown(error) for error in self.errors[:MAX_ERRORS]]
        return body | {name: fact for name, fact in self.facts.items() if name not in body}


def shown(error: FieldError) -> dict[str, Any]:
    row = {} if error.row is None else {"row": error.row}
    return row | {"field": error.field, "code": error.code, "detail": error.detail}


def plain(fact: Any) -> str:
    """Facts that JSON has no word for: amounts, ids, times, translated text."""
    if isinstance(fact, datetime):
        return format_datetime(fact)
    return f"{fact:f}" if isinstance(fact, Decimal) else str(fact)


def exception_handler(exc: Exception, context: Mapping[str, Any]) -> HttpResponse | None:
    """DRF's hook. None means a bug, not a refusal: let it be a 500."""
    problem = build_problem(exc)
    if problem is None:
        return None
    set_rollback()
    note_denial(problem, context.get("request"))
    return problem.response(context.get("request"))


def note_denial(problem: Problem, request: Any) -> None:
    """Write down that somebody wanted what is not theirs; by now their work is rolled back."""
    if problem.code != domain.NotPermitted.code:
        return  # before anybody asks for `auth`, which would ask again who this is
    session = getattr(request, "auth", None)
    if not isinstance(session, AuthSession):
        return
    try:
        record_denied_access(
            "permission_denied", session, method=request.method, path=request.path[:200]
        )
    except DatabaseError:  # the refusal is one all the same
        log.exception("denial_not_noted")


@singledispatch
def build_problem(exc: Exception) -> Problem | None:
    """What each kind of exception tells the client; an unknown kind tells nothing."""
    return None


@build_problem.register
def _(exc: DomainError) -> Problem:
    status = next(HTTP_STATUSES[kind] for kind in type(exc).__mro__ if kind in HTTP_STATUSES)
    headers = retry_after(exc.facts) | challenge(exc)
    return Problem(status, exc.code, str(exc), exc.errors, exc.facts, headers)


def retry_after(facts: Mapping[str, Any]) -> dict[str, str]:
    """The fact `retry_after`, in seconds, is a header too."""
    return {"Retry-After": str(math.ceil(facts["retry_after"]))} if "retry_after" in facts else {}


def challenge(exc: DomainError) -> dict[str, str]:
    """The fact `max_age`, in seconds, is what RFC 9470 asks a client to log in again by."""
    if "max_age" not in exc.facts:
        return {}
    return {"WWW-Authenticate": f'Bearer error="{exc.code}", max_age="{exc.facts["max_age"]}"'}


@build_problem.register
def build_api_problem(exc: rest.APIException) -> Problem:
    # Some, simplejwt's among them, hold a dictionary of which `detail` is one entry.
    told = exc.detail if isinstance(exc.detail, dict) else {"detail": exc.detail}
    detail = told.get("detail", exc.default_detail)
    code = str(told.get("code") or getattr(detail, "code", None) or exc.default_code)
    errors, facts = getattr(exc, "errors", ()), getattr(exc, "facts", {})
    return Problem(exc.status_code, code, str(detail)[:MAX_DETAIL_LENGTH], errors, facts)


@build_problem.register(rest.NotAuthenticated)
@build_problem.register(rest.AuthenticationFailed)
def _(exc: rest.APIException) -> Problem:
    """401 also from a view without authentication, where DRF would make it 403."""
    told = build_api_problem(exc)
    headers = {"WWW-Authenticate": getattr(exc, "auth_header", None) or "Bearer"}
    return Problem(type(exc).status_code, told.code, told.detail, headers=headers)


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
    """What `full_clean` found. Only a duplicate is about the others, and so a conflict."""
    errors = tuple(model_errors(exc))
    if all(error.code == "unique" for error in errors):
        return Problem(409, "already_exists", "There is one like this already.", errors)
    return invalid(errors)


def model_errors(exc: django_exceptions.ValidationError) -> Iterator[FieldError]:
    fields = exc.error_dict if hasattr(exc, "error_dict") else {"": exc.error_list}
    for name, errors in fields.items():
        for error in errors:
            yield model_error("" if name == django_exceptions.NON_FIELD_ERRORS else name, error)


def model_error(name: str, error: Any) -> FieldError:
    """One finding, in the words of the API: `tenant` is no field of it."""
    if error.code in {"unique", "unique_together"}:
        *_, name = [part for part in error.params["unique_check"] if part != "tenant"]
        return FieldError(name, "unique", f"There is one with this {name} already.")
    return FieldError(name, error.code or "invalid", " ".join(error.messages))


@build_problem.register(Http404)
@build_problem.register(rest.NotFound)
@build_problem.register(django_exceptions.ObjectDoesNotExist)
def _(exc: Exception) -> Problem:
    """Always in the same words: what belongs to another shop is not told from what is not."""
    return Problem(404, domain.NotFound.code, domain.NotFound.message)


@build_problem.register
def _(exc: django_exceptions.PermissionDenied) -> Problem:
    return Problem(403, domain.NotPermitted.code, domain.NotPermitted.message)


@build_problem.register
def _(exc: django_exceptions.RequestDataTooBig) -> Problem:
    limit = settings.DATA_UPLOAD_MAX_MEMORY_SIZE
    detail = f"The body may have at most {limit} bytes."
    return Problem(413, "body_too_large", detail, facts={"max_bytes": limit})


@build_problem.register(django_exceptions.BadRequest)
@build_problem.register(django_exceptions.SuspiciousOperation)
@build_problem.register(UnreadablePostError)
def _(exc: Exception) -> Problem:
    return Problem(400, "bad_request", "This request cannot be read.")


@build_problem.register(OperationalError)
@build_problem.register(InterfaceError)
def _(exc: Exception) -> Problem:
    """The database is away, busy or undecided. It will pass, so the client may try again."""
    log.error("database_unavailable", exc_info=exc)
    facts = {"retry_after": 1}
    detail = "Not possible at this moment: try again."
    return Problem(503, "unavailable", detail, facts=facts, headers=retry_after(facts))


# --- Django's own handlers, for what no DRF view has answered ----------------------------------


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    if request.path.startswith(HTML_PREFIXES):
        return defaults.bad_request(request, exception)
    problem = build_problem(exception) or Problem(
        400, "bad_request", "This request cannot be read."
    )
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
    """Tells nothing of the inside; the log has the rest under the same request id.

    What fails on the way to a view, as reading a session without the database, passes too.
    """
    detail = "Something went wrong on our side. Tell us the request_id."
    problem = Problem(500, "internal_error", detail)
    if isinstance(failure := sys.exc_info()[1], OperationalError | InterfaceError):
        problem = build_problem(failure) or problem
    if not request.path.startswith(HTML_PREFIXES):
        return problem.response(request)
    if problem.status != HTTPStatus.SERVICE_UNAVAILABLE:
        return defaults.server_error(request)
    page = f"<!doctype html><title>Till</title><h1>{problem.detail}</h1>"
    return HttpResponse(page, status=problem.status, headers=dict(problem.headers))
