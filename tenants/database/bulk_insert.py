"""Writing many new rows at once: what the busiest deeds use instead of a statement per row."""

from collections.abc import Sequence
from functools import cache
from itertools import chain
from typing import Any

import msgspec
from django.db import connection, models

Row = models.Model
Rows = Sequence[Row]
# SQL and its parameters.
Statement = tuple[str, list[Any]]


def bulk_insert(*tables: Rows, also: Sequence[Statement] = ()) -> None:
    """Write new rows of several tables, in the order given, and `also` what belongs to them.

    PostgreSQL gets all of it in one message: a small sale would else spend most of its time on
    waiting for the answers to its statements.
    """
    filled = [rows for rows in tables if rows]
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            # A cluster would copy to its machines what a query makes, past their policies.
            is_distributed = getattr(connection.features, "is_distributed", False)
            insert = _by_values if is_distributed else _by_json
            together: list[Statement] = [*map(insert, filled), *also]
            params = chain.from_iterable(params for _, params in together)
            cursor.execute(";".join(sql for sql, _ in together), list(params))
        else:
            for rows in filled:
                cursor.execute(*_by_values(rows))
            for sql, given in also:
                cursor.execute(sql, given)
    for row in chain.from_iterable(filled):
        row._state.adding = False
        row._state.db = connection.alias


def _by_json(rows: Rows) -> Statement:
    return _insert_from_json(type(rows[0])), [_as_json(rows)]


def _by_values(rows: Rows) -> Statement:
    values = chain.from_iterable(map(_prepared, rows))
    return _insert_values(type(rows[0]), len(rows)), list(values)


@cache
def _insert_from_json(model: type[Row]) -> str:
    """One parameter for any number of rows, in the table's own types."""
    table = connection.ops.quote_name(model._meta.db_table)
    return f"INSERT INTO {table} SELECT * FROM json_populate_recordset(NULL::{table}, %s)"  # noqa: S608


def _as_json(rows: Rows) -> str:
    """The rows as one JSON text: amounts and ids as strings, so that nothing passes a float."""
    fields = rows[0]._meta.concrete_fields
    shown = [{field.column: field.pre_save(row, True) for field in fields} for row in rows]
    return msgspec.json.encode(shown).decode()


@cache
def _insert_values(model: type[Row], count: int) -> str:
    quote = connection.ops.quote_name
    columns = [quote(str(field.column)) for field in model._meta.concrete_fields]
    places = f"({', '.join(['%s'] * len(columns))})"
    return (
        f"INSERT INTO {quote(model._meta.db_table)} ({', '.join(columns)}) "  # noqa: S608
        f"VALUES {', '.join([places] * count)}"
    )


def _prepared(row: Row) -> list[Any]:
    """What goes into each column, as the database wants it."""
    return [
        field.get_db_prep_save(field.pre_save(row, True), connection)
        for field in row._meta.concrete_fields
    ]
