"""Serializers of receipts and of receipt e-mails."""

from typing import Any

from rest_framework import serializers

from orders.services.documents.document import ReceiptContent
from orders.services.documents.refund_receipt import RefundReceipt
from orders.services.documents.sale_receipt import SaleReceipt
from tenants.api.fields import StrictCharField, StrictEmailField
from tenants.api.serializers import StrictSerializer

MAX_FISCAL_LINES = 20
MAX_FISCAL_LINE = 100
# A code of 101 x 101 modules, which is readable on paper of 58 mm.
MAX_FISCAL_QR = 700


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


class FiscalTextsSerializer(serializers.Serializer[Any]):
    """Texts of an outside signing service: lines, and the content of a QR code."""

    lines = serializers.ListField(child=serializers.CharField())
    qr = serializers.CharField()


class FiscalTextsInput(StrictSerializer):
    lines = serializers.ListField(
        child=StrictCharField(max_length=MAX_FISCAL_LINE), max_length=MAX_FISCAL_LINES, default=list
    )
    qr = StrictCharField(
        max_length=MAX_FISCAL_QR,
        allow_blank=True,
        default="",
        help_text="Printable ASCII characters.",
    )

    def validate_qr(self, qr: str) -> str:
        if not (qr.isascii() and qr.isprintable()):
            raise serializers.ValidationError("Use printable ASCII characters only.", "not_ascii")
        return qr

    def validate(self, given: dict[str, Any]) -> dict[str, Any]:
        if not (given["lines"] or given["qr"]):
            raise serializers.ValidationError({"lines": ["Enter lines or a QR text."]}, "required")
        return given


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
    fiscal = FiscalTextsSerializer(allow_null=True)
    started_at = serializers.SerializerMethodField()
    tax_rates = ReceiptTaxRateSerializer(many=True)

    def get_started_at(self, receipt: ReceiptContent) -> str:
        return receipt.started_at.isoformat(timespec="seconds")


class ReceiptSerializer(ReceiptHeaderSerializer):
    """A receipt, row by row, ready to be displayed. Its times are in the time zone of the store.

    `shop` is the legal name of the receipt profile, or the name of the shop without one.
    `order_id` is in its QR code, and `prints` is the number of prints so far.
    """

    cashier = serializers.CharField(source="names.served_by")
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
    order_register = serializers.CharField(source="names.order_register")
    served_by = serializers.CharField(source="names.served_by")
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


class RefundMailSerializer(serializers.Serializer[Any]):
    """The accepted request. The e-mail is sent later."""

    refund = serializers.UUIDField()
    email = serializers.EmailField()


class ReceiptMailSerializer(serializers.Serializer[Any]):
    """The accepted request. The e-mail is sent later."""

    order = serializers.UUIDField()
    email = serializers.EmailField()
