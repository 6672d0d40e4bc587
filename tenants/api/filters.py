"""Strict filters: unknown, duplicate and empty query parameters are errors."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any, ClassVar

import django_filters
from django import forms
from django.core.exceptions import ValidationError
from django.db import models
from django.http import QueryDict
from django_filters.rest_framework import DjangoFilterBackend, FilterSet
from drf_spectacular.utils import extend_schema_field
from rest_framework.request import Request
from rest_framework.views import APIView

from tenants.api.formats import FormatError, parse_datetime, parse_number, parse_uuid
from tenants.exceptions import FieldError, Invalid

LIST_PARAMETERS = frozenset({"cursor", "page_size", "ordering"})
MAX_VALUE_LENGTH = 255
MAX_IDS = 200
# A URL with so many ids is within the 8190 bytes that gunicorn accepts.
MAX_LENGTHS = {"cursor": 2048, "id": MAX_IDS * 37}
SHOWN = 100


class UnknownFilter(Invalid):
    """An unknown query parameter. Ignoring it would return rows that the client did not ask for."""

    code = "unknown_filter"
    message = "Unknown query parameter."


class StrictFilterBackend(DjangoFilterBackend):
    """Filter backend that rejects unknown query parameters.

    A view lists the parameters that it reads itself in `query_params`.
    """

    def filter_queryset(
        self, request: Request, queryset: models.QuerySet[Any], view: APIView
    ) -> models.QuerySet[Any]:
        params = request.query_params
        own = frozenset(getattr(view, "query_params", ()))
        if getattr(view, "detail", False):
            check_parameters(params, own)
            return queryset
        filters = self.get_filters(view, queryset)
        check_parameters(params, own | LIST_PARAMETERS | filters.keys())
        ensure_not_empty(params, filters)
        if any(name in params or each.extra["required"] for name, each in filters.items()):
            return super().filter_queryset(request, queryset, view)
        return queryset

    def get_filters(
        self, view: APIView, queryset: models.QuerySet[Any]
    ) -> dict[str, django_filters.Filter]:
        filterset = self.get_filterset_class(view, queryset)
        return filterset.base_filters if filterset else {}


def check_parameters(params: QueryDict, known: frozenset[str]) -> None:
    """Reject parameters that are unknown, repeated or too long."""
    if not params:
        return
    unknown = [name for name in params if name not in known]
    if unknown:
        raise UnknownFilter(
            errors=tuple(
                FieldError(name[:SHOWN], "unknown_filter", "Unknown query parameter.")
                for name in unknown[:20]
            )
        )
    for name, values in params.lists():
        check_value(name, values)


def check_value(name: str, values: list[str]) -> None:
    if len(values) > 1:
        raise Invalid.field(name, "Must be given only once.", code="repeated_parameter")
    if "\0" in values[0]:
        raise Invalid.field(name, "The NUL character is not allowed.", code="nul_character")
    limit = MAX_LENGTHS.get(name, MAX_VALUE_LENGTH)
    if len(values[0]) > limit:
        raise Invalid.field(name, f"At most {limit} characters.", code="max_length")


def ensure_not_empty(params: QueryDict, filters: dict[str, django_filters.Filter]) -> None:
    """Reject values without a character, which would list everything. Only a search allows them."""
    for name in params.keys() & filters.keys():
        if not params[name].strip() and not isinstance(filters[name], SearchFilter):
            raise Invalid.field(
                name, "Must not be empty. Omit the parameter instead.", code="blank"
            )


def parse_decimal(text: str) -> Decimal:
    return parse_number(text, decimals=3, digits=11)


def parse_signed_decimal(text: str) -> Decimal:
    return parse_number(text, decimals=3, digits=11, signed=True)


def parse_whole_number(text: str) -> int:
    """Return a number of at most 18 digits, which fit in every column of numbers."""
    return int(parse_number(text, decimals=0, digits=18))


def parse_boolean(text: str) -> bool:
    if text not in {"true", "false"}:
        raise FormatError("invalid")
    return text == "true"


class StrictFormField(forms.Field):
    """Base of form fields that accept the formats of the API and no others."""

    read: Callable[[str], Any]
    message: ClassVar[str]

    def to_python(self, value: Any) -> Any:
        if value is None:
            return None
        try:
            return self.read(value)
        except FormatError as error:
            raise ValidationError(self.message, code="invalid") from error


class StrictUUIDFormField(StrictFormField):
    read = staticmethod(parse_uuid)
    message = "Must be a UUID."


class StrictDateTimeFormField(StrictFormField):
    read = staticmethod(parse_datetime)
    message = (
        "Enter a date and time with an offset, such as 2026-01-31T18:30:00Z. "
        "Percent-encode the + of an offset."
    )


class StrictNumberFormField(StrictFormField):
    read = staticmethod(parse_decimal)
    message = "Enter a decimal number such as 12.50."


class SignedNumberFormField(StrictNumberFormField):
    read = staticmethod(parse_signed_decimal)


class WholeNumberFormField(StrictFormField):
    read = staticmethod(parse_whole_number)
    message = "Enter a whole number such as 17."


class StrictBooleanFormField(StrictFormField):
    read = staticmethod(parse_boolean)
    message = "Must be true or false."


class TextFilter(django_filters.CharFilter):
    """Filter by a text, which must not be empty."""


class SearchFilter(django_filters.CharFilter):
    """Filter by the words of a search field. Without words it lists everything."""


class IdFilter(django_filters.UUIDFilter):
    """Filter by an id. Unknown ids, and ids of other tenants, match nothing."""

    field_class = StrictUUIDFormField


class IdsFilter(django_filters.BaseInFilter, IdFilter):
    """Filter by up to MAX_IDS ids, separated by commas. Unknown ids match nothing."""

    def __init__(self, field_name: str = "id", **kwargs: Any) -> None:
        super().__init__(
            field_name, **{"help_text": f"Up to {MAX_IDS} ids, separated by commas."} | kwargs
        )

    def filter(self, qs: Any, value: Any) -> Any:
        if value and len(value) > MAX_IDS:
            raise Invalid.field(self.field_name, f"At most {MAX_IDS} ids.", code="max_length")
        return super().filter(qs, value)


class DateTimeFilter(django_filters.IsoDateTimeFilter):
    """Filter by a date and time, before or after it by `lookup_expr`."""

    field_class = StrictDateTimeFormField


class UpdatedSinceFilter(DateTimeFilter):
    """Filter rows changed at or after the given time, for incremental synchronization."""

    def __init__(self, field_name: str = "updated_at", lookup_expr: str = "gte", **kwargs: Any):
        super().__init__(field_name, lookup_expr, **kwargs)


@extend_schema_field({"type": "string", "pattern": r"^\d{1,11}(\.\d{1,3})?$"})
class DecimalFilter(django_filters.NumberFilter):
    """Filter by an amount or quantity in plain decimal notation: not 1e9999, not NaN."""

    field_class = StrictNumberFormField


@extend_schema_field({"type": "string", "pattern": r"^-?\d{1,11}(\.\d{1,3})?$"})
class SignedDecimalFilter(DecimalFilter):
    """Filter by an amount that may be negative, such as the total of an order."""

    field_class = SignedNumberFormField


@extend_schema_field({"type": "integer", "minimum": 0})
class WholeNumberFilter(django_filters.NumberFilter):
    """Filter by a number without a sign and decimals."""

    field_class = WholeNumberFormField


class StrictBooleanFilter(django_filters.BooleanFilter):
    """Filter by `true` or `false`, in lower case."""

    field_class = StrictBooleanFormField


class StrictFilterSet(FilterSet):
    """The filters of one list. Only those with a parameter in the request are instantiated.

    Every list can be filtered by ids.
    """

    id = IdsFilter()

    def __init__(self, data: Any = None, *args: Any, **kwargs: Any) -> None:
        self.base_filters: dict[str, django_filters.Filter] = {
            name: each
            for name, each in type(self).base_filters.items()
            if each.extra["required"] or name in (data or ())
        }
        super().__init__(data, *args, **kwargs)


class UpdatedSinceFilterSet(StrictFilterSet):
    """The filters of a list that has no others."""

    updated_since = UpdatedSinceFilter()


class CreationTimeFilterSet(StrictFilterSet):
    """Filters of a list by the creation time of its rows: the first included, the last not."""

    created_after = DateTimeFilter(field_name="created_at", lookup_expr="gte")
    created_before = DateTimeFilter(field_name="created_at", lookup_expr="lt")
