"""Query plans of lists: PostgreSQL must use an index in the order of the list.

The statement of the list is explained with 10,000 rows each of two shops.
"""

import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

from django.db import connection
from django.test.utils import CaptureQueriesContext

from tenants.scope import across_tenants

ROWS = 10_000
# Copies a row inside the database, with different values in each copy.
MULTIPLY = """
INSERT INTO {table} SELECT copy.* FROM {table} AS original, generate_series(1, %s) AS n,
LATERAL json_populate_record(original, json_build_object('id', gen_random_uuid(), {values})) AS copy
WHERE original.id = %s
"""
MINUTES = "now() - n * interval '1 minute'"
SINCE = {"updated_since": "2026-01-01T00:00:00Z", "ordering": "updated_at"}


def multiply_rows(row: Any, *, times: int = ROWS, **values: str) -> None:
    """Copy a row; the values are SQL in which `n` is the number of the copy."""
    table = row._meta.db_table
    pairs = ", ".join(f"'{column}', {sql}" for column, sql in values.items())
    with across_tenants(), connection.cursor() as cursor:
        cursor.execute(MULTIPLY.format(table=table, values=pairs), [times, row.pk])


def analyze(*models: Any) -> None:
    """Gather statistics of the tables and of the tables that they reference, for joins."""
    named = {field.related_model for model in models for field in model._meta.fields}
    tables = {model._meta.db_table for model in {*models, *named} - {None}}
    with connection.cursor() as cursor:
        cursor.execute(f"ANALYZE {', '.join(sorted(tables))}")


def explain_list(
    client: Any, path: str, query: dict[str, Any], table: str, containing: str = ""
) -> list[dict[str, Any]]:
    """Return the plan nodes of the last statement about this table that contains a text."""
    with CaptureQueriesContext(connection) as queries:
        response = client.get(path, query)
    assert response.status_code == 200, response.content
    # A search may run an exact query first, so take the last statement.
    *_, sql = (
        each["sql"]
        for each in queries
        if f'FROM "{table}"' in each["sql"] and containing in each["sql"]
    )
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN (FORMAT JSON) {sql}")
        answer = cursor.fetchone()[0]
    plan = json.loads(answer) if isinstance(answer, str) else answer
    return list(nodes(plan[0]["Plan"]))


def nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for child in plan.get("Plans", ()):
        yield from nodes(child)


def walk(plan: list[dict[str, Any]], table: str) -> set[str]:
    """Return the indexes and scans of the table, and the sort nodes."""
    found = {
        each.get("Index Name", each["Node Type"])
        for node in plan
        if node.get("Relation Name") == table
        for each in nodes(node)
        if each is node or each["Node Type"] == "Bitmap Index Scan"
    }
    return found | {node["Node Type"] for node in plan if node["Node Type"].endswith("Sort")}


def next_page(client: Any, path: str, query: dict[str, Any]) -> dict[str, Any]:
    """Return the query of the second page, or the same one if there is none."""
    link = client.get(path, query).json()["next"]
    return dict(parse_qsl(urlsplit(link).query)) if link else query


def explain_pages(client: Any, path: str, table: str, cases: list[Any]) -> dict[str, set[str]]:
    """Return the indexes of the first and the second page for each query."""
    found = {}
    for query in cases:
        found[urlencode(query)] = walk(explain_list(client, path, query, table), table)
        further = next_page(client, path, query)
        found[f"{urlencode(query)} (next)"] = walk(
            explain_list(client, path, further, table), table
        )
    return found


def for_both_pages(expected):
    """Return the expected indexes for both pages."""
    return {urlencode(query): index for query, index in expected} | {
        f"{urlencode(query)} (next)": index for query, index in expected
    }
