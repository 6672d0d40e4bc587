"""Input and output of bookkeeping profiles."""

from typing import Any

from rest_framework import serializers

from orders.models import BookkeepingProfile
from orders.models.bookkeeping_profile import ACCOUNTS, MAX_ACCOUNT_LENGTH, MAX_TAX_KEY_LENGTH
from tenants.api.fields import (
    PercentField,
    StrictCharField,
    StrictChoiceField,
    StrictIntegerField,
)
from tenants.api.formats import format_number
from tenants.api.serializers import StrictSerializer, TenantRelatedField
from tenants.models import Store

MAX_REVENUE_ACCOUNTS = 20
MAX_NUMBER = 9_999_999


class RevenueAccountInput(StrictSerializer):
    percent = PercentField(
        allow_null=True, help_text="The tax in percent; null is for goods without tax."
    )
    account = StrictCharField(max_length=MAX_ACCOUNT_LENGTH)
    tax_key = StrictCharField(
        max_length=MAX_TAX_KEY_LENGTH,
        required=False,
        default="",
        allow_blank=True,
        help_text="Only for accounts from which DATEV does not know the tax itself.",
    )

    def to_internal_value(self, data: Any) -> Any:
        """Return values as they are stored: percentages as texts without zeros at the end."""
        given = super().to_internal_value(data)
        percent = given["percent"]
        return given | {"percent": None if percent is None else format_number(percent)}


class BookkeepingProfileInput(StrictSerializer):
    store = TenantRelatedField(Store)
    consultant_number = StrictIntegerField(max_value=MAX_NUMBER, help_text="1001 to 9999999.")
    client_number = StrictIntegerField(max_value=MAX_NUMBER, help_text="1 to 99999.")
    fiscal_year_month = StrictIntegerField(
        required=False, max_value=MAX_NUMBER, help_text="1 to 12. Default: 1, January."
    )
    account_length = StrictIntegerField(
        required=False, max_value=MAX_NUMBER, help_text="4 to 8. Default: 4."
    )
    chart = StrictChoiceField(
        choices=BookkeepingProfile.Chart.choices, required=False, allow_blank=True
    )
    revenue_accounts = serializers.ListField(
        child=RevenueAccountInput(), max_length=MAX_REVENUE_ACCOUNTS, required=False
    )

    def get_fields(self) -> dict[str, Any]:
        accounts = {
            name: StrictCharField(
                max_length=MAX_ACCOUNT_LENGTH,
                required=False,
                allow_blank=True,
                help_text=BookkeepingProfile._meta.get_field(name).help_text,
            )
            for name in ACCOUNTS
        }
        return super().get_fields() | accounts


class RevenueAccountSerializer(serializers.Serializer[Any]):
    percent = serializers.CharField(allow_null=True)
    account = serializers.CharField()
    tax_key = serializers.CharField()


class BookkeepingProfileSerializer(serializers.ModelSerializer[BookkeepingProfile]):
    store = serializers.UUIDField(source="store_id", read_only=True)
    chart = serializers.CharField(read_only=True)
    revenue_accounts = RevenueAccountSerializer(many=True, read_only=True)

    class Meta:
        model = BookkeepingProfile
        fields = (
            "id",
            "store",
            "consultant_number",
            "client_number",
            "fiscal_year_month",
            "account_length",
            "chart",
            "revenue_accounts",
            *ACCOUNTS,
            "version",
            "updated_at",
        )
        read_only_fields = fields
