"""Input and output of receipt profiles."""

import base64
import binascii
from typing import Any, ClassVar

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from orders.models import ReceiptProfile
from orders.services.documents.printer_settings import CODE_PAGES
from orders.services.png import MAX_SIDE, NotPng, clean_png
from tenants.api.fields import (
    StrictBooleanField,
    StrictCharField,
    StrictChoiceField,
    StrictIntegerField,
    StrictUUIDField,
)
from tenants.api.serializers import StrictSerializer, TenantRelatedField
from tenants.models import Store

MAX_TAX_NUMBERS = 5
MAX_PROFILE_LINES = 10
MAX_LINE_LENGTH = 100
MAX_LOGO_BYTES = 200 * 1024
MAX_LOGO_TEXT = 4 * -(-MAX_LOGO_BYTES // 3)


@extend_schema_field(
    {
        "type": "string",
        "contentEncoding": "base64",
        "contentMediaType": "image/png",
        "maxLength": MAX_LOGO_TEXT,
    }
)
class LogoField(StrictCharField):
    """A PNG image as base64. Parts that are not the picture, such as texts, are removed."""

    default_error_messages: ClassVar[dict[str, Any]] = {
        "invalid": "Must be a PNG image, encoded as base64.",
        "max_length": f"At most {MAX_LOGO_BYTES // 1024} KB.",
        "invalid_image": f"Must be a PNG image of at most {MAX_SIDE} x {MAX_SIDE} pixels.",
    }

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(max_length=MAX_LOGO_TEXT, **kwargs)

    def to_internal_value(self, data: object) -> Any:
        """Return the bytes of the image."""
        if not isinstance(data, str):
            self.fail("invalid")
        if len(data) > MAX_LOGO_TEXT:
            self.fail("max_length")
        try:
            image = base64.b64decode(data, validate=True)
        except (ValueError, binascii.Error):
            self.fail("invalid")
        if len(image) > MAX_LOGO_BYTES:
            self.fail("max_length")
        try:
            return clean_png(image)
        except NotPng:
            self.fail("invalid_image")


@extend_schema_field({"type": "integer", "enum": list(ReceiptProfile.Paper.values)})
class PaperField(StrictIntegerField):
    """The width of the paper in millimeters; the model checks the choices."""


class TaxNumberInput(StrictSerializer):
    label: Any = StrictCharField(
        max_length=40,
        required=False,
        default="",
        allow_blank=True,
        help_text="For example `VAT ID`. Default: `Tax number` in the language of the profile.",
    )
    number = StrictCharField(max_length=40)


def build_lines_field(help_text: str) -> serializers.ListField:
    return serializers.ListField(
        child=StrictCharField(max_length=MAX_LINE_LENGTH, allow_blank=True),
        max_length=MAX_PROFILE_LINES,
        required=False,
        help_text=help_text,
    )


class ReceiptProfileFields(StrictSerializer):
    """What a version contains. A field that is left out has its default."""

    legal_name = StrictCharField(max_length=200)
    address = StrictCharField(
        max_length=500, required=False, allow_blank=True, multiline=True, help_text="Several lines."
    )
    tax_numbers = serializers.ListField(
        child=TaxNumberInput(), max_length=MAX_TAX_NUMBERS, required=False
    )
    header = build_lines_field("Lines below the address.")
    footer = build_lines_field("Lines at the end, below the return policy.")
    return_policy = StrictCharField(
        max_length=1000, required=False, allow_blank=True, multiline=True
    )
    logo = LogoField(required=False, allow_null=True)
    keep_logo = StrictBooleanField(
        required=False, help_text="Use the logo of the current version. Only without `logo`."
    )
    language = StrictChoiceField(choices=ReceiptProfile.Language.choices, required=False)
    paper_mm = PaperField(required=False, min_value=1, max_value=100)
    code_page = StrictChoiceField(
        choices=sorted(CODE_PAGES), required=False, help_text="The code page of the printer."
    )
    drawer_pulse = StrictBooleanField(
        required=False,
        help_text="Receipts of cash sales and cash refunds open the drawer at the printer.",
    )

    def validate(self, given: dict[str, Any]) -> dict[str, Any]:
        if given.get("keep_logo") and given.get("logo"):
            raise serializers.ValidationError(
                {"keep_logo": ["Must not be true together with a logo."]}, code="not_allowed"
            )
        return given


class ReceiptProfileInput(ReceiptProfileFields):
    store = TenantRelatedField(Store)
    replaces = StrictUUIDField(
        required=False,
        allow_null=True,
        help_text="The version that was shown before the change: another current version is an "
        "error.",
    )


class TaxNumberSerializer(serializers.Serializer[Any]):
    label: Any = serializers.CharField()
    number = serializers.CharField()


class ReceiptProfileSerializer(serializers.ModelSerializer[ReceiptProfile]):
    """`version` counts the versions of the store, and `hash` is in the hash chain.

    `logo_hash` is the SHA-256 of the logo, or empty.
    """

    store = TenantRelatedField(Store, read_only=True)
    tax_numbers = TaxNumberSerializer(many=True, read_only=True)
    header = serializers.ListField(child=serializers.CharField(), read_only=True)
    footer = serializers.ListField(child=serializers.CharField(), read_only=True)

    class Meta:
        model = ReceiptProfile
        fields = (
            "id",
            "store",
            "version",
            "legal_name",
            "address",
            "tax_numbers",
            "header",
            "footer",
            "return_policy",
            "logo_hash",
            "language",
            "paper_mm",
            "code_page",
            "drawer_pulse",
            "hash",
            "created_at",
        )
        read_only_fields = fields
