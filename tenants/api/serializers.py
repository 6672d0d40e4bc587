"""The base of every input, the foreign key that cannot reach another shop, and error paths."""

import uuid
from collections.abc import Callable, Iterator, Mapping
from functools import cached_property
from typing import Any, ClassVar

from django.db import models
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers
from rest_framework.exceptions import ErrorDetail
from rest_framework.settings import api_settings

from tenants.api.fields import fail_with
from tenants.api.formats import FormatError, parse_uuid
from tenants.exceptions import FieldError

# Names that the client made up are shown up to here, lest it write our answers.
SHOWN = 100
MAX_UNKNOWN_FIELDS = 20

Source = type[models.Model] | Callable[[], models.QuerySet[Any]]


class StrictSerializer(serializers.Serializer):
    """An object with the fields named here and no others; lists of it are bounded."""

    max_items: ClassVar[int] = 500

    default_error_messages: ClassVar[dict[str, Any]] = {
        "invalid": "A JSON object is needed here.",
        "unknown_field": "There is no such field.",
    }

    @classmethod
    def many_init(cls, *args: Any, **kwargs: Any) -> Any:
        kwargs.setdefault("max_length", cls.max_items)
        return super().many_init(*args, **kwargs)

    def to_internal_value(self, data: Any) -> Any:
        unknown = self.unknown_fields(data) if isinstance(data, Mapping) else {}
        try:
            value = super().to_internal_value(data)
        except serializers.ValidationError as error:
            known: Any = error.detail
            raise serializers.ValidationError({**unknown, **known}) from error
        if unknown:
            raise serializers.ValidationError(unknown)
        return value

    def unknown_fields(self, data: Mapping[str, Any]) -> dict[str, list[ErrorDetail]]:
        """What the client may not set is unknown to it, whether it exists or not."""
        if data.keys() <= self.known_fields:
            return {}
        message = ErrorDetail(self.error_messages["unknown_field"], "unknown_field")
        unknown = [name for name in data if name not in self.known_fields]
        return {name[:SHOWN]: [message] for name in unknown[:MAX_UNKNOWN_FIELDS]}

    @cached_property
    def known_fields(self) -> frozenset[str]:
        return frozenset(name for name, field in self.fields.items() if not field.read_only)


class TenantReference(serializers.Field):
    """What naming rows of this shop by id has in common, for one row and for many."""

    default_error_messages: ClassVar[dict[str, Any]] = {
        "invalid": "Not a UUID.",
        "does_not_exist": "There is no such thing.",
    }

    def __init__(self, rows: Source, **kwargs: Any) -> None:
        self.source_of_rows = rows
        super().__init__(**kwargs)

    def rows(self) -> models.QuerySet[Any]:
        if isinstance(self.source_of_rows, type):
            return self.source_of_rows._default_manager.all()
        return self.source_of_rows()

    def read_id(self, data: object) -> uuid.UUID:
        try:
            return parse_uuid(data)
        except FormatError as error:
            fail_with(self, error)


@extend_schema_field({"type": "array", "items": {"type": "string", "format": "uuid"}})
class TenantRelatedListField(TenantReference):
    """The ids of several rows, each once; one query finds them all."""

    default_error_messages: ClassVar[dict[str, Any]] = {
        "not_a_list": "A list of UUIDs is needed here.",
        "max_length": "At most {max_length} items.",
        "repeated": "Named more than once.",
    }

    def __init__(self, rows: Source, *, max_length: int = 500, **kwargs: Any) -> None:
        self.max_length = max_length
        super().__init__(rows, **kwargs)

    def to_internal_value(self, data: object) -> list[models.Model]:
        if not isinstance(data, list):
            self.fail("not_a_list")
        if len(data) > self.max_length:
            self.fail("max_length", max_length=self.max_length)
        ids = self.each(data, self.read_id)
        found = self.rows().in_bulk(ids)
        seen: set[uuid.UUID] = set()

        def row_of(pk: uuid.UUID) -> models.Model:
            if pk in seen:
                self.fail("repeated")
            if pk not in found:
                self.fail("does_not_exist")
            seen.add(pk)
            return found[pk]

        return self.each(ids, row_of)

    def each(self, items: list[Any], read: Callable[[Any], Any]) -> list[Any]:
        """All of them read, or every error with its place in the list."""
        values, errors = [], {}
        for index, item in enumerate(items):
            try:
                values.append(read(item))
            except serializers.ValidationError as error:
                errors[index] = error.detail
        if errors:
            raise serializers.ValidationError(errors)
        return values

    def to_representation(self, value: Any) -> list[str]:
        rows = value.all() if isinstance(value, models.Manager) else value
        return [str(row.pk) for row in rows]


@extend_schema_field({"type": "string", "format": "uuid"})
class TenantRelatedField(TenantReference):
    """The id of one row of this shop. Another shop's id is like one that nobody has.

    Declared with a model, or with a function that makes the queryset when it is needed: a shop's
    rows cannot be asked for before the shop is known. With `many=True` it is a list of ids.
    """

    def __new__(cls, *args: Any, many: bool = False, **kwargs: Any) -> Any:
        if many:
            return TenantRelatedListField(*args, **kwargs)
        return super().__new__(cls, *args, **kwargs)

    def to_internal_value(self, data: object) -> models.Model:
        row = self.rows().filter(pk=self.read_id(data)).first()
        if row is None:
            self.fail("does_not_exist")
        return row

    def get_attribute(self, instance: Any) -> Any:
        """The id that lies in the row itself, without fetching what it names."""
        for name in self.source_attrs[:-1]:
            instance = getattr(instance, name)
        if isinstance(instance, models.Model):
            return instance.serializable_value(self.source_attrs[-1])
        return super().get_attribute(instance)

    def to_representation(self, value: Any) -> str:
        return str(getattr(value, "pk", value))


def flatten_errors(detail: Any, path: str = "") -> Iterator[FieldError]:
    """The leaves of DRF's error tree, each with its path: `lines[0].quantity`."""
    if isinstance(detail, str):
        yield FieldError(path, getattr(detail, "code", None) or "invalid", str(detail))
    elif isinstance(detail, Mapping):
        for key, value in detail.items():
            yield from flatten_errors(value, join_path(key, path))
    else:
        for index, value in enumerate(detail):
            # DRF lists the errors of one field, and also the items of a list: words are errors.
            inner = path if isinstance(value, str) else f"{path}[{index}]"
            yield from flatten_errors(value, inner)


def join_path(key: Any, path: str) -> str:
    if isinstance(key, int):
        return f"{path}[{key}]"
    if key == api_settings.NON_FIELD_ERRORS_KEY:
        return path
    return f"{path}.{key}" if path else str(key)
