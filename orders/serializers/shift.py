"""Serializers of shifts, cash movements and X and Z reports."""

from decimal import Decimal
from typing import Any

from drf_spectacular.utils import extend_schema_serializer
from rest_framework import serializers

from orders.models import CashMovement, Payment, Shift
from orders.services.shifts.close import ShiftCount
from tenants.api.fields import (
    MoneyField,
    StrictCharField,
    StrictChoiceField,
    StrictIntegerField,
    StrictUUIDField,
)
from tenants.api.serializers import StrictSerializer

MAX_DENOMINATIONS = 50


class ShiftInput(StrictSerializer):
    """A shift to open. `opening_float` defaults to the cash last counted at the register."""

    id = StrictUUIDField(required=False)
    register = StrictUUIDField(required=False)
    opening_float = MoneyField(required=False)


class CashMovementInput(StrictSerializer):
    """A cash movement. `no_sale` opens the drawer without an amount."""

    id = StrictUUIDField(required=False)
    type = StrictChoiceField(choices=CashMovement.Type.values)
    amount = MoneyField(required=False)
    reason = StrictCharField(max_length=200, trim_whitespace=True)
    approval = StrictUUIDField(required=False)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        amount = attrs.setdefault("amount", Decimal(0))
        if bool(amount) == (attrs["type"] == CashMovement.Type.NO_SALE):
            rule = "Must be zero for no_sale." if amount else "Must be greater than zero."
            raise serializers.ValidationError({"amount": [rule]}, code="min_value")
        return attrs


class CountedInput(StrictSerializer):
    """A counted amount. Negative if refunds exceed payments; never negative for cash."""

    max_items = len(Payment.Method.values)

    method = StrictChoiceField(choices=Payment.Method.choices)
    amount = MoneyField(allow_negative=True)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if attrs["method"] == Payment.Method.CASH and attrs["amount"] < 0:
            raise serializers.ValidationError({"amount": ["Must not be negative."]}, "min_value")
        return attrs


class DenominationInput(StrictSerializer):
    """The number of coins or notes of one value."""

    max_items = MAX_DENOMINATIONS

    value = MoneyField(allow_zero=False)
    count = StrictIntegerField(min_value=0, max_value=1_000_000)


class CloseInput(StrictSerializer):
    """Counted amounts: at least cash, as a sum or by coins and notes."""

    counted = CountedInput(many=True, required=False)
    denominations = DenominationInput(many=True, required=False)
    note = StrictCharField(max_length=500, multiline=True, allow_blank=True, required=False)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        counted = attrs.get("counted", [])
        by_method = {each["method"]: each["amount"] for each in counted}
        if len(by_method) < len(counted):
            raise serializers.ValidationError(
                {"counted": ["Each method may appear only once."]}, code="duplicate"
            )
        return {
            "count": ShiftCount(
                counted=by_method,
                denominations=tuple(attrs.get("denominations", ())),
                note=attrs.get("note", ""),
            )
        }


class CashMovementSerializer(serializers.ModelSerializer[CashMovement]):
    amount = MoneyField(read_only=True)

    class Meta:
        model = CashMovement
        fields = ("id", "shift", "type", "amount", "reason", "by", "approved_by", "created_at")
        read_only_fields = fields


@extend_schema_serializer(component_name="CountedMethod")
class CountedSerializer(serializers.Serializer[Any]):
    """Expected and counted amount of a method. `counted` is null if it was not counted."""

    method = serializers.ChoiceField(choices=Payment.Method.choices)
    expected = serializers.CharField()
    counted = serializers.CharField(allow_null=True)
    difference = serializers.CharField()


class DenominationSerializer(serializers.Serializer[Any]):
    value = serializers.CharField()
    count = serializers.IntegerField()


class ShiftSerializer(serializers.ModelSerializer[Shift]):
    """A shift of a cash drawer. `counted` has the variance by method once it is closed."""

    opening_float = MoneyField(read_only=True)
    counted = CountedSerializer(many=True, read_only=True)
    denominations = DenominationSerializer(many=True, read_only=True)

    class Meta:
        model = Shift
        fields = (
            "id",
            "register",
            "store",
            "status",
            "opening_float",
            "opened_by",
            "opened_at",
            "ended_by",
            "ended_at",
            "closed_by",
            "closed_at",
            "counted",
            "denominations",
            "note",
            "z_number",
            "version",
        )
        read_only_fields = fields

    opened_at = serializers.DateTimeField(source="created_at", read_only=True)


