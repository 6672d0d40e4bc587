"""Which statements a Citus cluster would send to one shard.

On one PostgreSQL the plan tells it: PostgreSQL applies the constant that a statement gives for the
tenant of one table to all tables that are joined by the tenant, and Citus selects shards by the
conditions of each table. On a cluster Citus itself tells the number of shards.
"""

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.conf import settings
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from tenants.database.postgres import distribution
from tenants.models import AuditEvent, Tenant
from tenants.scope import tenant_scope
from tests.support.discovery import owned_models
from tests.support.generic_plans import PLANNED, read_plan
from tests.support.query_plans import nodes
from tests.tools.bench.database_limit import split_statements

# An audit event may have no tenant, so its table is on the first machine.
DISTRIBUTED = {model._meta.db_table for model in owned_models() if model is not AuditEvent}
CONDITIONS = ("Index Cond", "Recheck Cond", "Filter", "TID Cond")
INSERT = re.compile(r'\s*INSERT INTO "?(\w+)"?(?: AS \w+)? \(([^)]*)\) (VALUES)?')


@contextmanager
def record_in_cluster(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """Record every statement that Till sends to a cluster, also where there is none."""
    found: list[str] = []
    monkeypatch.setattr(connection.features, "is_distributed", True)
    monkeypatch.setattr(settings, "FAST_PATHS", False)
    with CaptureQueriesContext(connection) as queries:
        yield found
    monkeypatch.undo()
    found += [part for each in queries for part in split_statements(each["sql"])]


def find_unrouted(statements: list[str], shop: Tenant) -> Iterator[str]:
    """Yield the statements that are not answered by one shard, each with the reason."""
    is_cluster = distribution.is_installed(connection)
    with tenant_scope(shop), transaction.atomic(), connection.cursor() as cursor:
        for sql in filter(PLANNED.match, dict.fromkeys(statements)):
            reason = (
                describe_tasks(read_cluster_plan(cursor, sql))
                if is_cluster
                else describe_insert(sql) or describe_scans(read_plan(cursor, sql), shop)
            )
            if reason:
                yield f"{reason}: {sql}"


def describe_scans(plan: dict[str, Any], shop: Tenant) -> str:
    """Return the tables that are read without the tenant of the shop as a constant."""
    named = f"tenant_id = '{shop.pk}'"
    return ", ".join(
        node["Relation Name"]
        for node in nodes(plan)
        if node.get("Relation Name") in DISTRIBUTED
        and "Scan" in node["Node Type"]
        and not any(named in part.get(key, "") for part in nodes(node) for key in CONDITIONS)
    )


def describe_insert(sql: str) -> str:
    """Return what is wrong with an INSERT: it needs VALUES with the tenant."""
    insert = INSERT.match(sql)
    if insert is None or insert[1] not in DISTRIBUTED:
        return ""
    return "" if "tenant_id" in insert[2] and insert[3] else "INSERT"


def read_cluster_plan(cursor: Any, sql: str) -> Any:
    cursor.execute(f"EXPLAIN (FORMAT JSON) {sql}".replace("%", "%%"), ())
    plan = cursor.fetchone()[0]
    return json.loads(plan) if isinstance(plan, str) else plan


def describe_tasks(plan: Any) -> str:
    """Return how many shards or steps a statement takes beyond one, in a plan of Citus."""
    if isinstance(plan, list):
        return ", ".join(filter(None, map(describe_tasks, plan)))
    if not isinstance(plan, dict):
        return ""
    if plan.get("Task Count", 1) != 1:
        return f"{plan['Task Count']} shards"
    if "Subplans" in plan:
        return "intermediate results"
    return describe_tasks([*plan.values()])
