"""Serializers of payments outside of their orders."""

from typing import Any

from rest_framework import serializers

from orders.models import Payment
from orders.serializers.order import OrderSerializer, PaymentSerializer
from orders.serializers.rendering import AmountFormatter, render_payment
from tenants.api.fields import MoneyField
from tenants.scope import current_tenant


class DeclinedPaymentSerializer(serializers.Serializer[Any]):
    """A payment that was declined, and why."""

    id = serializers.UUIDField()
    method = serializers.ChoiceField(choices=Payment.Method.choices)
    amount = MoneyField()
    reason = serializers.CharField()


DECLINED_HELP = "The payment if it was declined; null if it was captured or is still open."


class PaidOrderSerializer(OrderSerializer):
    """An order after a payment was added, with the payment if it was declined."""

    declined_payment = DeclinedPaymentSerializer(allow_null=True, help_text=DECLINED_HELP)


class PaymentDetailSerializer(PaymentSerializer):
    """A payment with its order, register and card reader."""

    order = serializers.UUIDField()
    register = serializers.UUIDField()
    reader = serializers.UUIDField(allow_null=True, help_text="The card reader that charges it.")
    late_capture = serializers.ChoiceField(
        choices=Payment.LateCapture.choices,
        allow_null=True,
        help_text="Set if money was captured after the payment was declined or canceled. It is "
        "returned automatically.",
    )
    declined_payment = DeclinedPaymentSerializer(allow_null=True, help_text=DECLINED_HELP)

    def to_representation(self, payment: Payment) -> dict[str, Any]:
        amounts = AmountFormatter(current_tenant().currency_exponent)
        return render_payment(payment, payment.order, amounts) | {
            "order": str(payment.order_id),
            "register": str(payment.order.register_id),
            "reader": payment.reader_id and str(payment.reader_id),
            "late_capture": payment.late_capture or None,
            "declined_payment": render_declined(payment),
        }


def render_declined(payment: Payment) -> dict[str, Any] | None:
    if payment.status != Payment.Status.DECLINED:
        return None
    return {
        "id": str(payment.pk),
        "method": payment.method,
        "amount": str(current_tenant().quantize_amount(payment.amount)),
        "reason": payment.reason,
    }