@extend_schema_serializer(component_name="Sold")
class SalesTotalsSerializer(serializers.Serializer[Any]):
    count = serializers.IntegerField()
    subtotal = serializers.CharField()
    discount_total = serializers.CharField()
    tax_total = serializers.CharField()
    cash_rounding = serializers.CharField()
    total = serializers.CharField()


@extend_schema_serializer(component_name="LateIn")
class LateSalesOfShiftSerializer(serializers.Serializer[Any]):
    shift = serializers.UUIDField(allow_null=True)
    count = serializers.IntegerField()
    total = serializers.CharField()


@extend_schema_serializer(component_name="Late")
class LateSalesSerializer(serializers.Serializer[Any]):
    """Offline sales that were uploaded late, by the shift in which they were made."""

    count = serializers.IntegerField()
    total = serializers.CharField()
    of = LateSalesOfShiftSerializer(many=True)


@extend_schema_serializer(component_name="TakenBack")
class RefundTotalsSerializer(serializers.Serializer[Any]):
    count = serializers.IntegerField()
    tax_total = serializers.CharField()
    cash_rounding = serializers.CharField()
    total = serializers.CharField()


@extend_schema_serializer(component_name="Taxed")
class TaxTotalSerializer(serializers.Serializer[Any]):
    name = serializers.CharField()
    percent = serializers.CharField()
    included = serializers.BooleanField()
    taxable = serializers.CharField()
    amount = serializers.CharField()


@extend_schema_serializer(component_name="Carried")
class CarriedOverSerializer(serializers.Serializer[Any]):
    """Open orders, and payments that belong to sales of other shifts."""

    open_orders = serializers.IntegerField()
    paid_ahead = serializers.CharField()
    paid_before = serializers.CharField()


@extend_schema_serializer(component_name="Paid")
class MethodTotalsSerializer(serializers.Serializer[Any]):
    """Payments of one method. `canceled` was paid back before the sale, `refunded` after it, less
    refunds that failed in this shift."""

    method = serializers.ChoiceField(choices=Payment.Method.choices)
    count = serializers.IntegerField()
    amount = serializers.CharField()
    canceled = serializers.CharField()
    refunded = serializers.CharField()


@extend_schema_serializer(component_name="Drawer")
class CashTotalsSerializer(serializers.Serializer[Any]):
    opening_float = serializers.CharField()
    payments = serializers.CharField()
    canceled = serializers.CharField()
    refunds = serializers.CharField()
    paid_in = serializers.CharField()
    paid_out = serializers.CharField()
    drops = serializers.CharField()
    no_sales = serializers.IntegerField()
    expected = serializers.CharField()


class ExpectedSerializer(serializers.Serializer[Any]):
    method = serializers.ChoiceField(choices=Payment.Method.choices)
    amount = serializers.CharField()


class XReportSerializer(serializers.Serializer[Any]):
    """The shift so far. Expected amounts are null for users who must count blind."""

    shift = serializers.UUIDField()
    sales = SalesTotalsSerializer()
    late_sales = LateSalesSerializer(required=False)
    refunds = RefundTotalsSerializer()
    failed_refunds = RefundTotalsSerializer(
        required=False,
        help_text="Refunds of any shift that failed after they were completed. They are part of "
        "`refunds` of the shift in which they were made.",
    )
    taxes = TaxTotalSerializer(many=True)
    carried = CarriedOverSerializer(allow_null=True)
    payments = MethodTotalsSerializer(many=True, allow_null=True)
    cash = CashTotalsSerializer(allow_null=True)
    expected = ExpectedSerializer(many=True, allow_null=True)


class ZReportSerializer(XReportSerializer):
    """The final report of a shift; it never changes."""

    z_number = serializers.IntegerField()
    register = serializers.UUIDField()
    store = serializers.UUIDField()
    currency = serializers.CharField()
    opened_at = serializers.CharField()
    opened_by = serializers.UUIDField()
    ended_at = serializers.CharField()
    ended_by = serializers.UUIDField()
    closed_at = serializers.CharField()
    closed_by = serializers.UUIDField()
    counted = CountedSerializer(many=True)
    denominations = DenominationSerializer(many=True)
    note = serializers.CharField()
    receipt_profile = serializers.CharField(
        required=False, help_text="Hash of the receipt profile, if the store has one."
    )
