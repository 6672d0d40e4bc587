"""Payments: their input, and their serializers in orders and outside of them."""

from typing import Any

from rest_framework import serializers
from rest_framework.exceptions import ErrorDetail

from orders.models import Payment
from orders.serializers.rendering import AmountFormatter, render_payment
from orders.services.payments.tender import NewPayment
from tenants.api.fields import MoneyField, StrictCharField, StrictChoiceField, StrictUUIDField
from tenants.api.serializers import StrictSerializer
from tenants.scope import current_tenant

MAX_PAYMENTS = 20
DECLINED_HELP = "The payment if it was declined; null if it was captured or is still open."


class PaymentInput(StrictSerializer):
    max_items = MAX_PAYMENTS

    id = StrictUUIDField(required=False)
    method = StrictChoiceField(choices=Payment.Method.choices)
    amount = MoneyField(
        required=False,
        allow_negative=True,
        help_text="Amount that the payment settles; negative where `due` is. Cash without an "
        "amount pays the rest, rounded to coins; "
        "any other cash amount must be less and payable in coins (409 `not_payable_in_cash`).",
    )
    tendered = MoneyField(
        required=False, help_text="Cash received from the customer, payable in coins."
    )
    reference = StrictCharField(max_length=100, allow_blank=True, required=False)
    entry = StrictChoiceField(
        choices=[Payment.Entry.EXTERNAL.value],
        required=False,
        help_text="`external`: a stand-alone card reader has charged the card. The payment is "
        "captured at "
        "once without the gateway; `reference` is the reference printed on the reader's slip.",
    )

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if "amount" not in attrs and attrs["method"] != Payment.Method.CASH:
            required = ErrorDetail("Required for all methods except cash.", code="required")
            raise serializers.ValidationError({"amount": [required]})
        if "entry" in attrs and attrs["method"] != Payment.Method.CARD:
            not_card = ErrorDetail("Only allowed for card payments.", code="not_card")
            raise serializers.ValidationError({"entry": [not_card]})
        return {"new": NewPayment(**attrs)}


class PaymentSerializer(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    method = serializers.ChoiceField(choices=Payment.Method.choices)
    status = serializers.ChoiceField(choices=Payment.Status.choices)
    amount = MoneyField()
    tendered = MoneyField(allow_null=True)
    change = MoneyField()
    entry = serializers.ChoiceField(
        choices=Payment.Entry.choices,
        allow_null=True,
        help_text="How the card was charged: by the `gateway`, by an `external` reader, or offline "
        "without "
        "confirmation (`unverified`). Null for other methods.",
    )
    reference = serializers.CharField(
        help_text="For store credit, `****` and the last four characters of its code."
    )
    gateway_reference = serializers.CharField()
    reason = serializers.CharField(help_text="Reason for a declined or unknown payment.")
    created_at = serializers.DateTimeField()


class DeclinedPaymentSerializer(serializers.Serializer[Any]):
    """A payment that was declined, and why."""

    id = serializers.UUIDField()
    method = serializers.ChoiceField(choices=Payment.Method.choices)
    amount = MoneyField()
    reason = serializers.CharField()


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
