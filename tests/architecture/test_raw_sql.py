"""SQL that bypasses the managers filters by tenant itself."""

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

from accounts.models import User
from tenants.database.compiled_queries import CompiledQuery
from tenants.models import TenantOwned
from tenants.scope import across_tenants
from tests.support.discovery import OURS, ROOT, files, owned_models

TABLES = {model._meta.db_table for model in owned_models()}
VERB = re.compile(r"\b(?:SELECT|UPDATE|DELETE|INSERT)\b")
# They determine the tenant of a session, whose caller compares it, and of a log-in. The user of a
# log-in is found by the slug of the shop.
OF_ANY_SHOP = {
    "accounts.services.sessions.SESSION_QUERY",
    "accounts.services.login_lookup.TENANT_QUERY",
    "accounts.services.login_lookup.USER_QUERY",
}


def statements() -> Iterator[tuple[str, str]]:
    """Yield every SQL text about tenant tables with the name of its file."""
    for path in files(".py"):
        name = path.relative_to(ROOT)
        if name.parts[0] not in OURS or "migrations" in name.parts:
            continue
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            text = getattr(node, "value", None) if isinstance(node, ast.Constant) else None
            if isinstance(text, str) and VERB.search(text) and any(t in text for t in TABLES):
                yield name.as_posix(), text


def list_compiled_queries() -> dict[str, CompiledQuery[Any]]:
    """Return all compiled queries by their full name."""
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


def build_queryset(query: CompiledQuery[Any], tenant: uuid.UUID) -> QuerySet[Any]:
    """Build the queryset for this tenant with random ids; plural names get lists."""
    names = inspect.signature(query.build).parameters
    values: dict[str, Any] = {
        name: [uuid.uuid4()] if name.endswith("s") else uuid.uuid4() for name in names
    }
    with across_tenants():
        return query.build(**(values | {"tenant": tenant}))


def test_sql_statements_are_found():
    assert {name for name, _ in statements()} >= {"orders/models/stock.py"}
    assert set(list_compiled_queries()) >= OF_ANY_SHOP


def test_raw_sql_filters_by_tenant():
    assert [name for name, sql in statements() if "tenant_id" not in sql] == []


@pytest.mark.parametrize("name", sorted(set(list_compiled_queries()) - OF_ANY_SHOP))
def test_compiled_query_filters_by_tenant(name):
    """It is compiled without a tenant scope, so no manager adds the filter."""
    tenant = uuid.uuid4()

    queryset = build_queryset(list_compiled_queries()[name], tenant)

    # Users are looked up in one tenant too, although platform users have none.
    assert issubclass(queryset.model, TenantOwned | User)
    conditions = [
        (condition.lhs.target.name, condition.rhs)
        for condition in queryset.query.where.children
        if hasattr(condition, "lhs")
    ]
    assert ("tenant", tenant) in conditions
    assert queryset.query.where.connector == "AND"
