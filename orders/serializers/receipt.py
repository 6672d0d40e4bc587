"""Shape of a receipt as data."""

from typing import Any

from rest_framework import serializers

from orders.services import ReceiptContent


class ReceiptRowSerializer(serializers.Serializer[Any]):
    words = serializers.CharField()
    amount = serializers.CharField()
    is_detail = serializers.BooleanField()


class ReceiptSerializer(serializers.Serializer[Any]):
    """What the receipt says, row by row, ready to be shown; `sold_at` is the store's time."""

    shop = serializers.CharField()
    store = serializers.CharField()
    address = serializers.CharField()
    register = serializers.CharField()
    number = serializers.IntegerField()
    order = serializers.CharField()
    order_id = serializers.UUIDField()
    cashier = serializers.CharField()
    sold_at = serializers.SerializerMethodField()
    currency = serializers.CharField()
    lines = ReceiptRowSerializer(many=True)
    totals = ReceiptRowSerializer(many=True)
    payments = ReceiptRowSerializer(many=True)
    taxes = ReceiptRowSerializer(many=True)

    def get_sold_at(self, receipt: ReceiptContent) -> str:
        return receipt.sold_at.isoformat(timespec="seconds")
