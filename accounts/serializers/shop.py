"""Serializers of tenant settings, stores and registers."""

from datetime import time
from typing import Any, ClassVar

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from tenants.api.fields import (
    ExternalIdField,
    ExternalReferenceMixin,
    MetadataField,
    MoneyField,
    ParsedField,
    PercentField,
    StrictBooleanField,
    StrictCharField,
    StrictChoiceField,
)
from tenants.api.formats import parse_time
from tenants.api.serializers import StrictSerializer, TenantRelatedField
from tenants.currencies import CURRENCIES
from tenants.models import Register, Store, Tenant


class TaxRoundingSerializer(serializers.Serializer[Tenant]):
    level = serializers.ChoiceField(
        source="tax_rounding_level", choices=Tenant.TaxRoundingLevel.choices
    )
    mode = serializers.ChoiceField(
        source="tax_rounding_mode", choices=Tenant.TaxRoundingMode.choices
    )


class RoleLimitsSerializer(serializers.Serializer[Any]):
    """Limits of a role without an approval; null is unlimited.

    `refund_amount`, `paid_out_amount`, `drop_amount` and `deposit_return_amount` limit the total
    per order and the total per user and shift (without shifts: per business day of the store).
    Approved amounts count for the approver.
    """

    line_discount_percent = PercentField(allow_null=True)
    order_discount_percent = PercentField(allow_null=True)
    refund_amount = MoneyField(allow_null=True)
    price_override_percent = PercentField(allow_null=True)
    paid_out_amount = MoneyField(allow_null=True)
    drop_amount = MoneyField(allow_null=True)
    deposit_return_amount = MoneyField(allow_null=True)
    drawer_difference_amount = MoneyField(allow_null=True)


class LimitsSerializer(serializers.Serializer[Any]):
    cashier = RoleLimitsSerializer()
    manager = RoleLimitsSerializer()


class TenantSerializer(serializers.ModelSerializer[Tenant]):
    """Settings of the tenant. `limits` applies to each role without an approval."""

    tax_rounding = TaxRoundingSerializer(source="*", read_only=True)
    currency_exponent = serializers.IntegerField(
        read_only=True, help_text="Decimals of every amount of money: 2 for EUR, 0 for JPY."
    )
    cash_rounding_increment = MoneyField(read_only=True, allow_null=True)
    limits = serializers.SerializerMethodField()

    class Meta:
        model = Tenant
        fields = (
            "id",
            "slug",
            "name",
            "country",
            "currency",
            "currency_exponent",
            "timezone",
            "prices_include_tax",
            "tax_rounding",
            "cash_rounding_increment",
            "cash_rounding_mode",
            "stock_policy",
            "shifts_required",
            "limits",
            "version",
        )
        read_only_fields = fields

    @extend_schema_field(LimitsSerializer)
    def get_limits(self, tenant: Tenant) -> Any:
        limits = {
            role: {name: tenant.limit(role, name) for name in RoleLimitsSerializer().fields}
            for role in LimitsSerializer().fields
        }
        return LimitsSerializer(limits).data


class TaxRoundingInput(StrictSerializer):
    level = StrictChoiceField(choices=Tenant.TaxRoundingLevel.values, required=False)
    mode = StrictChoiceField(choices=Tenant.TaxRoundingMode.values, required=False)


class RoleLimitsInput(StrictSerializer):
    """null is unlimited; omitted limits stay unchanged."""

    line_discount_percent = PercentField(required=False, allow_null=True)
    order_discount_percent = PercentField(required=False, allow_null=True)
    refund_amount = MoneyField(required=False, allow_null=True)
    price_override_percent = PercentField(required=False, allow_null=True)
    paid_out_amount = MoneyField(required=False, allow_null=True)
    drop_amount = MoneyField(required=False, allow_null=True)
    deposit_return_amount = MoneyField(required=False, allow_null=True)
    drawer_difference_amount = MoneyField(required=False, allow_null=True)


class LimitsInput(StrictSerializer):
    """Limits by role; admins have none."""

    cashier = RoleLimitsInput(required=False)
    manager = RoleLimitsInput(required=False)


class TenantInput(StrictSerializer):
    name = StrictCharField(max_length=100, trim_whitespace=True)
    country = StrictCharField(max_length=2, allow_blank=True)
    currency = StrictChoiceField(choices=sorted(CURRENCIES))
    timezone = StrictCharField(max_length=64)
    prices_include_tax = StrictBooleanField()
    tax_rounding = TaxRoundingInput()
    cash_rounding_increment = MoneyField(
        allow_null=True, allow_zero=False, help_text="Smallest coin; null: no cash rounding."
    )
    cash_rounding_mode = StrictChoiceField(
        choices=Tenant.CashRoundingMode.values,
        help_text="Rounding to the increment. In Belgium amounts up to 0.05 are not rounded.",
    )
    stock_policy = StrictChoiceField(choices=Tenant.StockPolicy.values)
    shifts_required = StrictBooleanField()
    limits = LimitsInput()


def build_tenant_changes(given: dict[str, Any]) -> dict[str, Any]:
    """Flatten validated input to changes of columns and limits."""
    changes = dict(given)
    rounding = changes.pop("tax_rounding", {})
    changes |= {f"tax_rounding_{name}": value for name, value in rounding.items()}
    if "limits" in changes:
        changes["limits"] = {
            role: {name: None if value is None else str(value) for name, value in named.items()}
            for role, named in changes["limits"].items()
        }
    return changes


@extend_schema_field(
    {"type": "string", "pattern": "^([01][0-9]|2[0-3]):[0-5][0-9]$", "examples": ["04:00"]}
)
class ClockField(ParsedField):
    """Local time to the minute, such as `04:00`."""

    parse = staticmethod(parse_time)
    default_error_messages: ClassVar[dict[str, Any]] = {"invalid": "Enter a time such as 04:00."}

    def to_representation(self, value: time) -> str:
        return f"{value:%H:%M}"


class StoreInput(StrictSerializer):
    name = StrictCharField(max_length=100, trim_whitespace=True)
    address = StrictCharField(max_length=500, multiline=True, allow_blank=True, required=False)
    timezone = StrictCharField(max_length=64, allow_blank=True, required=False)
    day_starts_at = ClockField(
        required=False, help_text="Local time at which a business day starts."
    )
    is_active = StrictBooleanField(required=False)
    external_id = ExternalIdField()
    metadata = MetadataField()


class StoreSerializer(ExternalReferenceMixin, serializers.ModelSerializer[Store]):
    day_starts_at = ClockField(
        read_only=True, help_text="Local time at which a business day starts."
    )

    class Meta:
        model = Store
        fields = (
            "id",
            "name",
            "address",
            "timezone",
            "day_starts_at",
            "is_active",
            "external_id",
            "metadata",
            "version",
            "updated_at",
        )
        read_only_fields = fields


class RegisterInput(StrictSerializer):
    name = StrictCharField(max_length=100, trim_whitespace=True)
    store = TenantRelatedField(Store)
    is_active = StrictBooleanField(required=False)


class RegisterChange(StrictSerializer):
    name = StrictCharField(max_length=100, trim_whitespace=True)
    is_active = StrictBooleanField()


class RegisterSerializer(serializers.ModelSerializer[Register]):
    class Meta:
        model = Register
        fields = ("id", "store", "name", "number", "is_active", "version", "updated_at")
        read_only_fields = fields
