"""Serializers of stock transfers."""

from collections.abc import Sequence
from typing import Any

from rest_framework import serializers
from rest_framework.exceptions import ErrorDetail

from orders.models import Product, StockMovement, StockTransfer, StockTransferLine
from orders.serializers.stock import MANUAL_REASONS, SumField
from orders.serializers.stock_count import MAX_CODE_LENGTH, load_codes
from orders.services.stock.transfers import TransferItem
from tenants.api.fields import (
    QuantityField,
    StrictBooleanField,
    StrictCharField,
    StrictChoiceField,
    StrictUUIDField,
)
from tenants.api.serializers import StrictSerializer, TenantRelatedField
from tenants.models import Store


class StockTransferChangeInput(StrictSerializer):
    note = StrictCharField(max_length=200, allow_blank=True, required=False)


class StockTransferInput(StockTransferChangeInput):
    from_store = TenantRelatedField(Store)
    to_store = TenantRelatedField(Store)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if attrs["from_store"] == attrs["to_store"]:
            error = ErrorDetail("Must be another store than `from_store`.", "same_store")
            raise serializers.ValidationError({"to_store": error})
        return attrs


class TransferItemInput(StrictSerializer):
    """A product, by its `product` id or by a scanned `code`."""

    product = StrictUUIDField(required=False)
    code = StrictCharField(
        max_length=MAX_CODE_LENGTH, required=False, help_text="A barcode or a SKU."
    )
    quantity = QuantityField(allow_zero=True)
    add = StrictBooleanField(
        default=False, help_text="Add the quantity to the one that was saved before."
    )

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if ("product" in attrs) == ("code" in attrs):
            error = ErrorDetail("Enter either a product or a code.", "required")
            raise serializers.ValidationError({"product": error})
        return attrs


class ArrivedItemInput(TransferItemInput):
    loss_reason = StrictChoiceField(
        choices=[each.value for each in MANUAL_REASONS],
        required=False,
        help_text="Why less has arrived than was sent; defaults to `missing`.",
    )


def find_items(lines: Sequence[dict[str, Any]]) -> list[TransferItem]:
    """Find the products of the lines, with a fixed number of queries."""
    products = Product.objects.in_bulk([each["product"] for each in lines if "product" in each])
    find = load_codes([each["code"] for each in lines if "code" in each])
    items: list[TransferItem] = []
    seen: set[Any] = set()
    errors = {}
    for index, each in enumerate(lines):
        field = "code" if "code" in each else "product"
        product = find(each["code"]) if field == "code" else products.get(each["product"])
        if product is None:
            errors[index] = {field: ErrorDetail("Object does not exist.", "does_not_exist")}
        elif product.pk in seen:
            errors[index] = {field: ErrorDetail("Must not be repeated.", "repeated")}
        else:
            seen.add(product.pk)
            why = each.get("loss_reason")
            items.append(TransferItem(product, each["quantity"], each["add"], loss_reason=why))
    if errors:
        raise serializers.ValidationError(errors)
    return items


class TransferLinesInput(StrictSerializer):
    """Up to 500 products to send, which are saved all or none."""

    lines = TransferItemInput(many=True, allow_empty=False)

    def validate_lines(self, lines: list[dict[str, Any]]) -> list[TransferItem]:
        return find_items(lines)


class ArrivedLinesInput(StrictSerializer):
    """Up to 500 products that have arrived, which are saved all or none."""

    lines = ArrivedItemInput(many=True, allow_empty=False)

    def validate_lines(self, lines: list[dict[str, Any]]) -> list[TransferItem]:
        return find_items(lines)


class StockTransferReceiveInput(StrictSerializer):
    unchecked = StrictChoiceField(
        choices=StockTransfer.Unchecked.values,
        help_text="Whether products that nobody has checked arrived as they were sent (`as_sent`) "
        "or did not arrive (`missing`).",
    )


class StockTransferSerializer(serializers.ModelSerializer[StockTransfer]):
    line_count = serializers.IntegerField(read_only=True, help_text="How many products it has.")

    class Meta:
        model = StockTransfer
        fields = (
            *("id", "from_store", "to_store", "note", "status", "line_count", "created_by"),
            *("sent_by", "sent_at", "ended_by", "ended_at", "version", "created_at", "updated_at"),
        )
        read_only_fields = fields


class StockTransferLineSerializer(serializers.ModelSerializer[StockTransferLine]):
    sent_quantity = SumField(source="sent", read_only=True)
    received_quantity = SumField(
        source="received",
        read_only=True,
        allow_null=True,
        help_text="What has arrived; null until somebody has checked it.",
    )
    quantity_difference = SumField(
        source="difference",
        read_only=True,
        allow_null=True,
        help_text="Received less sent: negative for a loss.",
    )
    loss_reason = serializers.ChoiceField(
        choices=StockMovement.WasteReason.choices,
        read_only=True,
        allow_null=True,
        help_text="Why less has arrived; null means `missing`.",
    )

    class Meta:
        model = StockTransferLine
        fields = (
            *("id", "transfer", "product", "sent_quantity", "received_quantity"),
            *("quantity_difference", "loss_reason", "checked_by", "checked_at", "version"),
        )
        read_only_fields = fields


class TransferLinesSerializer(serializers.Serializer[Any]):
    """The transfer and the lines of the request, in their order."""

    stock_transfer = StockTransferSerializer(read_only=True)
    lines = StockTransferLineSerializer(many=True, read_only=True)
