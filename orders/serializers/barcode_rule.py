"""Input and output of barcode rules."""

from typing import Any

from rest_framework import serializers

from orders.models import BarcodeRule
from tenants.api.fields import (
    StrictBooleanField,
    StrictCharField,
    StrictChoiceField,
    StrictIntegerField,
)
from tenants.api.serializers import StrictSerializer

MAX_PRIORITY = 9999
MAX_DECIMALS = 9


class BarcodeRuleInput(StrictSerializer):
    pattern = StrictCharField(
        max_length=13,
        help_text="13 characters: digits, `I` for the PLU, `V` for the value, `K` for the check "
        "digit of the price, which is skipped, and `C` for the check digit of the barcode.",
    )
    kind = StrictChoiceField(choices=BarcodeRule.Kind.choices)
    value_decimals = StrictIntegerField(
        required=False,
        allow_null=True,
        min_value=0,
        max_value=MAX_DECIMALS,
        help_text="Decimals of the value. Default: 3 for a weight, those of the currency for a "
        "price.",
    )
    priority = StrictIntegerField(
        required=False,
        min_value=0,
        max_value=MAX_PRIORITY,
        help_text="If several rules match, the highest priority wins. Default: 0.",
    )
    is_active = StrictBooleanField(required=False)


class BarcodeRuleSerializer(serializers.ModelSerializer[BarcodeRule]):
    value_decimals: Any = serializers.IntegerField(source="decimals", read_only=True)

    class Meta:
        model = BarcodeRule
        fields = (
            "id",
            "pattern",
            "kind",
            "value_decimals",
            "priority",
            "is_active",
            "version",
            "updated_at",
        )
        read_only_fields = fields
