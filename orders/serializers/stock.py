"""Serializers of stock levels and stock movements."""

from collections.abc import Iterable, Mapping
from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers
from rest_framework.exceptions import ErrorDetail

from orders.models import Product, StockLevel, StockMovement
from orders.serializers.fingerprint import compute_fingerprint
from orders.serializers.rendering import render_stock_level
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
# Sales and refunds create their own movements, and a transfer_out creates its transfer_in.
MANUAL_TYPES = (Type.RECEIVE, Type.ADJUST, Type.COUNT, Type.TRANSFER_OUT, Type.WASTE)
WasteReason = StockMovement.WasteReason
# Refunds without restock are `returned`.
MANUAL_REASONS = tuple(each for each in WasteReason if each != WasteReason.RETURNED)
Errors = dict[str, ErrorDetail]


class MovementInput(StrictSerializer):
    """A stock movement: goods received, wasted, sent to another store, adjusted or counted.

    `id` is chosen by the client: a repeated request moves nothing twice.
    """

    id = StrictUUIDField(required=False)
    type = StrictChoiceField(choices=[each.value for each in MANUAL_TYPES])
    product = TenantRelatedField(Product)
    store = TenantRelatedField(Store)
    to_store = TenantRelatedField(Store, required=False, help_text="Required for transfer_out.")
    quantity = QuantityField(
        allow_negative=True,
        allow_zero=True,
        help_text="Quantity received, sent or wasted. For count: the quantity found, which may be "
        "zero. "
        "For adjust: the change, negative to reduce the level.",
    )
    reason = StrictCharField(
        max_length=200, allow_blank=True, required=False, help_text="Required for adjust."
    )
    waste_reason = StrictChoiceField(
        choices=[each.value for each in MANUAL_REASONS],
        required=False,
        help_text="Only for waste. `other` needs a `reason`.",
    )
    occurred_at = StrictDateTimeField(required=False, help_text="Defaults to now.")

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        errors = self.quantity_errors(attrs) | self.store_errors(attrs)
        if attrs["type"] == Type.ADJUST and not attrs.get("reason", "").strip():
            errors["reason"] = ErrorDetail("Required for adjust.", "required")
        errors |= self.waste_errors(attrs)
        if errors:
            raise serializers.ValidationError(errors)
        return attrs

    def quantity_errors(self, attrs: Mapping[str, Any]) -> Errors:
        kind, quantity = attrs["type"], attrs["quantity"]
        if quantity < 0 and kind != Type.ADJUST:
            return {"quantity": ErrorDetail("Must not be negative, except for adjust.", "invalid")}
        if quantity == 0 and kind != Type.COUNT:
            return {"quantity": ErrorDetail("Must not be zero, except for count.", "zero")}
        return {}

    def waste_errors(self, attrs: Mapping[str, Any]) -> Errors:
        why = attrs.get("waste_reason")
        if why and attrs["type"] != Type.WASTE:
            return {"waste_reason": ErrorDetail("Only allowed for waste.", "no_waste")}
        if why == WasteReason.OTHER and not attrs.get("reason", "").strip():
            return {"reason": ErrorDetail("Required for this reason of waste.", "required")}
        return {}

    def store_errors(self, attrs: Mapping[str, Any]) -> Errors:
        other, is_transfer = attrs.get("to_store"), attrs["type"] == Type.TRANSFER_OUT
        if is_transfer and other is None:
            return {"to_store": ErrorDetail("Required for transfer_out.", "required")}
        if other is not None and not is_transfer:
            return {"to_store": ErrorDetail("Only allowed for transfer_out.", "no_transfer")}
        if other is not None and other == attrs["store"]:
            return {"to_store": ErrorDetail("Must be another store than `store`.", "same_store")}
        return {}


class BatchedMovementInput(MovementInput):
    """A movement of a batch. Its product and stores are looked up with those of the others."""

    product = StrictUUIDField()
    store = StrictUUIDField()
    to_store = StrictUUIDField(required=False, help_text="Required for transfer_out.")


