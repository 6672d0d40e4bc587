"""Input and output of customers and their groups."""

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from accounts.models import AuthSession, Role
from orders.models import Customer, CustomerGroup
from orders.models.customer import MAX_NAME_LENGTH, MAX_PHONE_LENGTH, MAX_TAX_NUMBER_LENGTH
from tenants.api.fields import ExternalIdField, MetadataField, StrictCharField, StrictEmailField
from tenants.api.serializers import StrictSerializer, TenantRelatedField

# Digits of a phone number that are shown in a list to those who may not list customers.
SHOWN_DIGITS = 4


class CustomerGroupInput(StrictSerializer):
    name = StrictCharField(max_length=100, trim_whitespace=True)


class CustomerGroupSerializer(serializers.ModelSerializer[CustomerGroup]):
    class Meta:
        model = CustomerGroup
        fields = ("id", "name", "version", "updated_at")
        read_only_fields = fields


class CustomerInput(StrictSerializer):
    name = StrictCharField(max_length=MAX_NAME_LENGTH, trim_whitespace=True)
    email = StrictEmailField(allow_blank=True, required=False)
    phone = StrictCharField(
        max_length=MAX_PHONE_LENGTH, trim_whitespace=True, allow_blank=True, required=False
    )
    tax_number = StrictCharField(
        max_length=MAX_TAX_NUMBER_LENGTH,
        trim_whitespace=True,
        allow_blank=True,
        required=False,
        help_text="Tax number of a company, such as a VAT number. It is printed on receipts.",
    )
    group = TenantRelatedField(CustomerGroup, required=False, allow_null=True)
    note = StrictCharField(max_length=500, multiline=True, allow_blank=True, required=False)
    external_id = ExternalIdField()
    metadata = MetadataField()

    def validate_phone(self, phone: str) -> str:
        if phone and not any(sign.isdecimal() and sign.isascii() for sign in phone):
            raise serializers.ValidationError("Enter a phone number with digits.", code="no_digits")
        return phone


class EraseInput(StrictSerializer):
    name = StrictCharField(
        max_length=MAX_NAME_LENGTH,
        help_text="The name of the customer, exactly as it is, to confirm who is meant.",
    )


def may_list_customers(request: Any) -> bool:
    """Return whether the user may see all customers: managers, but not in a PIN session.

    A service key may with its scope, which the authentication has compared.
    """
    if request.user.is_service:
        return True
    is_pin = request.auth.method == AuthSession.Method.PIN
    return request.user.is_at_least(Role.MANAGER) and not is_pin


def mask_email(address: str) -> str:
    """Return the address with the first character of its local part: `a***@till.example`."""
    local, _, domain = address.rpartition("@")
    return f"{local[:1]}***@{domain}" if address else ""


def mask_phone(phone: str) -> str:
    """Return the last digits of a phone number: `****4567`."""
    digits = "".join(filter(str.isdecimal, phone))
    return f"****{digits[-min(SHOWN_DIGITS, len(digits) // 2) :]}" if len(digits) > 1 else ""


class CustomerSerializer(serializers.ModelSerializer[Customer]):
    """Customer. In lists, cashiers and PIN sessions get `email` and `phone` with most characters
    hidden, and neither tax number nor note nor metadata."""

    email = serializers.SerializerMethodField()
    phone = serializers.SerializerMethodField()
    tax_number = serializers.SerializerMethodField()
    group: Any = serializers.UUIDField(source="group_id", allow_null=True, read_only=True)
    note = serializers.SerializerMethodField()
    metadata = serializers.SerializerMethodField()

    class Meta:
        model = Customer
        fields = (
            "id",
            "name",
            "email",
            "phone",
            "tax_number",
            "group",
            "note",
            "external_id",
            "metadata",
            "erased_at",
            "version",
            "created_at",
            "updated_at",
        )
        read_only_fields = fields

    @property
    def is_masked(self) -> bool:
        request = self.context["request"]
        return bool(self.context["view"].action == "list" and not may_list_customers(request))

    def get_email(self, customer: Customer) -> str:
        return mask_email(customer.email) if self.is_masked else customer.email

    def get_phone(self, customer: Customer) -> str:
        return mask_phone(customer.phone) if self.is_masked else customer.phone

    @extend_schema_field({"type": ["string", "null"]})
    def get_tax_number(self, customer: Customer) -> str | None:
        return None if self.is_masked else customer.tax_number

    @extend_schema_field({"type": ["string", "null"]})
    def get_note(self, customer: Customer) -> str | None:
        return None if self.is_masked else customer.note

    @extend_schema_field({"type": ["object", "null"], "additionalProperties": {}})
    def get_metadata(self, customer: Customer) -> Any:
        return None if self.is_masked else customer.metadata or {}
