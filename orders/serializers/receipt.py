"""Serializers of receipts and of receipt e-mails."""

from typing import Any

from rest_framework import serializers

from orders.services.documents.document import ReceiptContent
from orders.services.documents.refund_receipt import RefundReceipt
from orders.services.documents.sale_receipt import SaleReceipt
from tenants.api.fields import StrictEmailField
from tenants.api.serializers import StrictSerializer


class ReceiptRowSerializer(serializers.Serializer[Any]):
    words = serializers.CharField()
    amount = serializers.CharField()
    is_detail = serializers.BooleanField()
    is_strong = serializers.BooleanField()


class ReceiptTaxRateSerializer(serializers.Serializer[Any]):
    """Base, tax and their sum for one rate of a tax."""

    name = serializers.CharField()
    percent = serializers.CharField()
    included = serializers.BooleanField()
    base = serializers.CharField()
    tax = serializers.CharField()
    gross = serializers.CharField()


class ReceiptTaxNumberSerializer(serializers.Serializer[Any]):
    label: Any = serializers.CharField()
    number = serializers.CharField()


class ReceiptProfileVersionSerializer(serializers.Serializer[Any]):
    """The version of the receipt profile that the receipt was issued with."""

    id = serializers.UUIDField()
    version = serializers.IntegerField()


class ReceiptHeaderSerializer(serializers.Serializer[Any]):
    """The fields that sale receipts and refund receipts have in common."""

    id = serializers.UUIDField()
    prints = serializers.IntegerField()
    shop = serializers.CharField()
    store = serializers.CharField()
    address = serializers.CharField()
    tax_numbers = ReceiptTaxNumberSerializer(many=True)
    profile = ReceiptProfileVersionSerializer(allow_null=True)
    register = serializers.CharField()
    number = serializers.IntegerField()
    order = serializers.CharField()
    order_id = serializers.UUIDField()
    started_at = serializers.SerializerMethodField()
    tax_rates = ReceiptTaxRateSerializer(many=True)

    def get_started_at(self, receipt: ReceiptContent) -> str:
        return receipt.started_at.isoformat(timespec="seconds")


class ReceiptSerializer(ReceiptHeaderSerializer):
    """A receipt, row by row, ready to be displayed. Its times are in the time zone of the store.

    `shop` is the legal name of the receipt profile, or the name of the shop without one.
    `order_id` is in its QR code, and `prints` is the number of prints so far.
    """

    cashier = serializers.CharField()
    sold_at = serializers.SerializerMethodField()
    currency = serializers.CharField()
    lines = ReceiptRowSerializer(many=True)
    totals = ReceiptRowSerializer(many=True)
    payments = ReceiptRowSerializer(many=True)
    taxes = ReceiptRowSerializer(many=True)

    def get_sold_at(self, receipt: SaleReceipt) -> str:
        return receipt.sold_at.isoformat(timespec="seconds")


class RefundReceiptSerializer(ReceiptHeaderSerializer):
    """The receipt of a refund, with the order and the receipt number of the sale.

    `id` is the id of the refund.
    """

    order_receipt_number = serializers.IntegerField()
    order_register = serializers.CharField()
    served_by = serializers.CharField()
    reason = serializers.CharField()
    refunded_at = serializers.SerializerMethodField()
    currency = serializers.CharField()
    lines = ReceiptRowSerializer(many=True)
    totals = ReceiptRowSerializer(many=True)
    payouts = ReceiptRowSerializer(many=True)
    taxes = ReceiptRowSerializer(many=True)

    def get_refunded_at(self, receipt: RefundReceipt) -> str:
        return receipt.refunded_at.isoformat(timespec="seconds")


class ReceiptMailInput(StrictSerializer):
    email = StrictEmailField()


class ReceiptMailSerializer(serializers.Serializer[Any]):
    """The accepted request. The e-mail is sent later."""

    order = serializers.UUIDField()
    email = serializers.EmailField()
