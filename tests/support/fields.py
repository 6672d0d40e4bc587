"""Run single serializer fields."""

import pytest
from rest_framework import serializers


def validate_field(field: serializers.Field, data: object) -> object:
    return field.run_validation(data)


def field_error_code(field: serializers.Field, data: object) -> str:
    """Return the error code of the field."""
    with pytest.raises(serializers.ValidationError) as refusal:
        field.run_validation(data)
    (error,) = refusal.value.detail
    assert "{" not in error
    return str(error.code)
