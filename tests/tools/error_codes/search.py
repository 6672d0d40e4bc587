"""Find the error codes of each operation in the source.

Follows the calls of a view through the source: names of functions and classes, methods of the view
itself, and methods of models and services by their name, unless more than two have it. A code is
listed for an operation if an exception with it is named on the way. Layers limit the search: no
service calls a view.
"""

import ast
import inspect
import json
import sys
import textwrap
from collections import defaultdict
from collections.abc import Iterator
from functools import cache
from typing import Any

from django.db.models import Model, UniqueConstraint

from accounts.exceptions import PasswordRequired
from config.openapi_operations import PREFIX
from config.problems import HTTP_STATUSES
from tenants.exceptions import AlreadyExists, DomainError
from tests.architecture.test_schema import document, path_in_document
from tests.support.discovery import OURS, routes, serializer_classes

MAX_NAMESAKES = 2
# Modules whose methods are called by Django or the REST framework, not by services.
OUTER = (
    ".views.", ".admin.", ".management.", ".admin_site.", ".serializers.", ".filters.",
    ".permissions.", ".api.", "config.",
)  # fmt: skip
# Codes that a status of the document has for every operation with it; docs/errors.md explains them.
GENERAL = {
    "idempotency_key_reused", "if_match_required", "invalid", "not_found", "pdf_unavailable",
    "permission_denied", "refused", "request_in_progress", "too_many_attempts", "unknown_filter",
    "version_conflict",
}  # fmt: skip

# What the search does not find, and the responses to tests have shown: see
# tests/support/documented_codes.py.
SEEN_IN_TESTS: dict[str, dict[str, set[str]]] = {
    "barcode_rules.create": {"409": {"already_exists"}},
    "barcode_rules.update": {"409": {"already_exists"}},
    "prices.create": {"409": {"prices_overlap"}},
    "prices.update": {"409": {"prices_overlap"}},
    "products.create": {"409": {"already_exists"}},
    "products.update": {"409": {"already_exists"}},
    "registers.update": {"409": {"already_exists"}},
    "stores.create": {"409": {"already_exists"}},
    "stores.update": {"409": {"already_exists"}},
    "stock.movements.create_batch": {"409": {"insufficient_stock"}},
}


def build_codes() -> dict[str, dict[str, list[str]]]:
    """Return for each operation the codes by status, without the general ones."""
    described = document()["paths"]
    found = {}
    for route in routes():
        path = path_in_document(route.name)
        if not path.startswith(PREFIX) or route.view is None:
            continue
        for method, handler in route.methods.items():
            operation = described[path][method]
            exceptions = find_exceptions(route.view, handler)
            if method.upper() in list_password_methods(route.view, handler):
                exceptions.add(PasswordRequired)
            codes = add_seen(operation["operationId"], group_by_status(exceptions))
            known = {status: codes[status] for status in operation["responses"] if status in codes}
            if known:
                found[operation["operationId"]] = dict(sorted(known.items()))
    return dict(sorted(found.items()))


def add_seen(operation: str, codes: dict[str, list[str]]) -> dict[str, list[str]]:
    seen = SEEN_IN_TESTS.get(operation, {})
    return codes | {
        status: sorted(names.union(codes.get(status, ()))) for status, names in seen.items()
    }


def list_password_methods(view: Any, handler: str) -> Any:
    """Return the methods of the action that need a log-in by password."""
    of_action = getattr(getattr(view, handler), "kwargs", {})
    return of_action.get("password_only", getattr(view, "password_only", ()))


def group_by_status(exceptions: set[Any]) -> dict[str, list[str]]:
    codes = defaultdict(set)
    for each in exceptions:
        status = next(HTTP_STATUSES[base] for base in each.__mro__ if base in HTTP_STATUSES)
        if each.code not in GENERAL:
            codes[str(status)].add(each.code)
    return {status: sorted(codes[status]) for status in sorted(codes)}


def find_exceptions(view: type, handler: str) -> set[Any]:
    """Return the domain exceptions that are named in what the handler of a view calls."""
    found: set[Any] = set()
    seen: set[Any] = set()
    ahead: list[Any] = [handler]
    while ahead:
        called = ahead.pop()
        function = find_method(view, called) if isinstance(called, str) else called
        if function is None or function in seen:
            continue
        seen.add(function)
        exceptions, calls = read_function(function)
        found |= exceptions
        ahead += calls
    if not has_unique_values(getattr(view, "model", None)):
        found.discard(AlreadyExists)
    return found


