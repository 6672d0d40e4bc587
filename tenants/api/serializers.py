"""Base serializer for input, related fields limited to the tenant, and error paths."""

import uuid
from collections.abc import Callable, Iterator, Mapping
from functools import cached_property
from typing import Any, ClassVar

from django.core.exceptions import NON_FIELD_ERRORS, ValidationError
from django.db import models
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers
from rest_framework.exceptions import ErrorDetail
from rest_framework.fields import empty
from rest_framework.settings import api_settings

from tenants.api.fields import fail_with
from tenants.api.formats import FormatError, parse_uuid
from tenants.exceptions import FieldError

# Unknown names come from the client: limit what the response repeats of them.
MAX_NAME_LENGTH = 100
MAX_UNKNOWN_FIELDS = 20

Source = type[models.Model] | Callable[[], models.QuerySet[Any]]


class StrictSerializer(serializers.Serializer):
    """A serializer that rejects unknown fields; lists of it are limited to `max_items`."""

    max_items: ClassVar[int] = 500

    default_error_messages: ClassVar[dict[str, Any]] = {
        "invalid": "Must be a JSON object.",
        "unknown_field": "Unknown field.",
    }

    @classmethod
    def many_init(cls, *args: Any, **kwargs: Any) -> Any:
        kwargs.setdefault("max_length", cls.max_items)
        return super().many_init(*args, **kwargs)

    def to_internal_value(self, data: Any) -> Any:
        unknown = self.unknown_fields(data) if isinstance(data, Mapping) else {}
        missing = self.missing_fields(data) if isinstance(data, Mapping) else {}
        try:
            value = super().to_internal_value(data)
        except serializers.ValidationError as error:
            known: Any = error.detail
            raise serializers.ValidationError({**unknown, **missing, **known}) from error
        if unknown or missing:
            raise serializers.ValidationError({**unknown, **missing})
        return {**self.defaults, **value} if self.is_item_of_change else value

    @cached_property
    def is_item_of_change(self) -> bool:
        """Return whether it reads an item of a list in a PATCH.

        The list is replaced, so that its items must be complete. The framework takes missing
        fields of nested serializers in a PATCH for unchanged.
        """
        is_item = isinstance(self.parent, serializers.ListSerializer | serializers.ListField)
        return is_item and bool(getattr(self.root, "partial", False))

    def missing_fields(self, data: Mapping[str, Any]) -> dict[str, list[ErrorDetail]]:
        """Return an error for each required field that an item of a change lacks."""
        if not self.is_item_of_change:
            return {}
        return {
            name: [ErrorDetail(field.error_messages["required"], "required")]
            for name, field in self.fields.items()
            if field.required and not field.read_only and name not in data
        }

    @cached_property
    def defaults(self) -> dict[str, Any]:
        """Return the values of fields that an item may leave out."""
        return {
            name: field.default
            for name, field in self.fields.items()
            if field.default is not empty and not field.read_only
        }

    def unknown_fields(self, data: Mapping[str, Any]) -> dict[str, list[ErrorDetail]]:
        """Return an error for each field that does not exist or is read-only."""
        if data.keys() <= self.known_fields:
            return {}
        message = ErrorDetail(self.error_messages["unknown_field"], "unknown_field")
        unknown = [name for name in data if name not in self.known_fields]
        return {name[:MAX_NAME_LENGTH]: [message] for name in unknown[:MAX_UNKNOWN_FIELDS]}

    @cached_property
    def known_fields(self) -> frozenset[str]:
        return frozenset(name for name, field in self.fields.items() if not field.read_only)


class TenantReference(serializers.Field):
    """Base of the fields that reference rows of the current tenant by id."""

    default_error_messages: ClassVar[dict[str, Any]] = {
        "invalid": "Must be a UUID.",
        "does_not_exist": "Object does not exist.",
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
    """A list of unique ids, loaded in one query."""

    default_error_messages: ClassVar[dict[str, Any]] = {
        "not_a_list": "Must be a list of UUIDs.",
        "max_length": "At most {max_length} items.",
        "repeated": "Must not be repeated.",
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

        def take_row(pk: uuid.UUID) -> models.Model:
            if pk in seen:
                self.fail("repeated")
            if pk not in found:
                self.fail("does_not_exist")
            seen.add(pk)
            return found[pk]

        return self.each(ids, take_row)

    def each(self, items: list[Any], read: Callable[[Any], Any]) -> list[Any]:
        """Return all items as read, or raise every error by its index."""
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
    """The id of a row of the current tenant. Ids of other tenants do not exist.

    Declared with a model, or with a function that returns a queryset, because no queryset can be
    built before the tenant is known. With `many=True` it is a list of ids.
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
        """Return the foreign key value itself, without loading the related row."""
        for name in self.source_attrs[:-1]:
            instance = getattr(instance, name)
        if isinstance(instance, models.Model):
            return instance.serializable_value(self.source_attrs[-1])
        return super().get_attribute(instance)

    def to_representation(self, value: Any) -> str:
        return str(getattr(value, "pk", value))


def flatten_errors(detail: Any, path: str = "") -> Iterator[FieldError]:
    """Yield the leaves of DRF's error tree, each with its path: `lines[0].quantity`."""
    if isinstance(detail, str):
        yield FieldError(path, getattr(detail, "code", None) or "invalid", str(detail))
    elif isinstance(detail, Mapping):
        for key, value in detail.items():
            yield from flatten_errors(value, join_path(key, path))
    else:
        for index, value in enumerate(detail):
            # In DRF a list holds either errors of one field (strings) or items of a list field.
            inner = path if isinstance(value, str) else f"{path}[{index}]"
            yield from flatten_errors(value, inner)


def list_model_errors(error: ValidationError) -> Iterator[FieldError]:
    """Yield the errors of `full_clean`, with the field names of the API."""
    fields = error.error_dict if hasattr(error, "error_dict") else {"": error.error_list}
    for name, errors in fields.items():
        for each in errors:
            yield build_model_error("" if name == NON_FIELD_ERRORS else name, each)


def build_model_error(name: str, error: Any) -> FieldError:
    """Return an error without `tenant`, which is part of every unique constraint."""
    if error.code in {"unique", "unique_together"}:
        *_, name = [part for part in error.params["unique_check"] if part != "tenant"]
        return FieldError(name, "unique", f"This {name} already exists.")
    return FieldError(name, error.code or "invalid", " ".join(error.messages))


def join_path(key: Any, path: str) -> str:
    if isinstance(key, int):
        return f"{path}[{key}]"
    if key == api_settings.NON_FIELD_ERRORS_KEY:
        return path
    return f"{path}.{key}" if path else str(key)
