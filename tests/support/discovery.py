"""Discover every model, route, serializer and file of the project."""

import importlib
import pkgutil
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from django.apps import apps
from django.db import models
from django.urls import URLPattern, URLResolver, get_resolver
from rest_framework import serializers

from tenants.models import TenantOwned
from tenants.scope import across_tenants

ROOT = Path(__file__).parents[2]
OURS = ("tenants", "accounts", "orders", "config")
METHODS = ("get", "post", "put", "patch", "delete")
TEST_FUNCTION = re.compile(r"^(?:    )?def (test_\w+)\(", re.MULTILINE)
# Generated files and files of one installation.
GENERATED = {
    ".git",
    ".venv",
    ".static",
    ".hypothesis",
    ".idea",
    ".vscode",
    "__pycache__",
    "htmlcov",
}


@dataclass(frozen=True)
class Route:
    """A pattern of the URLconf; `methods` maps HTTP methods to attributes of the view."""

    name: str
    path: str
    callback: Any

    @property
    def view(self) -> type | None:
        """Return the view class, or None for a function."""
        found: type | None = getattr(self.callback, "cls", None)
        return found

    @property
    def methods(self) -> dict[str, str]:
        actions: dict[str, str] | None = getattr(self.callback, "actions", None)
        if actions is not None:
            return {method: action for method, action in actions.items() if method in METHODS}
        if self.view is None:
            return {"get": "get"}
        return {method: method for method in METHODS if hasattr(self.view, method)}


@cache
def routes() -> tuple[Route, ...]:
    """Return all patterns except those of the two admin sites."""
    found = tuple(patterns(get_resolver()))
    assert len({route.name for route in found}) == len(found), "two routes have the same name"
    return found


def patterns(resolver: URLResolver, prefix: str = "") -> Iterator[Route]:
    for child in resolver.url_patterns:
        path = prefix + str(child.pattern)
        if isinstance(child, URLPattern):
            yield Route(child.name or path, path, child.callback)
        elif child.app_name != "admin":
            yield from patterns(child, path)


def owned_models() -> list[type[models.Model]]:
    return [model for model in our_models() if issubclass(model, TenantOwned)]


def our_models() -> list[type[models.Model]]:
    return [model for model in apps.get_models() if model._meta.app_label in OURS]


def snapshot_owned_rows() -> dict[str, list[Any]]:
    """Return all rows except idempotency keys, sessions and audit events."""
    beside = {"IdempotencyKey", "AuthSession", "AuditEvent"}
    with across_tenants():
        return {
            model.__name__: list(model._default_manager.order_by("pk").values())
            for model in owned_models()
            if model.__name__ not in beside
        }


@cache
def serializer_classes() -> tuple[type[serializers.BaseSerializer[Any]], ...]:
    """Return all serializer classes of our packages."""
    for name in OURS:
        package = importlib.import_module(name)
        for module in pkgutil.walk_packages(package.__path__, f"{name}."):
            if not module.name.startswith(("config.gunicorn", "config.wsgi")):
                importlib.import_module(module.name)
    ours = (each for each in subclasses(serializers.BaseSerializer) if is_ours(each))
    return tuple(sorted(ours, key=lambda each: each.__qualname__))


def subclasses(parent: type) -> set[type]:
    children = set(parent.__subclasses__())
    return children.union(*(subclasses(child) for child in children))


def is_ours(each: type) -> bool:
    return each.__module__.partition(".")[0] in OURS


def list_fields(serializer: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Yield every field with its path, including nested serializers and lists."""
    for name, field in serializer.fields.items():
        yield from field_and_children(field, f"{path}.{name}" if path else name)


def field_and_children(field: Any, path: str) -> Iterator[tuple[str, Any]]:
    yield path, field
    if isinstance(field, serializers.Serializer):
        yield from list_fields(field, path)
    elif hasattr(field, "child"):
        yield from field_and_children(field.child, f"{path}[]")


def files(*suffixes: str) -> list[Path]:
    """Return the files of the project without generated ones."""
    found = (path for path in tree(ROOT) if not suffixes or path.suffix in suffixes)
    return sorted(found)


def tree(folder: Path) -> Iterator[Path]:
    for path in folder.iterdir():
        if path.name in GENERATED or path.name.endswith("_cache"):
            continue
        if path.is_dir():
            yield from tree(path)
        else:
            yield path


@cache
def list_tests() -> list[tuple[Path, str]]:
    """Return the file, relative to `tests`, and the name of every test function.

    By pattern, because parsing every file took two seconds of each test process.
    """
    return [
        (path.relative_to(ROOT / "tests"), name)
        for path in files(".py")
        if path.is_relative_to(ROOT / "tests")
        for name in TEST_FUNCTION.findall(path.read_text("utf-8"))
    ]