class MovementBatchInput(StrictSerializer):
    """Up to 500 stock movements, which are recorded in their order, all or none."""

    movements = BatchedMovementInput(many=True, allow_empty=False)

    def validate_movements(self, movements: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """Replace the ids of products and stores by the rows, with one query for each kind."""
        stores = Store.objects.in_bulk(list_ids(movements, "store", "to_store"))
        products = Product.objects.in_bulk(list_ids(movements, "product"))
        rows: dict[str, Mapping[Any, Any]] = {
            "product": products,
            "store": stores,
            "to_store": stores,
        }
        seen: set[Any] = set()
        errors = {}
        for index, movement in enumerate(movements):
            missing = [
                name for name in rows if name in movement and movement[name] not in rows[name]
            ]
            found = {
                name: ErrorDetail("Object does not exist.", "does_not_exist") for name in missing
            }
            if movement.get("id") in seen:
                found["id"] = ErrorDetail("Must not be repeated.", "repeated")
            seen |= {movement["id"]} if "id" in movement else set()
            if found:
                errors[index] = found
        if errors:
            raise serializers.ValidationError(errors)
        return [
            movement | {name: rows[name][movement[name]] for name in rows if name in movement}
            for movement in movements
        ]


def list_ids(movements: Iterable[Mapping[str, Any]], *names: str) -> list[Any]:
    return [movement[name] for movement in movements for name in names if name in movement]


def build_new_movement(given: Mapping[str, Any], body: Any) -> NewMovement:
    """Build the command from validated data; `body` is the raw request, for its fingerprint."""
    kind = Type(given["type"])
    return NewMovement(**{**given, "type": kind}, fingerprint=compute_fingerprint(body))


@extend_schema_field(
    {"type": "string", "pattern": r"^-?\d{1,12}(\.\d{1,3})?$", "examples": ["12", "-0.735"]}
)
class SumField(QuantityField):
    """A sum of quantities, which may have more digits than a single one."""


class MovementSerializer(serializers.ModelSerializer[StockMovement]):
    quantity = SumField(
        read_only=True,
        help_text="Change of the level: negative for goods that left, zero for a count without a "
        "difference.",
    )
    counted = SumField(read_only=True, allow_null=True, help_text="For count: the quantity found.")
    level_after = SumField(
        read_only=True,
        allow_null=True,
        help_text="Level after the movement. Null unless the list is of one product in one store.",
    )
    transfer = serializers.UUIDField(
        read_only=True, allow_null=True, help_text="Id shared by both sides of a transfer."
    )
    stock_transfer = serializers.UUIDField(
        read_only=True, allow_null=True, help_text="The stock transfer that made the movement."
    )

    stock_count = serializers.UUIDField(
        read_only=True,
        allow_null=True,
        help_text="The stock count that made the movement when it was closed.",
    )

    waste_reason = serializers.ChoiceField(
        choices=WasteReason.choices,
        read_only=True,
        allow_null=True,
        help_text="Of waste; `returned` for refunds without restock.",
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
            "stock_transfer",
            "stock_count",
            "reason",
            "waste_reason",
            "occurred_at",
            "order",
            "refund",
            "by",
            "created_at",
        )
        read_only_fields = fields


class MovementBatchSerializer(serializers.Serializer[Any]):
    """The movements of a batch, in their order."""

    created = serializers.IntegerField(
        read_only=True, help_text="How many are new: others were recorded before by their `id`."
    )
    movements = MovementSerializer(many=True, read_only=True)


class StockLevelInput(StrictSerializer):
    reorder_point = QuantityField(
        allow_zero=True,
        allow_null=True,
        help_text="`stock.low` is sent when the level falls to this quantity or below; null to "
        "disable.",
    )


class OpeningStockInput(StrictSerializer):
    """The first stock of a product in a store, entered in the admin."""

    store = TenantRelatedField(Store)
    quantity = QuantityField(allow_zero=True)
    reorder_point = QuantityField(allow_zero=True, allow_null=True, required=False)


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

    def to_representation(self, level: StockLevel) -> dict[str, Any]:
        """Return the fields without the cost of DRF's fields."""
        return render_stock_level(level)
