"""Serializers of the catalog import."""

from rest_framework import serializers

from orders.services.catalog.csv_import import ImportReport
from tenants.exceptions import FieldError

# Only the form, because generators of clients do not understand several types of a body.
FILE_SCHEMA = {
    "multipart/form-data": {
        "type": "object",
        "required": ["file"],
        "additionalProperties": False,
        "properties": {"file": {"type": "string", "format": "binary"}},
    },
}


class RowErrorSerializer(serializers.Serializer[FieldError]):
    row = serializers.IntegerField(read_only=True)
    field = serializers.CharField(read_only=True)
    code = serializers.CharField(read_only=True)
    detail = serializers.CharField(read_only=True)


class ImportReportSerializer(serializers.Serializer[ImportReport]):
    """Result of an import. Only a dry run has errors here; otherwise invalid rows are a problem
    (400 `invalid_rows`) with the same fields."""

    created = serializers.IntegerField(read_only=True)
    updated = serializers.IntegerField(read_only=True)
    unchanged = serializers.IntegerField(read_only=True)
    errors = RowErrorSerializer(many=True, read_only=True)  # type: ignore[assignment]  # the name of an attribute of `Serializer`
    error_count = serializers.IntegerField(read_only=True)
