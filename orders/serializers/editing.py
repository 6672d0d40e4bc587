"""Serializers for changes of an open order."""

from typing import Any

from drf_spectacular.utils import extend_schema_serializer

from orders.serializers.basket import (
    DiscountInput,
    LineInput,
    ModifierChoiceInput,
    OrderCustomerInput,
)
from tenants.api.fields import (
    ExternalIdField,
    MetadataField,
    MoneyField,
    QuantityField,
    StrictCharField,
    StrictUUIDField,
)
from tenants.api.serializers import StrictSerializer


class NewLineInput(LineInput):
    """A product to add. A repeated `id` adds no second line."""

    approval = StrictUUIDField(required=False)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        approval = attrs.pop("approval", None)
        return super().validate(attrs) | {"approval": approval}


class LineChange(StrictSerializer):
    quantity = QuantityField(required=False, allow_negative=True)
    unit_price = MoneyField(
        required=False, help_text="The price without modifiers, which are added to it."
    )
    note = StrictCharField(max_length=200, allow_blank=True, required=False)
    modifiers = ModifierChoiceInput(
        many=True, required=False, help_text="Replaces all modifiers, at their current prices."
    )
    approval = StrictUUIDField(required=False)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if "modifiers" in attrs:
            attrs["modifiers"] = [each["chosen"] for each in attrs["modifiers"]]
        return attrs


class NewDiscountInput(DiscountInput):
    """A discount on the order, or on one `line` of it. A repeated `id` adds no second discount."""

    id = StrictUUIDField(required=False)
    line = StrictUUIDField(required=False)
    approval = StrictUUIDField(required=False)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        own_fields = {name: attrs.pop(name, None) for name in ("id", "line", "approval")}
        return super().validate(attrs) | own_fields


class OrderChange(StrictSerializer):
    note = StrictCharField(max_length=500, multiline=True, allow_blank=True, required=False)
    customer = OrderCustomerInput(
        required=False,
        allow_null=True,
        help_text="Another customer, or changes of the entered name and e-mail address; null for "
        "none. In shops with price lists, a customer of another group prices all lines again.",
    )
    external_id = ExternalIdField()
    metadata = MetadataField()
    approval = StrictUUIDField(required=False)


class ResumeInput(StrictSerializer):
    register = StrictUUIDField(required=False)


class VoidInput(StrictSerializer):
    reason = StrictCharField(max_length=200, trim_whitespace=True)
    approval = StrictUUIDField(required=False)


@extend_schema_serializer(component_name="LeaveInput")
class OptionalApprovalInput(StrictSerializer):
    """A request body with nothing but an optional approval."""

    approval = StrictUUIDField(required=False)
