"""Serializers of orders."""

from typing import Any

from rest_framework import serializers

from orders.models import Order
from orders.serializers.line import DiscountSerializer, LineSerializer, TaxSerializer
from orders.serializers.offline import OfflineFieldsSerializer
from orders.serializers.payment import DECLINED_HELP, DeclinedPaymentSerializer, PaymentSerializer
from orders.serializers.refund import RefundSerializer
from orders.serializers.rendering import render_order
from tenants.api.fields import ExternalReferenceMixin, MoneyField


class OrderCustomerSerializer(serializers.Serializer[Any]):
    """The customer as copied to the order; empty texts if the customer was erased."""

    id = serializers.UUIDField(allow_null=True, help_text="Null if entered without a customer.")
    name = serializers.CharField()
    email = serializers.CharField()
    tax_number = serializers.CharField()


class PaidOutCodeSerializer(serializers.Serializer[Any]):
    payment = serializers.UUIDField()
    code = serializers.CharField()


class OrderSerializer(ExternalReferenceMixin, OfflineFieldsSerializer):
    """An order. All amounts have exactly the decimals of the currency."""

    id = serializers.UUIDField()
    number = serializers.CharField()
    status = serializers.ChoiceField(choices=Order.Status.choices)
    store = serializers.UUIDField()
    register = serializers.UUIDField()
    shift = serializers.UUIDField(allow_null=True)
    cashier = serializers.UUIDField()
    customer = OrderCustomerSerializer(allow_null=True)
    note = serializers.CharField()
    external_id = serializers.CharField(allow_null=True, help_text="The id in another system.")
    lines = LineSerializer(many=True)
    discounts = DiscountSerializer(many=True)
    subtotal = MoneyField()
    discount_total = MoneyField()
    tax_total = MoneyField()
    taxes = TaxSerializer(many=True)
    cash_rounding = MoneyField(allow_negative=True)
    total = MoneyField()
    paid_total = MoneyField()
    change_total = MoneyField()
    due = MoneyField(help_text="Negative if the shop pays it out, for returned goods.")
    cash_due = MoneyField(help_text="Amount due if the rest is paid in cash.")
    refunded_total = MoneyField()
    deposit_return_total = MoneyField(
        help_text="What the customer gets for returned goods; a part of the total."
    )
    deposit_return_by = serializers.UUIDField(
        allow_null=True, help_text="The user against whose limits the returned goods count."
    )
    payments = PaymentSerializer(many=True)
    store_credit_codes = PaidOutCodeSerializer(
        many=True,
        allow_null=True,
        help_text="Full code of the store credit that was made for returned goods. Shown only in "
        "the response to the request that made it, and on the original print of the receipt if "
        "the user who made the sale prints it within 15 minutes.",
    )
    refunds = RefundSerializer(many=True)
    approved_gift = MoneyField(
        allow_null=True,
        help_text="Total discount that an approval allows for this order; null without one.",
    )
    gift_approved_by = serializers.UUIDField(allow_null=True)
    receipt_number = serializers.IntegerField(allow_null=True)
    created_at = serializers.DateTimeField()
    completed_at = serializers.DateTimeField(allow_null=True)
    version = serializers.IntegerField()

    def to_representation(self, order: Order) -> dict[str, Any]:
        return render_order(order)


class PaidOrderSerializer(OrderSerializer):
    """An order after a payment was added, with the payment if it was declined."""

    declined_payment = DeclinedPaymentSerializer(allow_null=True, help_text=DECLINED_HELP)
