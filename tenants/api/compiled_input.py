"""Readers of valid input, made from serializers: the same rules without DRF's work per field.

A reader returns what `run_validation` of its serializer returns, and raises for everything that
the serializer refuses. It does not say why: run the serializer to get the errors.
"""

from collections.abc import Callable
from functools import cache
from typing import Any

from django.core.exceptions import ValidationError
from django.core.validators import (
    MaxLengthValidator,
    ProhibitNullCharactersValidator,
)
from rest_framework import serializers
from rest_framework.validators import ProhibitSurrogateCharactersValidator

from tenants.api.fields import (
    PlainNumberField,
    StrictBooleanField,
    StrictCharField,
    StrictChoiceField,
    StrictIntegerField,
    StrictUUIDField,
)
from tenants.api.serializers import StrictSerializer

Reader = Callable[[Any], Any]
AnyField = Any

# `StrictCharField.to_internal_value` checks all of this itself.
CHECKED_BY_TEXT_FIELDS = (
    MaxLengthValidator,
    ProhibitNullCharactersValidator,
    ProhibitSurrogateCharactersValidator,
)
SIMPLE_FIELDS = (
    PlainNumberField,
    StrictBooleanField,
    StrictChoiceField,
    StrictIntegerField,
    StrictUUIDField,
)


class NotReadable(Exception):
    """The input is invalid, or valid in a way that only the serializer reads."""


@cache
def get_reader(input_class: type[StrictSerializer]) -> Reader:
    return build_reader(input_class())


def build_reader(field: AnyField) -> Reader:
    """Return the reader of a field. Fields of an unknown kind are read by `run_validation`."""
    if type(field) is serializers.ListSerializer:
        return _read_list(field)
    if isinstance(field, StrictSerializer) and _is_plain_serializer(field):
        return _read_object(field)
    if _is_plain_text(field):
        return _read_text(field)
    if _is_validated_by_type_alone(field):
        return _read_simple(field)
    read: Reader = field.run_validation
    return read


def _is_plain_serializer(serializer: StrictSerializer) -> bool:
    own = type(serializer)
    return (
        own.run_validation is StrictSerializer.run_validation
        and own.to_internal_value is StrictSerializer.to_internal_value
        and not serializer.validators
        and not any(hasattr(serializer, f"validate_{name}") for name in serializer.fields)
        and all(map(_is_plain_field, serializer.fields.values()))
    )


def _is_plain_field(field: AnyField) -> bool:
    return (
        field.source == field.field_name
        and field.default is serializers.empty
        and not field.read_only
    )


def _is_plain_text(field: AnyField) -> bool:
    return (
        isinstance(field, StrictCharField)
        and _has_inherited_validation(field, StrictCharField)
        and all(isinstance(each, CHECKED_BY_TEXT_FIELDS) for each in field.validators)
    )


def _is_validated_by_type_alone(field: AnyField) -> bool:
    return (
        isinstance(field, SIMPLE_FIELDS)
        and _has_inherited_validation(field, serializers.Field)
        and not any(getattr(each, "requires_context", False) for each in field.validators)
    )


def _has_inherited_validation(field: AnyField, base: Any) -> bool:
    return type(field).run_validation is base.run_validation


def _read_object(serializer: StrictSerializer) -> Reader:
    readers = {name: build_reader(field) for name, field in serializer.fields.items()}
    required = frozenset(name for name, field in serializer.fields.items() if field.required)
    known = serializer.known_fields
    # Errors of the whole object are raised as those of its fields.
    validate = serializer.validate

    def read(data: Any) -> Any:
        if type(data) is not dict or not required <= data.keys() <= known or None in data.values():
            raise NotReadable
        return validate({name: readers[name](value) for name, value in data.items()})

    return read


def _read_list(field: Any) -> Reader:
    read_item = build_reader(field.child)
    shortest = max(field.min_length or 0, 0 if field.allow_empty else 1)
    longest = field.max_length

    def read(data: Any) -> list[Any]:
        if type(data) is not list or len(data) < shortest:
            raise NotReadable
        if longest is not None and len(data) > longest:
            raise NotReadable
        return [read_item(item) for item in data]

    return read


def _read_text(field: StrictCharField) -> Reader:
    read_text, allows_blank, trims = (
        field.to_internal_value,
        field.allow_blank,
        field.trim_whitespace,
    )

    def read(data: Any) -> str:
        if not isinstance(data, str):
            raise NotReadable
        if data == "" or (trims and data.strip() == ""):
            if not allows_blank:
                raise NotReadable
            return ""
        return read_text(data)

    return read


def _read_simple(field: Any) -> Reader:
    read_value: Reader = field.to_internal_value
    validators = field.validators
    if not validators:
        return read_value

    def read(data: Any) -> Any:
        value = read_value(data)
        try:
            for validate in validators:
                validate(value)
        except ValidationError as error:
            raise NotReadable from error
        return value

    return read
