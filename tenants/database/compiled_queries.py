"""Compiled queries: SQL that is compiled once and executed many times.

For the most frequent requests, compiling a queryset takes longer than PostgreSQL takes to run it
by key. Only the SQL is cached; every call queries the database.
"""

import uuid
from collections.abc import Callable, Collection
from contextlib import nullcontext
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Generic, TypeVar

from django.db import connection, models, transaction

from tenants.database.postgres.pipeline import Prepared, Result
from tenants.database.prepared_statements import prepare, to_text
from tenants.database.private_api import CompiledSelect
from tenants.scope import across_tenants, current_scope

M = TypeVar("M", bound=models.Model)
Value = uuid.UUID | str


class CompiledQuery(Generic[M]):
    """A query by ids or codes. `build` returns its queryset, which must filter by tenant.

    A list parameter is a set: how often it contains a value must not matter.
    """

    def __init__(self, build: Callable[..., models.QuerySet[M]]) -> None:
        self.build = build
        self.compiled: dict[tuple[str, tuple[int, ...]], _Compiled[M]] = {}

    def first(self, **values: Value) -> M | None:
        return next(iter(self.all(**values)), None)

    def all(self, **values: Value | Collection[Value]) -> list[M]:
        # Raises without a scope, as managers do. PostgreSQL would return nothing.
        current_scope()
        compiled, given = self.find_compiled(values, connection.vendor)
        with connection.cursor() as cursor:
            cursor.execute(compiled.sql, compiled.bind(given))
            return compiled.build_instances(cursor.fetchall())

    def prepare(self, **values: Value | Collection[Value]) -> "PreparedQuery[M]":
        """Return the query as a part of a message of prepared statements, for PostgreSQL."""
        compiled, given = self.find_compiled(values, "postgresql")
        return PreparedQuery((compiled.prepared, compiled.bind_as_text(given)), compiled)

    def find_compiled(
        self, values: dict[str, Value | Collection[Value]], vendor: str
    ) -> "tuple[_Compiled[M], dict[str, list[Value]]]":
        given = {name: _pad(value) for name, value in values.items()}
        key = (vendor, tuple(map(len, given.values())))
        compiled = self.compiled.get(key)
        if compiled is None:
            compiled = self.compiled[key] = self.compile(values, given)
        return compiled, given

    def compile(self, values: dict[str, Any], given: dict[str, list[Value]]) -> "_Compiled[M]":
        """Compile the query for values of this shape, with random ids as placeholders."""
        markers = {name: [uuid.uuid4() for _ in each] for name, each in given.items()}
        arguments = {
            name: markers[name][0] if _is_single(values[name]) else markers[name] for name in given
        }
        with across_tenants():
            queryset = self.build(**arguments)
            # Django compiles a lock in a transaction only.
            locks = bool(queryset.query.select_for_update)
            with transaction.atomic() if locks else nullcontext():
                return _Compiled(queryset, markers)


@dataclass(frozen=True, slots=True)
class PreparedQuery(Generic[M]):
    """A compiled query with its values, to be sent in a message."""

    call: tuple[Prepared, list[bytes | None]]
    compiled: "_Compiled[M]"

    def build_instances(self, result: Result) -> list[M]:
        return self.compiled.build_instances(result.values())


class _Compiled(CompiledSelect[M]):
    """A compiled query whose parameters are constants or places of values."""

    def __init__(self, queryset: models.QuerySet[M], markers: dict[str, list[uuid.UUID]]) -> None:
        super().__init__(queryset)
        places = {
            marker.hex: (name, position)
            for name, listed in markers.items()
            for position, marker in enumerate(listed)
        }
        self.places = [places.get(str(param).replace("-", ""), param) for param in self.params]
        # SQLite has UUIDs as 32 hexadecimal digits.
        self.has_uuids = bool(connection.features.has_native_uuid_field)

    @cached_property
    def prepared(self) -> Prepared:
        return prepare(self.sql)

    @cached_property
    def places_as_text(self) -> list[Any]:
        """Return the places, and the constants as the text of PostgreSQL."""
        return [each if isinstance(each, tuple) else to_text(each) for each in self.places]

    def bind(self, given: dict[str, list[Value]]) -> list[Any]:
        values = [
            given[place[0]][place[1]] if isinstance(place, tuple) else place
            for place in self.places
        ]
        if self.has_uuids:
            return values
        return [value.hex if isinstance(value, uuid.UUID) else value for value in values]

    def bind_as_text(self, given: dict[str, list[Value]]) -> list[bytes | None]:
        return [
            str(given[place[0]][place[1]]).encode() if isinstance(place, tuple) else place
            for place in self.places_as_text
        ]


def _is_single(value: object) -> bool:
    return isinstance(value, uuid.UUID | str)


def _pad(values: Value | Collection[Value]) -> list[Value]:
    """Return the values as a list of 1, 2, 4, 8 ... items, filled with copies of the last.

    Each length is compiled separately, so that padding limits the number of compiled queries.
    """
    listed = [values] if isinstance(values, uuid.UUID | str) else list(values)
    return listed + listed[-1:] * ((1 << (len(listed) - 1).bit_length()) - len(listed))
