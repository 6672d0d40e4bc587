"""Serializers of the catalog import."""

from typing import Any, ClassVar

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from orders.models import TaxClass
from orders.services.catalog.csv_import import ImportReport
from orders.services.catalog.csv_rows import COLUMNS, EXTRA_COLUMNS
from orders.services.catalog.file_columns import (
    MAPPED_FORMAT,
    OWN_FORMAT,
    FileColumns,
    ImportOptions,
)
from orders.services.catalog.file_formats import FORMATS, is_known_heading, normalize_heading
from tenants.api.fields import StrictCharField
from tenants.api.parsers import MalformedBody, read_json
from tenants.api.serializers import StrictSerializer, TenantRelatedField
from tenants.exceptions import FieldError
from tenants.models import Store

# Some systems have several formats.
FORMAT_NAMES = (OWN_FORMAT, MAPPED_FORMAT, *dict.fromkeys(each.name for each in FORMATS))
MAX_FILE_BYTES = 16 * 1024 * 1024
FORM_FIELDS = ("mapping", "store", "tax_class")
MAX_MAPPED_COLUMNS = 256
MAX_MAPPING_LENGTH = 65_536
# Only the form, because generators of clients do not understand several types of a body.
FILE_SCHEMA = {
    "multipart/form-data": {
        "type": "object",
        "required": ["file"],
        "additionalProperties": False,
        "properties": {
            "file": {"type": "string", "format": "binary"},
            "mapping": {
                "type": "string",
                "maxLength": MAX_MAPPING_LENGTH,
                "description": "A JSON object with the column of each heading of the file, for "
                'example {"Artikelnummer": "sku", "Preis": "price"}, or with its English heading '
                "in the files of a system that is recognized.",
            },
            "store": {
                "type": "string",
                "format": "uuid",
                "description": "Where the stock in a column without the name of a store is. "
                "A shop with one active store needs none.",
            },
            "tax_class": {
                "type": "string",
                "format": "uuid",
                "description": "For new products whose taxes the file does not name, or whose "
                "taxes the shop does not have. Without it, files of other systems use the only "
                "tax class of the shop.",
            },
        },
    },
}


@extend_schema_field({"type": "string"})
class MappingField(StrictCharField):
    """A JSON object, as text, with the column of each heading."""

    default_error_messages: ClassVar[dict[str, Any]] = {
        "invalid": 'Must be a JSON object such as {{"Preis": "price"}}.',
        "invalid_choice": "{name} is not a column. Use one of: {columns}. Or an English heading "
        "of the system that the file comes from.",
    }

    def to_internal_value(self, data: object) -> Any:
        """Return the mapping as a dictionary."""
        try:
            mapping = read_json(super().to_internal_value(data).encode())
        except MalformedBody:
            self.fail("invalid")
        if not isinstance(mapping, dict) or not 0 < len(mapping) <= MAX_MAPPED_COLUMNS:
            self.fail("invalid")
        for target in mapping.values():
            if not isinstance(target, str):
                self.fail("invalid")
            name = normalize_heading(target)
            if not (FileColumns.is_own_field(name) or is_known_heading(name)):
                columns = ", ".join((*COLUMNS, *EXTRA_COLUMNS))
                self.fail("invalid_choice", name=target[:100], columns=columns)
        return mapping


class ImportOptionsInput(StrictSerializer):
    """The fields of the form beside the file."""

    mapping = MappingField(required=False, max_length=MAX_MAPPING_LENGTH, multiline=True)
    store = TenantRelatedField(Store, required=False)
    tax_class = TenantRelatedField(TaxClass, required=False)


def build_import_options(given: dict[str, Any]) -> ImportOptions:
    return ImportOptions(
        mapping=given.get("mapping", {}),
        store=given.get("store"),
        tax_class=given.get("tax_class"),
    )


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
    format = serializers.CharField(
        read_only=True,
        help_text=f"The system that the file comes from: {', '.join(FORMAT_NAMES[:-1])} or "
        f"{FORMAT_NAMES[-1]}. Empty if the file cannot be read.",
    )
    skipped = serializers.IntegerField(
        read_only=True, help_text="Rows that are no products, such as further images of one."
    )
    stock_set = serializers.IntegerField(
        read_only=True, help_text="Stock levels that got their opening stock."
    )
    errors = RowErrorSerializer(many=True, read_only=True)  # type: ignore[assignment]  # the name of an attribute of `Serializer`
    error_count = serializers.IntegerField(read_only=True)
    warnings = RowErrorSerializer(many=True, read_only=True)
    warning_count = serializers.IntegerField(read_only=True)
