"""Shapes of stock and of what moves it."""

from collections.abc import Mapping
from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers
from rest_framework.exceptions import ErrorDetail

from orders.models import Product, StockLevel, StockMovement
from orders.serializers.order import compute_fingerprint
from orders.services.stock.movements import NewMovement
from tenants.api.fields import (
    QuantityField,
    StrictCharField,
    StrictChoiceField,
    StrictDateTimeField,
    StrictUUIDField,
)
from tenants.api.serializers import StrictSerializer, TenantRelatedField
from tenants.models import Store

Type = StockMovement.Type
# What people write down. Sales and refunds write down their own, and the other side of a transfer
# is written together with the first.
MANUAL_TYPES = (Type.RECEIVE, Type.ADJUST, Type.COUNT, Type.TRANSFER_OUT, Type.WASTE)
Errors = dict[str, ErrorDetail]


class MovementInput(StrictSerializer):
    """What happened to a shelf: goods came, were thrown away, sent to another store or counted.

    `id` is the client's own, so that sending it again does nothing twice.
    """

    id = StrictUUIDField(required=False)
    type = StrictChoiceField(choices=[each.value for each in MANUAL_TYPES])
    product = TenantRelatedField(Product)
    store = TenantRelatedField(Store)
    to_store = TenantRelatedField(Store, required=False, help_text="Of a transfer_out.")
    quantity = QuantityField(
        allow_negative=True,
        allow_zero=True,
        help_text="How much was received, sent or wasted; of a count all that is there, which may "
        "be nothing; of an adjust what to add, or with a minus what to take off.",
    )
    reason = StrictCharField(
        max_length=200, allow_blank=True, required=False, help_text="An adjust needs one."
    )
    occurred_at = StrictDateTimeField(required=False, help_text="Now, unless it is said.")

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        errors = self.quantity_errors(attrs) | self.store_errors(attrs)
        if attrs["type"] == Type.ADJUST and not attrs.get("reason", "").strip():
            errors["reason"] = ErrorDetail("Say why the stock is corrected.", "required")
        if errors:
            raise serializers.ValidationError(errors)
        return attrs

    def quantity_errors(self, attrs: Mapping[str, Any]) -> Errors:
        kind, quantity = attrs["type"], attrs["quantity"]
        if quantity < 0 and kind != Type.ADJUST:
            return {"quantity": ErrorDetail("Only an adjust has a sign.", "invalid")}
        if quantity == 0 and kind != Type.COUNT:
            return {"quantity": ErrorDetail("Zero is not possible here.", "zero")}
        return {}

    def store_errors(self, attrs: Mapping[str, Any]) -> Errors:
        other, is_transfer = attrs.get("to_store"), attrs["type"] == Type.TRANSFER_OUT
        if is_transfer and other is None:
            return {"to_store": ErrorDetail("Say where the goods go.", "required")}
        if other is not None and not is_transfer:
            return {"to_store": ErrorDetail("Only a transfer_out goes elsewhere.", "no_transfer")}
        if other is not None and other.pk == attrs["store"].pk:
            return {"to_store": ErrorDetail("The goods are there already.", "same_store")}
        return {}


def build_new_movement(given: Mapping[str, Any], body: Any) -> NewMovement:
    """The movement of a valid request; `body` is the request as it came."""
    kind = Type(given["type"])
    return NewMovement(**{**given, "type": kind}, fingerprint=compute_fingerprint(body))


@extend_schema_field(
    {"type": "string", "pattern": r"^-?\d{1,12}(\.\d{1,3})?$", "examples": ["12", "-0.735"]}
)
class SumField(QuantityField):
    """What many movements come to, each of which may be as large as a quantity can be."""


class MovementSerializer(serializers.ModelSerializer[StockMovement]):
    quantity = SumField(
        read_only=True,
        help_text="What the level changed by: negative when goods left, zero when a count found "
        "what should be there.",
    )
    counted = SumField(read_only=True, allow_null=True, help_text="Of a count: what was there.")
    level_after = SumField(
        read_only=True,
        allow_null=True,
        help_text="What lay there then. Null but in a list of one product in one store.",
    )
    transfer = serializers.UUIDField(
        read_only=True, allow_null=True, help_text="The same for both sides of a transfer."
    )

    class Meta:
        model = StockMovement
        fields = (
            "id",
            "type",
            "product",
            "store",
            "quantity",
            "counted",
            "level_after",
            "transfer",
            "reason",
            "occurred_at",
            "order",
            "refund",
            "by",
            "created_at",
        )
        read_only_fields = fields


class StockLevelInput(StrictSerializer):
    reorder_point = QuantityField(
        allow_zero=True,
        allow_null=True,
        help_text="Falling to this or below is the event `stock.low`; null for no such event.",
    )


class StockLevelSerializer(serializers.ModelSerializer[StockLevel]):
    quantity = SumField(read_only=True)
    reserved = SumField(read_only=True)
    available = SumField(read_only=True)
    reorder_point = QuantityField(read_only=True, allow_null=True)

    class Meta:
        model = StockLevel
        fields = (
            "id",
            "store",
            "product",
            "quantity",
            "reserved",
            "available",
            "reorder_point",
            "version",
            "updated_at",
        )
        read_only_fields = fields
