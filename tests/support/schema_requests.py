"""Generate requests from the OpenAPI document and validate the responses."""

import copy
import re
import traceback
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

import schemathesis
from django.core.signals import got_request_exception, request_finished, request_started
from django.db import close_old_connections
from hypothesis import strategies as st
from schemathesis import checks
from schemathesis.specs.openapi import checks as promises

from config.wsgi import application
from tests.architecture.test_schema import document, make_strict
from tests.support.api import format_header_name
from tests.support.secret_leaks import leaks
from tests.support.stored_rows import begin_undo
from tests.support.two_shops import TwoShops

LEAK_MARKER = re.compile(rb"leakmark", re.IGNORECASE)
CHECKS = [
    checks.not_a_server_error,
    promises.status_code_conformance,
    promises.content_type_conformance,
    promises.response_headers_conformance,
    promises.response_schema_conformance,
]
# The kind of object that a field refers to.
KIND_BY_FIELD = {
    "product": "products",
    "category": "categories",
    "tax_class": "tax-classes",
    "store": "stores",
    "to_store": "stores",
    "register": "registers",
    "order": "orders",
    "shift": "shifts",
    "refund": "refunds",
    "user": "users",
    "cashier": "users",
    "approval": "approvals",
    "line": "line",
    "target": "orders",
    "actor": "users",
    "requested_by": "users",
}


@cache
def load_schema() -> Any:
    """Return the schema with strict responses."""
    made = copy.deepcopy(document())
    schemas = made["components"]["schemas"]
    # Problems have variable members, and the parts of a result depend on its status.
    for name in schemas.keys() - {"Problem", "Result"}:
        if not name.endswith("Request"):
            schemas[name] = make_strict(schemas[name])
    schema = schemathesis.openapi.from_dict(made)
    schema.app = application
    return schema


def operations() -> list[Any]:
    return [found.ok() for found in load_schema().get_all_operations()]


def find_kind(path: str, parameter: str) -> str:
    if parameter != "id":
        return {"key": "idempotency"}.get(parameter, parameter)
    return path.partition("/{id}")[0].rpartition("/")[2]


class CaseFiller:
    """Replace generated ids in a case by real ones."""

    def __init__(self, draw: Any, two_shops: TwoShops) -> None:
        self.draw = draw
        self.two_shops = two_shops

    def case(self, case: Any) -> Any:
        for name in case.path_parameters or {}:
            case.path_parameters[name] = self.id(find_kind(case.operation.path, name))
        for name in set(case.query or ()) & set(KIND_BY_FIELD):
            case.query[name] = self.id(KIND_BY_FIELD[name])
        if isinstance(case.body, dict | list):
            case.body = self.body(case.body)
        return case

    def id(self, kind: str) -> str:
        """Return mostly own ids, sometimes ids of the other shop or unknown ones."""
        own = self.two_shops.own.get(kind) or [uuid.UUID(int=1)]
        others = [*self.two_shops.foreign.get(kind, []), uuid.UUID(int=2)]
        return str(self.draw(st.sampled_from([*own * 3, *others])))

    def body(self, part: Any) -> Any:
        if isinstance(part, list):
            return [self.body(each) for each in part]
        if not isinstance(part, dict):
            return part
        return {name: self.value(name, each) for name, each in part.items()}

    def value(self, name: str, value: Any) -> Any:
        if name in KIND_BY_FIELD and isinstance(value, str):
            return self.id(KIND_BY_FIELD[name])
        return self.body(value)


def ask(case: Any, headers: dict[str, str]) -> Any:
    """Send the request and undo its changes."""
    undo = begin_undo()  # `atomic` would not allow durable transactions inside
    with keep_connections():
        response = case.call(headers=headers)
    undo()
    return response


@contextmanager
def record_exceptions() -> Iterator[list[str]]:
    """Record unhandled exceptions of views, which responses do not show."""
    raised: list[str] = []

    def note(**_: Any) -> None:
        raised.append(traceback.format_exc(limit=-6))

    got_request_exception.connect(note)
    try:
        yield raised
    finally:
        got_request_exception.disconnect(note)


@contextmanager
def keep_connections() -> Iterator[None]:
    """Keep the connection, which holds the transaction of the test, open after a request."""
    for signal in (request_started, request_finished):
        signal.disconnect(close_old_connections)
    try:
        yield
    finally:
        for signal in (request_started, request_finished):
            signal.connect(close_old_connections)


def check_response(case: Any, response: Any, raised: list[str]) -> None:
    assert not raised, f"{case.as_curl_command()}\n{raised[-1]}"
    case.validate_response(response, checks=CHECKS)
    assert ("etag" in response.headers) == has_tag(case, response), case.as_curl_command()
    assert not LEAK_MARKER.search(response.content), case.as_curl_command()
    leaks.read_answer(case.formatted_path, Read(response))


def has_tag(case: Any, response: Any) -> bool:
    """Return whether the document describes an ETag for this response."""
    answers = case.operation.definition.raw["responses"]
    return "ETag" in answers.get(str(response.status_code), {}).get("headers", {})


class Read:
    """Adapter of a response for the leak detection."""

    streaming = False

    def __init__(self, response: Any) -> None:
        self.content = response.content
        self.headers: dict[str, str] = {}


def build_headers(api: Any) -> dict[str, str]:
    """Return the headers of a client, and ask for responses in which text can be searched."""
    headers = {format_header_name(name): value for name, value in api.defaults.items()}
    return headers | {"Accept-Encoding": "identity"}
