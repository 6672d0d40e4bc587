"""The fields of the API: each takes one spelling of its kind, and refuses all others by name.

Built on DRF's fields, whose own input is lenient: it reads `123` as text, `"yes"` as true,
`"1e5"` as an amount.
"""

import uuid
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
    parse_number,
    parse_text,
    parse_uuid,
)
from tenants.scope import current_tenant

INT_32 = 2**31 - 1


def fail_with(field: serializers.Field[Any, Any, Any, Any], error: FormatError) -> NoReturn:
    """Say in the field's own words what is wrong with the spelling."""
    field.fail(error.code, **error.facts)


class PlainNumberField(serializers.Field[Decimal, object, str, Any]):
    """A decimal number as a string, in range. JSON integers pass, fractions do not."""

    digits: ClassVar[int]
    places: ClassVar[int]
    default_error_messages: ClassVar[dict[str, Any]] = {
        "invalid": 'Write a plain decimal number as a string, for example "12.50".',
        "max_digits": "At most {digits} digits before the decimal point.",
        "max_decimal_places": "At most {decimals} decimals.",
        "min_value": "At least {limit}.",
        "max_value": "At most {limit}.",
        "zero": "Zero is not possible here.",
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
            self.fail("zero")
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
        "description": "An amount in the shop's currency, with exactly its decimals in answers.",
    }
)
class MoneyField(PlainNumberField):
    """An amount in the currency of the shop in scope, or with the decimals given."""

    digits = 11

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
    """How many, or how much by weight: up to three decimals, more than nothing."""

    digits, places = 6, 3

    def __init__(self, **kwargs: Any) -> None:
        kwargs.setdefault("max_value", Decimal("999999.999"))
        kwargs.setdefault("allow_zero", False)
        super().__init__(**kwargs)


@extend_schema_field(
    {"type": "string", "pattern": r"^\d{1,3}(\.\d{1,4})?$", "examples": ["19", "8.875"]}
)
class PercentField(PlainNumberField):
    """A share of a hundred, up to four decimals."""

    digits, places = 3, 4

    def __init__(self, **kwargs: Any) -> None:
        kwargs.setdefault("max_value", Decimal(100))
        super().__init__(**kwargs)


class StrictCharField(serializers.CharField):
    """Words as they were sent: not trimmed unless told, never made of a number."""

    default_error_messages: ClassVar[dict[str, Any]] = {
        "control_character": "Control characters are not possible here."
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
        # DRF calls a value blank by its str(), which for 100,000 items is work.
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


@extend_schema_field({"type": "string", "format": "email", "maxLength": 254})
class StrictEmailField(StrictCharField):
    """An address; its domain in lower case and ASCII, its local part as given."""

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
    """true or false; not "yes", not 1."""

    default_error_messages: ClassVar[dict[str, Any]] = {"invalid": "true or false."}

    def to_internal_value(self, data: object) -> bool:
        if not isinstance(data, bool):
            self.fail("invalid")
        return data

    def to_representation(self, value: bool) -> bool:
        return value


class StrictIntegerField(serializers.IntegerField):
    """A JSON integer that every database can hold; not "5", not 5.0, not true."""

    default_error_messages: ClassVar[dict[str, Any]] = {"invalid": "Not an integer."}

    def __init__(self, **kwargs: Any) -> None:
        kwargs.setdefault("min_value", -INT_32)
        kwargs.setdefault("max_value", INT_32)
        super().__init__(**kwargs)

    def to_internal_value(self, data: object) -> int:
        if not isinstance(data, int) or isinstance(data, bool):
            self.fail("invalid")
        return data


class StrictUUIDField(serializers.UUIDField):
    """An id as 36 characters."""

    default_error_messages: ClassVar[dict[str, Any]] = {"invalid": "Not a UUID."}

    def to_internal_value(self, data: object) -> uuid.UUID:
        try:
            return parse_uuid(data)
        except FormatError as error:
            fail_with(self, error)


class StrictDateTimeField(serializers.DateTimeField):
    """A point in time after RFC 3339; answers are in UTC."""

    default_error_messages: ClassVar[dict[str, Any]] = {
        "invalid": "Write a time with its offset, for example 2026-01-31T18:30:00Z.",
        "out_of_range": "The year must lie between {first} and {last}.",
    }

    def to_internal_value(self, value: object) -> datetime:
        try:
            return parse_datetime(value)
        except FormatError as error:
            fail_with(self, error)

    def to_representation(self, value: datetime) -> str:
        return format_datetime(value)


class StrictChoiceField(serializers.ChoiceField):
    """One of some words, to the letter."""

    default_error_messages: ClassVar[dict[str, Any]] = {"invalid_choice": "Not one of the choices."}

    def to_internal_value(self, data: object) -> str:
        if data == "" and self.allow_blank:
            return ""
        if not isinstance(data, str) or data not in self.choices:
            self.fail("invalid_choice")
        return data

    def to_representation(self, value: Any) -> str:
        return str(value)


@extend_schema_field({"type": "string", "format": "date"})
class StrictDateField(serializers.Field[date, object, str, Any]):
    """A business day, such as 2026-02-28."""

    default_error_messages: ClassVar[dict[str, Any]] = {
        "invalid": "Write a day such as 2026-02-28.",
        "out_of_range": "The year must lie between {first} and {last}.",
    }

    def to_internal_value(self, data: object) -> date:
        try:
            return parse_date(data)
        except FormatError as error:
            fail_with(self, error)

    def to_representation(self, value: date) -> str:
        return value.isoformat()
