"""Queries of the busiest requests, translated to SQL once instead of each time.

Building and compiling a queryset takes longer than PostgreSQL takes to answer it by key. What is
kept here is only the translation: every call asks the database.
"""

import uuid
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from django.db import connection, models
from django.db.models.query import get_related_populators

from tenants.scope import across_tenants, current_scope

M = TypeVar("M", bound=models.Model)
Value = uuid.UUID | str
Place = tuple[str, int]


class CompiledQuery(Generic[M]):
    """A query by ids or codes: `build` makes the queryset from them, and names the tenant too.

    A list among the values is one of which it does not matter how often each value is in it.
    """

    def __init__(self, build: Callable[..., models.QuerySet[M]]) -> None:
        self.build = build
        self.translations: dict[tuple[str, tuple[int, ...]], _Translation[M]] = {}

    def first(self, **values: Value) -> M | None:
        return next(iter(self.all(**values)), None)

    def all(self, **values: Value | Collection[Value]) -> list[M]:
        # As loud as a manager: without a scope PostgreSQL would only find nothing.
        current_scope()
        given = {name: _listed(each) for name, each in values.items()}
        lengths = tuple(map(len, given.values()))
        key = (connection.vendor, lengths)
        translation = self.translations.get(key)
        if translation is None:
            translation = self.translations[key] = self.translated(values, given)
        with connection.cursor() as cursor:
            cursor.execute(translation.sql, translation.params(given))
            return translation.rows(cursor.fetchall())

    def translated(
        self, values: dict[str, Any], given: dict[str, list[Value]]
    ) -> "_Translation[M]":
        """The SQL for values of this shape, found out with values that nobody else has."""
        marks = {name: [uuid.uuid4() for _ in each] for name, each in given.items()}
        with across_tenants():
            queryset = self.build(
                **{name: marks[name][0] if _is_one(values[name]) else marks[name] for name in given}
            )
        compiler: Any = queryset.query.get_compiler(connection=connection)
        sql, params = compiler.as_sql()
        places = {
            mark.hex: (name, position)
            for name, marked in marks.items()
            for position, mark in enumerate(marked)
        }
        constants = [places.get(str(param).replace("-", ""), param) for param in params]
        return _Translation(compiler, sql, constants)


def _is_one(value: object) -> bool:
    return isinstance(value, uuid.UUID | str)


def _listed(values: Value | Collection[Value]) -> list[Value]:
    """Filled up with its last value to 1, 2, 4, 8 ... values.

    Each length needs a translation of its own, and those of every length would fill the memory.
    """
    listed = [values] if isinstance(values, uuid.UUID | str) else list(values)
    return listed + listed[-1:] * ((1 << (len(listed) - 1).bit_length()) - len(listed))


@dataclass
class _Translation(Generic[M]):
    """SQL with its places, and how its rows become models again, as Django's own queries do it."""

    compiler: Any
    sql: str
    places: list[Any]

    def __post_init__(self) -> None:
        select, info = self.compiler.select, self.compiler.klass_info
        self.model: type[M] = info["model"]
        self.columns = slice(info["select_fields"][0], info["select_fields"][-1] + 1)
        self.names = [column[0].target.attname for column in select[self.columns]]
        self.related = get_related_populators(  # type: ignore[call-arg]  # typed for a later Django
            info, select, connection.alias
        )
        self.converters = self.compiler.get_converters([column[0] for column in select])

    def params(self, given: dict[str, list[Value]]) -> list[Any]:
        return [
            _bound(given[place[0]][place[1]]) if isinstance(place, tuple) else place
            for place in self.places
        ]

    def rows(self, found: Iterable[Sequence[Any]]) -> list[M]:
        models_found = []
        for row in self.compiler.apply_converters(found, self.converters):
            model = self.model.from_db(connection.alias, self.names, row[self.columns])
            for related in self.related:
                related.populate(row, model)
            models_found.append(model)
        return models_found


def _bound(value: Value) -> Value:
    """SQLite keeps an id as its 32 digits."""
    if isinstance(value, uuid.UUID) and not connection.features.has_native_uuid_field:
        return value.hex
    return value
