"""Strict serializer fields: each accepts exactly one format.

DRF's own fields are lenient: they read `123` as text, `"yes"` as true and `"1e5"` as a number.
"""

import json
from collections.abc import Callable
from datetime import date, datetime
from decimal import Decimal
from typing import Any, ClassVar, NoReturn

from django.core.exceptions import ValidationError as ModelValidationError
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from tenants import email_addresses
from tenants.api.formats import (
    FormatError,
    format_amount,
    format_datetime,
    format_number,
    parse_date,
    parse_datetime,
    parse_local_datetime,
    parse_number,
    parse_text,
    parse_uuid,
)
from tenants.models.owned import MAX_EXTERNAL_ID_LENGTH
from tenants.scope import current_tenant

MAX_INT_32 = 2**31 - 1
MAX_METADATA_BYTES = 4096
AS_STRING = 'Send decimal numbers as strings, such as "12.50".'


def fail_with(field: serializers.Field[Any, Any, Any, Any], error: FormatError) -> NoReturn:
    """Raise the field's own message for a format error."""
    field.fail(error.code, **error.facts)


class ParsedField(serializers.Field[Any, Any, Any, Any]):
    """A field whose format is that of one function, which raises `FormatError`."""

    parse: Callable[[object], Any]

    def to_internal_value(self, data: object) -> Any:
        try:
            return self.parse(data)
        except FormatError as error:
            fail_with(self, error)


class PlainNumberField(serializers.Field[Decimal, object, str, Any]):
    """A decimal number as a string. JSON integers are accepted, JSON fractions are not."""

    digits: ClassVar[int]
    places: ClassVar[int]
    default_error_messages: ClassVar[dict[str, Any]] = {
        "invalid": "Enter a decimal number such as 12.50.",
        "max_digits": "At most {digits} digits before the decimal point.",
        "max_decimal_places": "At most {decimals} decimal places.",
        "min_value": "Must be at least {limit}.",
        "max_value": "Must be at most {limit}.",
        "zero": "Must {rule}.",
    }

    def __init__(
        self,
        *,
        min_value: Decimal | None = None,
        max_value: Decimal | None = None,
        allow_zero: bool = True,
        allow_negative: bool = False,
        **kwargs: Any,
    ) -> None:
        self.min_value = min_value
        self.max_value = max_value
        self.allow_zero = allow_zero
        self.allow_negative = allow_negative
        super().__init__(**kwargs)

    def to_internal_value(self, data: object) -> Decimal:
        if isinstance(data, float | Decimal):
            raise serializers.ValidationError(AS_STRING, code="invalid")
        try:
            number = self.read(data)
        except FormatError as error:
            fail_with(self, error)
        self.ensure_in_range(number)
        return number

    def decimals(self) -> int:
        return self.places

    def read(self, data: object) -> Decimal:
        return parse_number(
            data, decimals=self.decimals(), digits=self.digits, signed=self.allow_negative
        )

    def ensure_in_range(self, number: Decimal) -> None:
        if not number and not self.allow_zero:
            rule = "not be zero" if self.allow_negative else "be greater than zero"
            self.fail("zero", rule=rule)
        if self.min_value is not None and number < self.min_value:
            self.fail("min_value", limit=self.min_value)
        if self.max_value is not None and number > self.max_value:
            self.fail("max_value", limit=self.max_value)

    def to_representation(self, value: Decimal) -> str:
        return format_number(value)


@extend_schema_field(
    {
        "type": "string",
        "pattern": r"^-?\d{1,11}(\.\d{1,3})?$",
        "examples": ["12.50"],
        "description": "An amount in the shop's currency, in responses with exactly its decimals.",
    }
)
class MoneyField(PlainNumberField):
    """An amount with the decimal places of the current tenant's currency, or of `exponent`."""

    digits = 11
    default_error_messages: ClassVar[dict[str, Any]] = {"invalid": "Enter an amount such as 12.50."}

    def __init__(self, *, exponent: int | None = None, **kwargs: Any) -> None:
        self.exponent = exponent
        super().__init__(**kwargs)

    def decimals(self) -> int:
        return current_tenant().currency_exponent if self.exponent is None else self.exponent

    def read(self, data: object) -> Decimal:
        return super().read(data).quantize(Decimal(1).scaleb(-self.decimals()))

    def to_representation(self, value: Decimal) -> str:
        return format_amount(value, self.decimals())


