"""Shapes of stock and of what moves it."""

from rest_framework import serializers

from orders.models import Product, StockLevel, StockMovement
from tenants.fields import (
    QuantityField,
    StrictCharField,
    StrictChoiceField,
    StrictDateTimeField,
    StrictUUIDField,
)
from tenants.models import Store
from tenants.serializers import StrictSerializer, TenantRelatedField


class MovementInput(StrictSerializer):
    """Goods that came. `id` is the client's own, so that sending it again does nothing twice."""

    id = StrictUUIDField(required=False)
    type = StrictChoiceField(choices=[StockMovement.Type.RECEIVE.value])
    product = TenantRelatedField(Product)
    store = TenantRelatedField(Store)
    quantity = QuantityField()
    reason = StrictCharField(max_length=200, allow_blank=True, required=False)
    occurred_at = StrictDateTimeField(required=False)


class MovementSerializer(serializers.ModelSerializer[StockMovement]):
    quantity = QuantityField(
        read_only=True, allow_negative=True, help_text="Negative when goods left."
    )

    class Meta:
        model = StockMovement
        fields = (
            "id",
            "type",
            "product",
            "store",
            "quantity",
            "reason",
            "occurred_at",
            "order",
            "by",
            "created_at",
        )
        read_only_fields = fields


class StockLevelSerializer(serializers.ModelSerializer[StockLevel]):
    quantity = QuantityField(read_only=True)
    reserved = QuantityField(read_only=True)
    available = QuantityField(read_only=True)

    class Meta:
        model = StockLevel
        fields = (
            "id",
            "store",
            "product",
            "quantity",
            "reserved",
            "available",
            "version",
            "updated_at",
        )
        read_only_fields = fields
