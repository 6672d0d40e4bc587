"""Assertions on problems (RFC 9457)."""

from http import HTTPStatus
from typing import Any

MEMBERS = {"type", "title", "status", "detail", "code", "request_id"}


def assert_problem(
    response: Any, status: int, code: str, errors: dict[str, str] | None = None
) -> dict[str, Any]:
    """Assert that the response is a complete problem with these errors, and return it.

    `errors` maps each wrong field to its code; without it there must be none.
    """
    assert response.status_code == status, response.content
    assert response["Content-Type"] == "application/problem+json"
    problem: dict[str, Any] = response.json()
    assert problem.keys() >= MEMBERS
    assert problem["type"] == "about:blank"
    assert problem["title"] == HTTPStatus(status).phrase
    assert (problem["status"], problem["code"]) == (status, code)
    assert problem["detail"]
    assert problem["request_id"] == response["X-Request-ID"]
    assert {error["field"]: error["code"] for error in problem.get("errors", [])} == (errors or {})
    assert all(error["detail"] for error in problem.get("errors", []))
    return problem