@extend_schema_field(
    {"type": "string", "pattern": r"^-?\d{1,6}(\.\d{1,3})?$", "examples": ["1", "0.735"]}
)
class QuantityField(PlainNumberField):
    """A number of pieces or a weight: up to three decimal places, greater than zero."""

    digits, places = 6, 3
    default_error_messages: ClassVar[dict[str, Any]] = {
        "invalid": "Enter a quantity such as 2 or 0.735."
    }

    def __init__(self, **kwargs: Any) -> None:
        kwargs.setdefault("max_value", Decimal("999999.999"))
        kwargs.setdefault("allow_zero", False)
        super().__init__(**kwargs)


@extend_schema_field(
    {"type": "string", "pattern": r"^\d{1,3}(\.\d{1,4})?$", "examples": ["19", "8.875"]}
)
class PercentField(PlainNumberField):
    """A percentage from 0 to 100, with up to four decimal places."""

    digits, places = 3, 4
    default_error_messages: ClassVar[dict[str, Any]] = {
        "invalid": "Enter a percentage such as 19 or 8.875."
    }

    def __init__(self, **kwargs: Any) -> None:
        kwargs.setdefault("max_value", Decimal(100))
        super().__init__(**kwargs)


class StrictCharField(serializers.CharField):
    """Text as it was sent: not trimmed by default, never converted from a number."""

    default_error_messages: ClassVar[dict[str, Any]] = {
        "control_character": "Control characters are not allowed."
    }

    def __init__(
        self,
        *,
        max_length: int,
        trim_whitespace: bool = False,
        multiline: bool = False,
        normalize: bool = True,
        **kwargs: Any,
    ) -> None:
        self.multiline = multiline
        self.normalize = normalize
        super().__init__(max_length=max_length, trim_whitespace=trim_whitespace, **kwargs)

    def run_validation(self, data: Any = serializers.empty) -> Any:
        # DRF calls str() on the value to see whether it is blank: slow for a list of 100,000 items.
        if data is not serializers.empty and data is not None and not isinstance(data, str):
            self.fail("invalid")
        return super().run_validation(data)

    def to_internal_value(self, data: object) -> str:
        try:
            text = parse_text(
                data,
                max_length=self.max_length or 0,
                multiline=self.multiline,
                normalize=self.normalize,
            )
        except FormatError as error:
            fail_with(self, error)
        return text.strip() if self.trim_whitespace else text


class ExternalIdField(StrictCharField):
    """The id of a row in another system."""

    def __init__(self, **kwargs: Any) -> None:
        help_text = "The id in another system, such as an ERP: unique among the rows of this kind."
        options: dict[str, Any] = {"trim_whitespace": True, "allow_null": True, "required": False}
        super().__init__(max_length=MAX_EXTERNAL_ID_LENGTH, help_text=help_text, **options | kwargs)


@extend_schema_field({"type": "object", "additionalProperties": {}})
class MetadataField(serializers.Field[Any, Any, Any, Any]):
    """A JSON object that Till stores and returns, and does not read."""

    default_error_messages: ClassVar[dict[str, Any]] = {
        "not_an_object": "Must be a JSON object.",
        "fraction": "Write numbers with a fraction as text.",
        "too_large": "Must have at most {maximum} bytes as JSON.",
    }

    def __init__(self, **kwargs: Any) -> None:
        help_text = (
            "Data of another system: a JSON object of at most 4 KiB, without fractions. A change "
            "replaces all of it."
        )
        options: dict[str, Any] = {"help_text": help_text, "required": False}
        super().__init__(**options | kwargs)

    def to_internal_value(self, data: Any) -> dict[str, Any] | None:
        if not isinstance(data, dict):
            self.fail("not_an_object")
        if has_fraction(data):
            self.fail("fraction")
        text = json.dumps(data, ensure_ascii=False, separators=(",", ":"))
        if len(text.encode()) > MAX_METADATA_BYTES:
            self.fail("too_large", maximum=MAX_METADATA_BYTES)
        return data or None

    def to_representation(self, value: Any) -> Any:
        return value


def has_fraction(data: Any) -> bool:
    """Return whether JSON data contains a number that is not whole."""
    if isinstance(data, dict):
        return any(map(has_fraction, data.values()))
    if isinstance(data, list):
        return any(map(has_fraction, data))
    return isinstance(data, Decimal | float)


