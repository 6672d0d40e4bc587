"""Serializers of refunds and store credit."""

from typing import Any

from drf_spectacular.utils import extend_schema_serializer
from rest_framework import serializers

from orders.models import Payment, Payout, Refund, StoreCredit, StoreCreditEntry
from orders.serializers.rendering import render_refund
from orders.services.pricing.basket import MAX_LINES
from orders.services.refunds.lines import RefundLineRequest
from tenants.api.fields import (
    MoneyField,
    QuantityField,
    StrictBooleanField,
    StrictCharField,
    StrictChoiceField,
    StrictUUIDField,
)
from tenants.api.serializers import StrictSerializer


@extend_schema_serializer(component_name="LineBackInput")
class RefundLineInput(StrictSerializer):
    """A quantity of an order line. Set `restock` to false if it cannot be sold again."""

    max_items = MAX_LINES

    line = StrictUUIDField()
    quantity = QuantityField()
    restock = StrictBooleanField(required=False)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        return {"wanted": RefundLineRequest(**attrs)}


class RefundInput(StrictSerializer):
    """A refund of some lines, of an amount without goods, or of everything that is left.

    Without `method` the money goes back to the original payments. For store credit, `reference`
    is the code of an existing one to credit; without it a new store credit is issued. For a card
    that a stand-alone reader has charged, `reference` is required: the reference of the refund at
    the reader.
    """

    id = StrictUUIDField(required=False)
    lines = RefundLineInput(many=True, required=False, allow_empty=False)
    amount = MoneyField(required=False, allow_zero=False)
    method = StrictChoiceField(choices=Payment.Method.choices, required=False)
    reference = StrictCharField(max_length=64, allow_blank=True, required=False)
    reason = StrictCharField(max_length=200, trim_whitespace=True)
    register = StrictUUIDField(required=False)
    approval = StrictUUIDField(required=False)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        lines = tuple(each["wanted"] for each in attrs.get("lines", ()))
        if len({each.line for each in lines}) < len(lines):
            raise serializers.ValidationError(
                {"lines": ["Each line may appear only once."]}, code="duplicate"
            )
        return attrs | {"lines": lines}


class ResolveInput(StrictSerializer):
    """Refund method for the part that a card has declined; not a card."""

    method = StrictChoiceField(
        choices=[each for each in Payment.Method.choices if each[0] != Payment.Method.CARD],
        required=False,
    )
    reference = StrictCharField(max_length=64, allow_blank=True, required=False)
    approval = StrictUUIDField(
        required=False,
        help_text="Approval for an amount above one's own limit.",
    )


class RefundTaxSerializer(serializers.Serializer[Any]):
    name = serializers.CharField()
    percent = serializers.CharField()
    included = serializers.BooleanField()
    compound = serializers.BooleanField()
    taxable = MoneyField()
    amount = MoneyField()


class RefundLineSerializer(serializers.Serializer[Any]):
    line = serializers.UUIDField()
    quantity = serializers.CharField()
    total = MoneyField()
    tax_total = MoneyField()
    restock = serializers.BooleanField()


class PayoutSerializer(serializers.Serializer[Any]):
    """A part of the refund. `paid` is the money paid out for `amount`: cash is rounded to coins."""

    id = serializers.UUIDField()
    payment = serializers.UUIDField(
        allow_null=True,
        help_text="The refunded payment; null for what the customer had paid with returned goods.",
    )
    method = serializers.ChoiceField(choices=Payment.Method.choices)
    entry = serializers.ChoiceField(
        choices=Payment.Entry.choices,
        allow_null=True,
        help_text="For cards: refunded by the `gateway`, or by staff at the `external` reader.",
    )
    status = serializers.ChoiceField(choices=Payout.Status.choices)
    amount = MoneyField()
    paid = MoneyField()
    reference = serializers.CharField(
        help_text="For store credit, `****` and the last four characters of its code."
    )
    reader = serializers.UUIDField(
        allow_null=True,
        help_text="The card reader that waits for the card, which `refunds/{id}/cancel/` stops.",
    )


class IssuedCodeSerializer(serializers.Serializer[Any]):
    payout = serializers.UUIDField()
    code = serializers.CharField()


class RefundSerializer(serializers.Serializer[Any]):
    """A full or partial refund of an order."""

    id = serializers.UUIDField()
    order = serializers.UUIDField()
    status = serializers.ChoiceField(choices=Refund.Status.choices)
    register = serializers.UUIDField()
    shift = serializers.UUIDField(allow_null=True)
    lines = RefundLineSerializer(many=True)
    payouts = PayoutSerializer(many=True)
    store_credit_codes = IssuedCodeSerializer(
        many=True,
        allow_null=True,
        help_text="Full codes of the store credits that this refund issued. Shown only in the "
        "response to the request that issued them, and on the original print of the receipt if "
        "the user who made the refund prints it within 15 minutes.",
    )
    tax_total = MoneyField()
    taxes = RefundTaxSerializer(many=True)
    cash_rounding = MoneyField(allow_negative=True)
    total = MoneyField()
    reason = serializers.CharField()
    by = serializers.UUIDField()
    approved_by = serializers.UUIDField(allow_null=True)
    receipt_number = serializers.IntegerField(allow_null=True)
    created_at = serializers.DateTimeField()
    completed_at = serializers.DateTimeField(allow_null=True)
    reversed_at = serializers.DateTimeField(
        allow_null=True,
        help_text="Set if it failed after it was completed: the bank rejected the payout to a "
        "card. Its amounts are subtracted from then on, and the customer has to be paid otherwise.",
    )
    version = serializers.IntegerField()

    def to_representation(self, refund: Refund) -> dict[str, Any]:
        return render_refund(refund)


class StoreCreditInput(StrictSerializer):
    """A gift card or goodwill credit. Without `code` one is generated."""

    id = StrictUUIDField(required=False)
    amount = MoneyField(allow_zero=False)
    code = StrictCharField(max_length=64, trim_whitespace=True, required=False)
    customer_name = StrictCharField(max_length=100, allow_blank=True, required=False)
    reason = StrictCharField(max_length=200, allow_blank=True, required=False)


class StoreCreditEntrySerializer(serializers.ModelSerializer[StoreCreditEntry]):
    amount = MoneyField(read_only=True, allow_negative=True)

    class Meta:
        model = StoreCreditEntry
        fields = ("id", "type", "amount", "reason", "payment", "refund", "by", "created_at")
        read_only_fields = fields


class StoreCreditSerializer(serializers.ModelSerializer[StoreCredit]):
    code = serializers.CharField(
        source="masked_code", read_only=True, help_text="`****` and the last four characters."
    )
    balance = MoneyField(read_only=True)

    class Meta:
        model = StoreCredit
        fields: tuple[str, ...] = (
            "id",
            "code",
            "balance",
            "customer_name",
            "is_active",
            "created_at",
            "version",
        )
        read_only_fields = fields


class IssuedStoreCreditSerializer(StoreCreditSerializer):
    """A newly issued store credit with its full code, which is not shown again."""

    full_code = serializers.CharField(
        allow_null=True,
        read_only=True,
        help_text="The code to pay with. Null if the request is repeated.",
    )

    class Meta(StoreCreditSerializer.Meta):
        fields = (*StoreCreditSerializer.Meta.fields, "full_code")
        read_only_fields = fields


class ReasonInput(StrictSerializer):
    reason = StrictCharField(max_length=200, allow_blank=True, required=False)