def has_unique_values(model: Any) -> bool:
    """Return whether rows of the model have values that no two of them may have."""
    constraints = model._meta.constraints if model else ()
    return any(isinstance(each, UniqueConstraint) for each in constraints)


def find_method(view: type, name: str) -> Any:
    method = getattr(view, name, None)
    function = inspect.unwrap(getattr(method, "fget", None) or method) if method else None
    return function if inspect.isfunction(function) and is_ours(function) else None


def is_ours(each: Any) -> bool:
    return str(getattr(each, "__module__", "")).partition(".")[0] in OURS


def is_outer(function: Any) -> bool:
    return any(name in f"{function.__module__}." for name in OUTER)


@cache
def list_methods() -> dict[str, set[Any]]:
    """Return the methods and properties of models, services and other inner classes by name."""
    methods = defaultdict(set)
    for owner in list_classes():
        for name, function in list_functions(owner):
            if not is_outer(function):
                methods[name].add(function)
    return methods


def list_classes() -> Iterator[type]:
    """Yield the classes of all packages, which are imported first."""
    serializer_classes()
    for name, module in [*sys.modules.items()]:
        if name.partition(".")[0] in OURS:
            for each in vars(module).values():
                if inspect.isclass(each) and each.__module__ == name:
                    yield each


def list_functions(owner: type) -> Iterator[tuple[str, Any]]:
    for name, value in vars(owner).items():
        function = getattr(value, "fget", None) or getattr(value, "__func__", value)
        if inspect.isfunction(function):
            yield name, function


@cache
def read_function(function: Any) -> tuple[frozenset[Any], frozenset[Any]]:
    """Return the domain exceptions that a function names, and what it calls.

    Methods of the view itself are returned by name, because a subclass may replace them.
    """
    reader = Reader(inspect.unwrap(function))
    try:
        reader.visit(ast.parse(textwrap.dedent(inspect.getsource(reader.function))))
    except (OSError, SyntaxError):
        return frozenset(), frozenset()
    return frozenset(reader.exceptions), frozenset(reader.calls)


class Reader(ast.NodeVisitor):
    """Collects what the source of one function names, except in `except` clauses."""

    def __init__(self, function: Any) -> None:
        self.function = function
        self.exceptions: set[Any] = set()
        self.calls: set[Any] = set()

    def visit_ExceptHandler(self, node: ast.ExceptHandler) -> None:
        for statement in node.body:
            self.visit(statement)

    def visit_Name(self, node: ast.Name) -> None:
        self.add(self.resolve(node))

    def visit_Attribute(self, node: ast.Attribute) -> None:
        named = self.resolve(node)
        if node.attr == "full_clean":
            # Duplicates are answered with its code.
            self.exceptions.add(AlreadyExists)
        if named is not None:
            self.add(named)
        elif is_outer(self.function) and getattr(node.value, "id", "") == "self":
            self.calls.add(node.attr)
        # Not names such as `full_clean`, which every row has.
        elif not hasattr(Model, node.attr):
            methods = list_methods().get(node.attr, set())
            self.calls.update(methods if len(methods) <= MAX_NAMESAKES else ())
        self.generic_visit(node)

    def resolve(self, node: ast.expr) -> Any:
        """Return the global object that an expression such as `sales.checkout` names."""
        if isinstance(node, ast.Name):
            return self.function.__globals__.get(node.id)
        if isinstance(node, ast.Attribute):
            owner = self.resolve(node.value)
            if inspect.ismodule(owner) or inspect.isclass(owner):
                return getattr(owner, node.attr, None)
        return None

    def add(self, named: Any) -> None:
        if inspect.isclass(named):
            if issubclass(named, DomainError):
                self.exceptions.add(named)
            elif is_ours(named):
                own = dict(list_functions(named))
                names = own.keys() & {"__init__", "__post_init__", "validate"}
                self.calls.update(own[name] for name in names)
        elif callable(named) and inspect.isfunction(found := inspect.unwrap(named)):
            self.calls |= {found} if is_ours(found) else set()


def render_codes() -> str:
    return json.dumps(build_codes(), indent=2) + "\n"