class ExternalReferenceMixin(serializers.Serializer[Any]):
    """The fields of the output of an `ExternalReference`; its `metadata` is never null."""

    metadata = serializers.SerializerMethodField(
        help_text="Data of another system, as it was stored."
    )

    @extend_schema_field({"type": "object", "additionalProperties": {}})
    def get_metadata(self, row: Any) -> Any:
        return row.metadata or {}


@extend_schema_field({"type": "string", "format": "email", "maxLength": 254})
class StrictEmailField(StrictCharField):
    """An e-mail address; its domain is normalized to lower-case ASCII."""

    default_error_messages: ClassVar[dict[str, Any]] = dict(email_addresses.CODES)

    def __init__(self, **kwargs: Any) -> None:
        kwargs.setdefault("max_length", email_addresses.MAX_LENGTH)
        super().__init__(**kwargs)

    def to_internal_value(self, data: object) -> str:
        address = super().to_internal_value(data)
        try:
            return email_addresses.normalize_email(address)
        except ModelValidationError as error:
            self.fail(error.code or "invalid")


class StrictBooleanField(serializers.BooleanField):
    """The JSON values true and false; not "yes", not 1."""

    default_error_messages: ClassVar[dict[str, Any]] = {"invalid": "Must be true or false."}

    def to_internal_value(self, data: object) -> bool:
        if not isinstance(data, bool):
            self.fail("invalid")
        return data

    def to_representation(self, value: bool) -> bool:
        return value


class StrictIntegerField(serializers.IntegerField):
    """A JSON integer of 32 bits; not "5", not 5.0, not true."""

    default_error_messages: ClassVar[dict[str, Any]] = {"invalid": "Must be an integer."}

    def __init__(self, **kwargs: Any) -> None:
        kwargs.setdefault("min_value", -MAX_INT_32)
        kwargs.setdefault("max_value", MAX_INT_32)
        super().__init__(**kwargs)

    def to_internal_value(self, data: object) -> int:
        if not isinstance(data, int) or isinstance(data, bool):
            self.fail("invalid")
        return data


class StrictUUIDField(ParsedField, serializers.UUIDField):
    """A UUID in its canonical form of 36 characters."""

    parse = staticmethod(parse_uuid)
    default_error_messages: ClassVar[dict[str, Any]] = {"invalid": "Must be a UUID."}


class StrictDateTimeField(ParsedField, serializers.DateTimeField):
    """A date and time after RFC 3339 with an offset; responses are in UTC."""

    parse = staticmethod(parse_datetime)
    default_error_messages: ClassVar[dict[str, Any]] = {
        "invalid": "Enter a date and time with an offset, such as 2026-01-31T18:30:00Z.",
        "out_of_range": "The year must be between {first} and {last}.",
    }

    def to_representation(self, value: datetime) -> str:
        return format_datetime(value)


@extend_schema_field(
    {
        "type": "string",
        "pattern": r"^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(:\d{2})?$",
        "examples": ["2026-12-01T00:00:00"],
        "description": "A date and time by the clock of a store, without an offset.",
    }
)
class LocalDateTimeField(ParsedField):
    """A date and time by the clock of a store, in whole seconds."""

    parse = staticmethod(parse_local_datetime)
    default_error_messages: ClassVar[dict[str, Any]] = {
        "invalid": "Enter a local date and time without an offset, such as 2026-12-01T00:00:00.",
        "out_of_range": "The year must be between {first} and {last}.",
    }

    def to_representation(self, value: datetime) -> str:
        return value.isoformat(timespec="seconds")


class StrictChoiceField(serializers.ChoiceField):
    """One of the choices, spelled exactly."""

    default_error_messages: ClassVar[dict[str, Any]] = {
        "invalid_choice": "Must be one of the choices."
    }

    def to_internal_value(self, data: object) -> str:
        if data == "" and self.allow_blank:
            return ""
        if not isinstance(data, str) or data not in self.choices:
            self.fail("invalid_choice")
        return data

    def to_representation(self, value: Any) -> str:
        return str(value)


@extend_schema_field({"type": "string", "format": "date"})
class StrictDateField(ParsedField):
    """A business day, such as 2026-02-28."""

    parse = staticmethod(parse_date)
    default_error_messages: ClassVar[dict[str, Any]] = {
        "invalid": "Enter a date such as 2026-02-28.",
        "out_of_range": "The year must be between {first} and {last}.",
    }

    def to_representation(self, value: date) -> str:
        return value.isoformat()
