"""SQL that goes around the managers says itself whose rows it means."""

import ast
import importlib
import inspect
import pkgutil
import re
import uuid
from collections.abc import Iterator
from typing import Any

import pytest
from django.db.models import QuerySet

from tenants.database.compiled_queries import CompiledQuery
from tenants.models import TenantOwned
from tenants.scope import across_tenants
from tests.support.discovery import OURS, ROOT, files, owned_models

TABLES = {model._meta.db_table for model in owned_models()}
VERB = re.compile(r"\b(?:SELECT|UPDATE|DELETE|INSERT)\b")
# Whose session it is, is what this one finds out; its caller compares the tenant.
OF_ANY_SHOP = {"accounts.services.sessions.SESSION_QUERY"}


def statements() -> Iterator[tuple[str, str]]:
    """Every text in our code that speaks SQL about a shop's rows, with the file that it is in."""
    for path in files(".py"):
        name = path.relative_to(ROOT)
        if name.parts[0] not in OURS or "migrations" in name.parts:
            continue
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            text = getattr(node, "value", None) if isinstance(node, ast.Constant) else None
            if isinstance(text, str) and VERB.search(text) and any(t in text for t in TABLES):
                yield name.as_posix(), text


def prepared() -> dict[str, CompiledQuery[Any]]:
    """Every query that is translated once, by its full name."""
    found = {}
    for app in OURS:
        package = importlib.import_module(app)
        for module in pkgutil.walk_packages(package.__path__, f"{app}."):
            if module.name in {"config.gunicorn", "config.wsgi"}:
                continue
            for name, value in vars(importlib.import_module(module.name)).items():
                if isinstance(value, CompiledQuery):
                    found[f"{module.name}.{name}"] = value
    return found


def built(query: CompiledQuery[Any], tenant: uuid.UUID) -> QuerySet[Any]:
    """The queryset for this shop, and for values that nobody has; plurals are lists."""
    names = inspect.signature(query.build).parameters
    values: dict[str, Any] = {
        name: [uuid.uuid4()] if name.endswith("s") else uuid.uuid4() for name in names
    }
    with across_tenants():
        return query.build(**(values | {"tenant": tenant}))


def test_there_are_such_statements():
    assert {name for name, _ in statements()} >= {"orders/models/stock.py"}
    assert set(prepared()) >= OF_ANY_SHOP


def test_sql_by_hand_names_the_shop():
    assert [name for name, sql in statements() if "tenant_id" not in sql] == []


@pytest.mark.parametrize("name", sorted(set(prepared()) - OF_ANY_SHOP))
def test_a_prepared_query_names_the_shop(name):
    """It is translated across all shops, so that no manager narrows it."""
    tenant = uuid.uuid4()

    queryset = built(prepared()[name], tenant)

    assert issubclass(queryset.model, TenantOwned)
    conditions = [
        (condition.lhs.target.name, condition.rhs)
        for condition in queryset.query.where.children
        if hasattr(condition, "lhs")
    ]
    assert ("tenant", tenant) in conditions
    assert queryset.query.where.connector == "AND"
