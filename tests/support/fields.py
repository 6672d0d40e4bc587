"""One field at a time, as a serializer would ask it."""

import pytest
from rest_framework import serializers


def validate_field(field: serializers.Field, data: object) -> object:
    return field.run_validation(data)


def field_error_code(field: serializers.Field, data: object) -> str:
    """The code with which the field refuses."""
    with pytest.raises(serializers.ValidationError) as refusal:
        field.run_validation(data)
    (error,) = refusal.value.detail
    assert "{" not in error
    return str(error.code)
