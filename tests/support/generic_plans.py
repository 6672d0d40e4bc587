"""Explain the statements of a request with generic plans, on tables with many rows.

PostgreSQL plans a prepared statement once, without its values, so it may choose an index that suits
one value and no other.
"""

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from tenants.models import Tenant
from tenants.scope import across_tenants, tenant_scope
from tests.support.query_plans import nodes
from tests.support.statements import record_messages
from tests.tools.bench.database_limit import split_statements

# With few rows, PostgreSQL reads the whole table for a page with its lines.
ROWS = 12_000
# Maximum rows that the plan of a statement without LIMIT may expect from a growing table.
MAX_EXPECTED = 200
PLANNED = re.compile(r"\s*(?:SELECT|INSERT|UPDATE|DELETE|WITH)\b", re.IGNORECASE)
# Columns with the same value in many rows; all other ids differ from row to row.
SHARED = {
    *("store_id", "register_id", "cashier_id", "user_id", "by_id", "taken_by_id", "shift_id"),
    *("tax_class_id", "category_id", "store", "actor"),
}
TEXTS = {
    *("name", "search_text", "sku", "code", "number", "key"),
    *("username", "username_key", "email"),
}
# The relay has dispatched all events except the newest.
DISPATCHED_EVENT = {"position": "1000000 + n", "relayed_at": "now()"}
COLUMNS = """
SELECT attname, format_type(atttypid, NULL), attnum = ANY (
    SELECT unnest(indkey::int[]) FROM pg_index WHERE indrelid = attrelid AND indisunique
)
FROM pg_attribute
WHERE attrelid = %s::regclass AND attnum > 0 AND NOT attisdropped AND attgenerated = ''
"""
COPY = """
INSERT INTO {table} SELECT copy.* FROM {table} AS original, generate_series(1, %s) AS n,
LATERAL jsonb_populate_record(original, jsonb_strip_nulls(jsonb_build_object({values}))) AS copy
WHERE original.id = (SELECT id FROM {table} WHERE tenant_id = %s ORDER BY created_at LIMIT 1)
"""


def grow(tables: list[str], shop: Tenant, other: Tenant) -> None:
    """Copy a row of each table many times, half of the copies for another shop."""
    with across_tenants(), transaction.atomic(), connection.cursor() as cursor:
        # Switch off foreign keys: copies refer to missing rows, which the plans never read.
        cursor.execute("SET LOCAL session_replication_role = replica")
        for table in tables:
            cursor.execute(COLUMNS, [table])
            values = ", ".join(choose_values(cursor.fetchall(), shop, other))
            cursor.execute(COPY.format(table=table, values=values), [ROWS, shop.pk])
    with connection.cursor() as cursor:
        # Without VACUUM, each search would read the list of entries not yet in the trigram index.
        cursor.execute(f"VACUUM (ANALYZE) {', '.join(tables)}")


def choose_values(columns: list[Any], shop: Tenant, other: Tenant) -> Iterator[str]:
    """Yield SQL for the columns in which a copy differs from its original."""
    for name, type_name, is_unique in columns:
        if name in DISPATCHED_EVENT:
            yield f"'{name}', {DISPATCHED_EVENT[name]}"
        elif name == "tenant_id":
            yield f"'tenant_id', CASE n %% 2 WHEN 0 THEN '{shop.pk}' ELSE '{other.pk}' END"
        elif name not in SHARED and (value := vary(name, type_name, is_unique=is_unique)):
            # Null values remain null.
            yield f"'{name}', CASE WHEN original.{name} IS NOT NULL THEN {value} END"


def vary(name: str, type_name: str, *, is_unique: bool) -> str:
    if type_name == "uuid":
        return "gen_random_uuid()"
    if type_name.startswith("timestamp"):
        # A shop's business day has less than MAX_EXPECTED of them, at any time of the day.
        return f"original.{name} - n * interval '10 minutes'"
    if is_unique and type_name in {"bigint", "integer"}:
        return f"original.{name} + 1000000 + n"
    if name in TEXTS:
        return f"original.{name} || '-' || n"
    return ""


@dataclass(slots=True)
class Statements:
    """The statements sent to PostgreSQL: prepared ones and others."""

    prepared: list[str] = field(default_factory=list)
    others: list[str] = field(default_factory=list)


@contextmanager
def record_statements(monkeypatch: pytest.MonkeyPatch) -> Iterator[Statements]:
    """Record every statement, sent by a pipeline or by Django."""
    found = Statements()
    messages = record_messages(monkeypatch)
    with CaptureQueriesContext(connection) as queries:
        yield found
    monkeypatch.undo()
    found.prepared += [each.sql.decode() for message in messages for each in message]
    found.others += [part for each in queries for part in split_statements(each["sql"])]


def explain(statements: Statements, shop: Tenant) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield each statement with its plan, a generic one for prepared statements."""
    with tenant_scope(shop), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL plan_cache_mode = force_generic_plan")
        for sql in filter(PLANNED.match, dict.fromkeys(statements.prepared)):
            cursor.execute(f"PREPARE asked AS {sql}".replace("%", "%%"), ())
            cursor.execute(
                "SELECT cardinality(parameter_types) FROM pg_prepared_statements "
                "WHERE name = 'asked'"
            )
            nulls = ", ".join(["NULL"] * cursor.fetchone()[0])
            yield sql, read_plan(cursor, f"EXECUTE asked({nulls})" if nulls else "EXECUTE asked")
            cursor.execute("DEALLOCATE asked")
        for sql in filter(PLANNED.match, dict.fromkeys(statements.others)):
            yield sql, read_plan(cursor, sql)


def read_plan(cursor: Any, sql: str) -> dict[str, Any]:
    cursor.execute(f"EXPLAIN (FORMAT JSON) {sql}".replace("%", "%%"), ())
    answer = cursor.fetchone()[0]
    plan: dict[str, Any] = (json.loads(answer) if isinstance(answer, str) else answer)[0]["Plan"]
    return plan


def find_slow_scans(plan: dict[str, Any], grown: set[str], *, limited: bool = False) -> list[str]:
    """Return the scans whose time grows with the table: sequential, or with many rows."""
    found = []
    table = plan.get("Relation Name", "")
    kind = plan["Node Type"]
    limited = limited or kind == "Limit"
    if table in grown and "Scan" in kind and not is_quick(plan, limited=limited):
        found.append(f"{kind} on {table}: {plan['Plan Rows']} rows expected")
    for child in plan.get("Plans", ()):
        # A sort or an aggregate reads all rows before it returns the first.
        goes_on = limited and not kind.endswith(("Sort", "Aggregate"))
        found += find_slow_scans(child, grown, limited=goes_on)
    return found


def is_quick(scan: dict[str, Any], *, limited: bool) -> bool:
    if scan["Node Type"] == "Seq Scan":
        return False
    has_condition = any("Index Cond" in node for node in nodes(scan))
    return has_condition and (limited or scan["Plan Rows"] <= MAX_EXPECTED)
