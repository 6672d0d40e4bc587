import json
import uuid
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from django.core import exceptions as django_exceptions
from django.db import OperationalError, models
from django.http import Http404, UnreadablePostError
from django.test import Client
from rest_framework import exceptions as rest
from rest_framework_simplejwt.exceptions import AuthenticationFailed, InvalidToken

from tenants import exceptions as domain
from tenants.exceptions import FieldError
from tests.config.urls import INTERNAL_DETAIL, failure
from tests.support.problems import assert_problem

JSON = "application/json"


class InsufficientStock(domain.Conflict):
    code = "insufficient_stock"
    message = "{product}: {wanted} wanted, {available} in stock."


class Busy(domain.Conflict):
    code = "request_in_progress"
    message = "The first request still runs."


class OrderLocked(domain.Conflict):
    code = "order_locked"
    message = "Not now."


class SellerNotFound(models.ObjectDoesNotExist):
    """Like the `DoesNotExist` of a model."""


def get_raising(http, exc, path="/api/raising/", **headers):
    failure["next"] = exc
    return http.get(path, headers=headers)


@pytest.mark.parametrize(
    ("exc", "status", "code"),
    [
        (domain.DomainError(), 400, "refused"),
        (domain.Invalid(), 400, "invalid"),
        (domain.NotAuthenticated(), 401, "not_authenticated"),
        (domain.NotPermitted(), 403, "permission_denied"),
        (domain.NotFound(), 404, "not_found"),
        (OrderLocked(), 409, "order_locked"),
        (domain.IdConflict(), 409, "id_conflict"),
        (domain.VersionConflict(current=4), 412, "version_conflict"),
        (domain.PreconditionRequired(), 428, "if_match_required"),
        (rest.ParseError(), 400, "parse_error"),
        (rest.NotAuthenticated(), 401, "not_authenticated"),
        (rest.AuthenticationFailed(), 401, "authentication_failed"),
        (InvalidToken(), 401, "token_not_valid"),
        (AuthenticationFailed("No.", code="user_inactive"), 401, "user_inactive"),
        (rest.PermissionDenied(), 403, "permission_denied"),
        (rest.PermissionDenied("No.", "approval_required"), 403, "approval_required"),
        (rest.NotFound(), 404, "not_found"),
        (rest.MethodNotAllowed("PUT"), 405, "method_not_allowed"),
        (rest.NotAcceptable(), 406, "not_acceptable"),
        (rest.UnsupportedMediaType("text/plain"), 415, "unsupported_media_type"),
        (Http404(), 404, "not_found"),
        (SellerNotFound(), 404, "not_found"),
        (django_exceptions.PermissionDenied(), 403, "permission_denied"),
        (django_exceptions.RequestDataTooBig(), 413, "body_too_large"),
        (django_exceptions.TooManyFieldsSent(), 400, "bad_request"),
        (django_exceptions.SuspiciousFileOperation(INTERNAL_DETAIL), 400, "bad_request"),
        (django_exceptions.BadRequest(INTERNAL_DETAIL), 400, "bad_request"),
        (UnreadablePostError(INTERNAL_DETAIL), 400, "bad_request"),
        (OperationalError(INTERNAL_DETAIL), 503, "unavailable"),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else str(value),
)
def test_every_exception_has_its_status_and_code(http, exc, status, code):
    response = get_raising(http, exc)

    assert_problem(response, status, code)
    assert INTERNAL_DETAIL not in response.content.decode()


def test_facts_of_a_domain_error_are_strings(http):
    product = uuid.uuid4()
    moment = datetime(2026, 1, 31, 18, 30, tzinfo=UTC)
    exc = InsufficientStock(
        product="Beans", wanted=Decimal("1E+1"), available=Decimal("2.500"), id=product, at=moment
    )

    problem = assert_problem(get_raising(http, exc), 409, "insufficient_stock")

    assert problem["detail"] == "Beans: 1E+1 wanted, 2.500 in stock."
    assert problem["wanted"] == "10"
    assert problem["available"] == "2.500"
    assert problem["id"] == str(product)
    assert problem["at"] == "2026-01-31T18:30:00Z"


def test_facts_do_not_replace_members_of_the_problem(http):
    problem = assert_problem(
        get_raising(http, OrderLocked(status="held", code="x")), 409, "order_locked"
    )

    assert problem["status"] == 409


def test_domain_error_lists_field_errors(http):
    exc = domain.Invalid(errors=(FieldError("lines[1].product", "does_not_exist", "None here."),))

    assert_problem(get_raising(http, exc), 400, "invalid", {"lines[1].product": "does_not_exist"})


def test_retry_after_is_also_a_header(http):
    response = get_raising(http, Busy(retry_after=1.2))

    assert response["Retry-After"] == "2"
    assert assert_problem(response, 409, "request_in_progress")["retry_after"] == 1.2


@pytest.mark.parametrize(("wait", "seconds"), [(None, "1"), (0.2, "1"), (12.1, "13")])
def test_throttled_response_has_retry_after(http, wait, seconds):
    response = get_raising(http, rest.Throttled(wait=wait))

    assert_problem(response, 429, "throttled")
    assert response["Retry-After"] == seconds


@pytest.mark.parametrize(
    "exc", [domain.NotAuthenticated(), rest.NotAuthenticated(), rest.AuthenticationFailed()]
)
def test_401_has_www_authenticate_without_authentication_classes(http, exc):
    # The view has no authentication; DRF alone would answer 403 (attack 35).
    assert get_raising(http, exc)["WWW-Authenticate"].startswith("Bearer")


def test_view_requires_a_login_by_default(http):
    response = http.get("/api/closed/")  # attack 35

    assert_problem(response, 401, "not_authenticated")
    assert response["WWW-Authenticate"].startswith("Bearer")


def test_wrong_method_lists_allowed_methods(http):
    response = http.put("/api/raising/")

    assert_problem(response, 405, "method_not_allowed")
    assert "GET" in response["Allow"]


@pytest.mark.parametrize("accept", ["text/html", "application/xml", "x" * 5_000])
def test_attack_089_other_accept_header_is_not_acceptable(http, accept):
    # attack 89
    response = http.post("/api/echo/", b"{}", content_type=JSON, headers={"Accept": accept})

    assert_problem(response, 406, "not_acceptable")


def test_html_view_returns_problems_as_json(http):
    response = get_raising(http, domain.NotFound(), "/api/page/", Accept="text/html")

    assert_problem(response, 404, "not_found")


def test_field_errors_of_nested_input_contain_the_path(http):
    body = {
        "id": "x",
        "lines": [{"quantity": "1"}, {"quantity": "0", "qty": 1}, {"note": "n" * 11}, "four"],
    }
    response = http.post("/api/sell/", json.dumps(body), content_type=JSON)

    assert_problem(
        response,
        400,
        "invalid",
        {
            "id": "unknown_field",
            "lines[1].quantity": "zero",
            "lines[1].qty": "unknown_field",
            "lines[2].quantity": "required",
            "lines[2].note": "max_length",
            "lines[3]": "invalid",
        },
    )


@pytest.mark.parametrize(
    ("body", "errors"),
    [
        ("[]", {"": "invalid"}),
        ('"text"', {"": "invalid"}),
        ("null", {"": "null"}),
        ("7", {"": "invalid"}),
        ('{"lines": {}}', {"lines": "not_a_list"}),
        ('{"lines": null}', {"lines": "null"}),
        ("{}", {"lines": "required"}),
    ],
)
def test_body_of_another_shape_is_rejected(http, body, errors):
    # attack 15
    response = http.post("/api/sell/", body.encode(), content_type=JSON)

    assert_problem(response, 400, "invalid", errors)


def test_number_of_listed_errors_is_limited(http):
    lines = [{"quantity": "0"}] * 500
    response = http.post("/api/sell/", json.dumps({"lines": lines}), content_type=JSON)

    assert len(response.json()["errors"]) == 100


def unique_error(*fields: str) -> django_exceptions.ValidationError:
    code = "unique" if len(fields) == 1 else "unique_together"
    return django_exceptions.ValidationError("Taken.", code, params={"unique_check": fields})


def test_model_validation_errors_are_listed_by_field(http):
    exc = django_exceptions.ValidationError(
        {
            "name": [django_exceptions.ValidationError("At most %(n)s.", "max_length", {"n": 3})],
            "__all__": [django_exceptions.ValidationError("Odd.")],
            "sku": [unique_error("tenant", "sku")],
        }
    )

    problem = assert_problem(
        get_raising(http, exc),
        400,
        "invalid",
        {"name": "max_length", "": "invalid", "sku": "unique"},
    )
    assert problem["errors"][0]["detail"] == "At most 3."


@pytest.mark.parametrize("exc", [unique_error("sku"), unique_error("tenant", "store", "sku")])
def test_duplicate_is_a_conflict_without_the_tenant_field(http, exc):
    failure["next"] = django_exceptions.ValidationError({"__all__": [exc]})
    response = http.get("/api/raising/")

    assert_problem(response, 409, "already_exists", {"sku": "unique"})
    assert "tenant" not in response.content.decode().lower()


def test_every_not_found_error_has_an_identical_response(http):
    # attack 72: from any layer and with any message.
    bodies = set()
    for exc in (Http404("No Order matches"), SellerNotFound("Order 5"), rest.NotFound("Gone")):
        response = get_raising(
            http, exc, f"/api/things/{uuid.uuid4()}/", **{"X-Request-ID": "same"}
        )
        bodies.add(response.content)
    bodies.add(http.get("/api/nowhere/", headers={"X-Request-ID": "same"}).content)

    assert len(bodies) == 1


def test_csrf_failure_outside_of_the_api_is_a_problem():
    """Otherwise Django's CSRF page would be the only HTML response for clients."""
    client = Client(enforce_csrf_checks=True)

    assert_problem(client.post("/"), 403, "permission_denied")
