"""Check that the OpenAPI document lists the error codes of the responses to API tests.

`tests.tools.error_codes` finds the codes of each operation in the source, which is an
approximation. The responses to the tests show what it has missed: add that to its `SEEN_IN_TESTS`.
"""

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

from django.test import Client
from django.urls import ResolverMatch

from config.openapi_errors import load_codes
from config.openapi_operations import OPERATIONS, PREFIX, VERBS, derive_names
from tenants.exceptions import DomainError
from tests.support.compression import unpack
from tests.support.discovery import subclasses
from tests.tools.error_codes.search import GENERAL

TESTS = Path(__file__).parents[1]
PARAMETER = re.compile(r"<\w+:(\w+)>")
PROBLEM = "application/problem+json"
# Codes that every operation may answer.
ANY_CODES = GENERAL | {
    *("busy", "idempotency_key_invalid", "invalid_cursor", "not_authenticated", "unavailable"),
    *("not_for_service_keys", "password_change_required", "scope_missing", "tenant_mismatch"),
    "token_not_valid",
}


class DocumentedCodes:
    """The responses of the current test with a code that the document does not list."""

    def __init__(self) -> None:
        self.found: list[str] = []

    def begin(self) -> None:
        self.found.clear()

    def read_answer(self, response: Any) -> None:
        if response.headers.get("Content-Type") != PROBLEM:
            return
        operation, status = find_operation(response), str(response.status_code)
        code = json.loads(unpack(response))["code"]
        if operation is None or code not in list_codes():
            return
        if code not in load_codes().get(operation, {}).get(status, ()):
            self.found.append(f"{operation}: {status} {code}")


@cache
def list_codes() -> frozenset[str]:
    """Return the codes that depend on the operation, unlike those of bodies and headers."""
    ours = {each.code for each in subclasses(DomainError) if issubclass(each, DomainError)}
    return frozenset(ours - ANY_CODES)


def find_operation(response: Any) -> str | None:
    """Return the operation id of a response to the test client; None for an unknown route."""
    method, match = response.wsgi_request.method, find_route(response)
    if match is None or method.lower() not in VERBS:
        return None
    path = "/" + PARAMETER.sub(r"{\1}", match.route).replace("{pk}", "{id}")
    if not path.startswith(PREFIX):
        return None
    key = f"{method} {path.removeprefix(PREFIX)}"
    return (OPERATIONS.get(key) or derive_names(key))[0]


def find_route(response: Any) -> ResolverMatch | None:
    match: ResolverMatch | None = response.wsgi_request.resolver_match
    return match


def is_test_of_api(path: Path) -> bool:
    """Return whether a test sends requests as clients do, rather than random or broken ones."""
    folder, *_ = path.relative_to(TESTS).parts
    return folder in {"accounts", "attacks", "orders", "tenants"}


codes = DocumentedCodes()


@contextmanager
def watch_codes(patch: Any) -> Iterator[None]:
    """Check every response to test clients from here on."""
    request = Client.request

    def read_request(self: Client, **environ: Any) -> Any:
        response = request(self, **environ)
        codes.read_answer(response)
        return response

    with patch.context() as patched:
        patched.setattr(Client, "request", read_request)
        yield
