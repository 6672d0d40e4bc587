"""Keyset pagination with signed cursors: every page costs the same, however far it is."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from operator import attrgetter
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from django.core.exceptions import ImproperlyConfigured
from django.core.exceptions import ValidationError as ModelValidationError
from django.core.signing import BadSignature, Signer
from django.db import models
from django.db.models import F, Func, Value
from rest_framework.pagination import BasePagination
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.utils.urls import replace_query_param
from rest_framework.views import APIView

from tenants.exceptions import Invalid
from tenants.models.owned import RELEVANCE

CURSOR = "cursor"
PAGE_SIZE = "page_size"
ORDERING = "ordering"
DEFAULT_PAGE_SIZE = 50
MAX_PAGE_SIZE = 200
WHOLE_NUMBER = re.compile(r"[0-9]{1,4}")

Model = type[models.Model]


class InvalidCursor(Invalid):
    """A cursor of another list or order, or a forged one."""

    code = "invalid_cursor"
    message = "This cursor is not valid for this list and order. Restart without a cursor."


class RowComparison(Func):
    """The row comparison `(a, id) > (x, y)`, which uses an index over both columns."""

    output_field = models.BooleanField()

    def __init__(self, columns: Sequence[Any], operator: str, values: Sequence[Any]) -> None:
        self.operator = operator
        super().__init__(*columns, *values)

    def as_sql(self, compiler: Any, connection: Any, *_: Any, **__: Any) -> tuple[str, Any]:
        parts = [compiler.compile(expression) for expression in self.source_expressions]
        sql = [sql for sql, _ in parts]
        half = len(sql) // 2
        comparison = f"({', '.join(sql[:half])}) {self.operator} ({', '.join(sql[half:])})"
        return comparison, tuple(param for _, params in parts for param in params)


@dataclass(frozen=True, slots=True)
class Order:
    """The sort order of a list: columns in one direction, with the primary key as tiebreaker."""

    name: str
    paths: tuple[str, ...]
    descending: bool
    model: Model

    @property
    def signer(self) -> Signer:
        """Return a signer whose salt binds a cursor to its list and order."""
        return Signer(salt=f"{self.model._meta.label}:{self.name}:{self.descending}")

    def sort(self, rows: models.QuerySet[Any], *, backwards: bool) -> models.QuerySet[Any]:
        sign = "-" if self.descending != backwards else ""
        return rows.order_by(*(sign + path for path in self.paths))

    def rows_beyond(self, position: "Position") -> RowComparison:
        """Return the condition for rows after the position, or before it when reading backwards."""
        operator = "<" if self.descending != position.backwards else ">"
        fields = [resolve_fields(self.model, path)[-1] for path in self.paths]
        try:
            values = [
                Value(field.to_python(value), output_field=field)
                for field, value in zip(fields, position.values, strict=True)
            ]
        except (ModelValidationError, ValueError) as error:
            raise InvalidCursor from error
        return RowComparison([F(path) for path in self.paths], operator, values)

    def encode_cursor(self, row: Any, *, backwards: bool) -> str:
        values = (read(row, path) for path in self.paths)
        plain = [value if isinstance(value, str | int) else str(value) for value in values]
        return self.signer.sign_object([backwards, *plain])

    def decode_cursor(self, cursor: str) -> "Position":
        try:
            backwards, *values = self.signer.unsign_object(cursor)
        except BadSignature as error:
            raise InvalidCursor from error
        return Position(backwards=backwards, values=values)


@dataclass(frozen=True, slots=True)
class Position:
    """The sort values of the row next to a page, and the direction of reading."""

    backwards: bool
    values: list[Any]


class CursorPagination(BasePagination):
    """Pages of the form `{next, cursor, previous, results}`.

    A view lists its sort keys in `ordering_fields`, as `{"name": ("name",)}` or `("name",)`, and
    its default in `ordering`, such as `"-created_at"`.
    """

    default_page_size = DEFAULT_PAGE_SIZE
    max_page_size = MAX_PAGE_SIZE

    def paginate_queryset(
        self, queryset: Any, request: Request, view: APIView | None = None
    ) -> list[Any]:
        self.request = request
        order = resolve_order(request, view, queryset)
        cursor = request.query_params.get(CURSOR)
        position = order.decode_cursor(cursor) if cursor is not None else None
        backwards = position is not None and position.backwards
        rows = order.sort(queryset, backwards=backwards)
        if position:
            rows = rows.filter(order.rows_beyond(position))
        return self.page(order, rows, position)

    def page(
        self, order: Order, rows: models.QuerySet[Any], position: Position | None
    ) -> list[Any]:
        """Load one row more than the page size, to learn whether there is another page."""
        size = self.size()
        page, follows, precedes = cut_page(list(rows[: size + 1]), size, position)
        self.next_link = self.link(order, page, backwards=False) if follows else None
        self.previous_link = self.link(order, page, backwards=True) if precedes else None
        return page

    def size(self) -> int:
        text = self.request.query_params.get(PAGE_SIZE)
        size = self.default_page_size if text is None else parse_page_size(text)
        if size is None:
            raise Invalid.field(PAGE_SIZE, f"Must be an integer from 1 to {MAX_PAGE_SIZE}.")
        return size

    def link(self, order: Order, page: list[Any], *, backwards: bool) -> str:
        cursor = order.encode_cursor(page[0 if backwards else -1], backwards=backwards)
        return replace_query_param(self.request.build_absolute_uri(), CURSOR, cursor)

    def get_paginated_response(self, data: Any) -> Response:
        return Response(build_page(self.next_link, self.previous_link, data))

    def get_paginated_response_schema(self, schema: dict[str, Any]) -> dict[str, Any]:
        link = {"type": ["string", "null"], "format": "uri"}
        return {
            "type": "object",
            "required": ["next", "cursor", "previous", "results"],
            "properties": {
                "next": link | {"description": "The address of the next page."},
                "cursor": {
                    "type": ["string", "null"],
                    "description": "The parameter `cursor` of the next page. Null after the last.",
                },
                "previous": link | {"description": "The address of the page before."},
                "results": schema,
            },
        }

    def get_schema_operation_parameters(self, view: APIView) -> list[dict[str, Any]]:
        size = {"type": "integer", "minimum": 1, "maximum": MAX_PAGE_SIZE}
        parameters = [
            query_parameter(CURSOR, {"type": "string"}, "The `cursor` of the page before."),
            query_parameter(
                PAGE_SIZE, size | {"default": self.default_page_size}, "Number of rows per page."
            ),
        ]
        names = list(orderings(view))
        if names:
            enum = [sign + name for name in names for sign in ("", "-")]
            schema = {"type": "string", "enum": enum, "default": default_ordering(view)}
            parameters.append(
                query_parameter(ORDERING, schema, "The sort key; `-` reverses the order.")
            )
        return parameters


def build_page(following: str | None, previous: str | None, results: Any) -> dict[str, Any]:
    """Return the body of a page from the links to its neighbors."""
    return {
        "next": following,
        "cursor": None if following is None else read_cursor(following),
        "previous": previous,
        "results": results,
    }


def read_cursor(link: str) -> str:
    return dict(parse_qsl(urlsplit(link).query))[CURSOR]


def parse_page_size(text: str) -> int | None:
    """Return the number of rows, or None for anything but an integer within the limits."""
    size = int(text) if WHOLE_NUMBER.fullmatch(text) else 0
    return size if 1 <= size <= MAX_PAGE_SIZE else None


def cut_page(rows: list[Any], size: int, position: Position | None) -> tuple[list[Any], bool, bool]:
    """Return the page, and whether rows follow and precede it; `rows` has one row more if so."""
    more, page = len(rows) > size, rows[:size]
    if position is None:
        return page, more and bool(page), False
    if position.backwards:
        page.reverse()
    follows, precedes = (True, more) if position.backwards else (more, True)
    return page, follows and bool(page), precedes and bool(page)


def query_parameter(name: str, schema: dict[str, Any], description: str) -> dict[str, Any]:
    return {
        "name": name,
        "in": "query",
        "required": False,
        "schema": schema,
        "description": description,
    }


def orderings(view: APIView | None) -> Mapping[str, tuple[str, ...]]:
    names = getattr(view, "ordering_fields", ())
    return names if isinstance(names, Mapping) else {name: (name,) for name in names}


def default_ordering(view: APIView | None) -> str:
    return getattr(view, "ordering", None) or "id"


def resolve_order(request: Request, view: APIView | None, rows: models.QuerySet[Any]) -> Order:
    """Return the requested order if the view allows it, or the default of the view.

    Without a requested order, search results are sorted by relevance first.
    """
    requested = request.query_params.get(ORDERING)
    allowed = orderings(view)
    chosen = default_ordering(view) if requested is None else requested
    name = chosen.removeprefix("-")
    if requested is not None and name not in allowed:
        raise Invalid.field(ORDERING, "Must be one of the sort keys of this list.")
    model: Model = rows.model
    paths, descending = tuple(allowed.get(name, (name,))), chosen.startswith("-")
    if requested is None and RELEVANCE in rows.query.annotations:
        name, paths, descending = RELEVANCE, (RELEVANCE, *paths), False
    return Order(name=name, paths=add_tiebreaker(model, paths), descending=descending, model=model)


@cache
def add_tiebreaker(model: Model, paths: tuple[str, ...]) -> tuple[str, ...]:
    """Return the paths with the primary key as tiebreaker. Nullable columns cannot be sorted."""
    key = model._meta.pk.name
    for path in paths:
        if any(field.null for field in resolve_fields(model, path)):
            raise ImproperlyConfigured(f"{model.__name__}.{path} may be null: not for ordering.")
    return paths if key in paths else (*paths, key)


@cache
def resolve_fields(model: Model, path: str) -> "tuple[models.Field[Any, Any], ...]":
    if path == RELEVANCE:
        return (models.IntegerField(),)
    fields: list[Any] = []
    for name in path.split("__"):
        fields.append(model._meta.get_field(name))
        model = fields[-1].related_model or model
    return tuple(fields)


def read(row: Any, path: str) -> Any:
    """Return the value at a path of an object, or of a row of `values()`."""
    return row[path] if isinstance(row, Mapping) else attrgetter(path.replace("__", "."))(row)
