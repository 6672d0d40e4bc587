"""Plans of lists: PostgreSQL walks an index, in the list's order, however many rows there are.

A list's own statement is explained, of 10,000 rows of ours beside as many of another shop.
"""

import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

from django.db import connection
from django.test.utils import CaptureQueriesContext

from tenants.scope import across_tenants

ROWS = 10_000
# Copies of a row, each with values of its own, made inside the database.
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
    """Count their rows, and those of what they name: a join is guessed by both of its sides."""
    named = {field.related_model for model in models for field in model._meta.fields}
    tables = {model._meta.db_table for model in {*models, *named} - {None}}
    with connection.cursor() as cursor:
        cursor.execute(f"ANALYZE {', '.join(sorted(tables))}")


def explain_list(client: Any, path: str, query: dict[str, Any], table: str) -> list[dict[str, Any]]:
    """The nodes of the plan of the list's statement about this table."""
    with CaptureQueriesContext(connection) as queries:
        response = client.get(path, query)
    assert response.status_code == 200, response.content
    # A search may have asked first whether anybody has the words as they are.
    *_, sql = (each["sql"] for each in queries if f'FROM "{table}"' in each["sql"])
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
    """How the rows of the table are found, and whether they have to be sorted then."""
    found = {
        each.get("Index Name", each["Node Type"])
        for node in plan
        if node.get("Relation Name") == table
        for each in nodes(node)
        if each is node or each["Node Type"] == "Bitmap Index Scan"
    }
    return found | {node["Node Type"] for node in plan if node["Node Type"].endswith("Sort")}


def next_page(client: Any, path: str, query: dict[str, Any]) -> dict[str, Any]:
    """The question for the page after the first; the same one where there is none."""
    link = client.get(path, query).json()["next"]
    return dict(parse_qsl(urlsplit(link).query)) if link else query


def explain_pages(client: Any, path: str, table: str, cases: list[Any]) -> dict[str, set[str]]:
    """How the first page and the next one are found, for each question."""
    found = {}
    for query in cases:
        found[urlencode(query)] = walk(explain_list(client, path, query, table), table)
        further = next_page(client, path, query)
        found[f"{urlencode(query)} (next)"] = walk(
            explain_list(client, path, further, table), table
        )
    return found


def for_both_pages(expected):
    """The same for the next page, where there is one."""
    return {urlencode(query): index for query, index in expected} | {
        f"{urlencode(query)} (next)": index for query, index in expected
    }
