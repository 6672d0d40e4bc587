"""Serializers of calculations, with the steps of each line."""

from typing import Any

from drf_spectacular.utils import (
    PolymorphicProxySerializer,
    extend_schema_field,
    extend_schema_serializer,
)
from rest_framework import serializers

from orders.money import DiscountType
from orders.serializers.line import ModifiersSerializer, ScanSerializer, TaxSerializer
from orders.serializers.rendering import render_calculation
from orders.services.pricing.basket import Basket
from tenants.api.fields import MoneyField, PercentField, QuantityField


def build_step_field(name: str) -> serializers.CharField:
    """Return a field with one value. Its class has the schema, because DRF copies fields."""
    field_class = type("StepField", (serializers.CharField,), {})
    return extend_schema_field({"type": "string", "const": name})(field_class)()


class GrossStepSerializer(serializers.Serializer[Any]):
    step = build_step_field("gross")
    quantity = QuantityField()
    unit_price = serializers.CharField(
        help_text="The price with its modifiers and all its decimals."
    )
    fixed_gross = serializers.CharField(
        allow_null=True, help_text="Price on the label of a scale. Null without such a label."
    )
    amount = MoneyField()


class DiscountStepSerializer(serializers.Serializer[Any]):
    step = build_step_field("discount")
    type = serializers.ChoiceField(choices=[kind.value for kind in DiscountType])
    value = serializers.CharField()
    amount = MoneyField()


class TaxStepSerializer(serializers.Serializer[Any]):
    step = build_step_field("tax")
    name = serializers.CharField()
    percent = PercentField()
    base = serializers.CharField(
        help_text="The taxed amount, with six decimals more than an amount of money."
    )
    exact = serializers.CharField(help_text="The tax before rounding, with as many decimals.")
    amount = MoneyField()


class OrderDiscountStepSerializer(serializers.Serializer[Any]):
    step = build_step_field("order_discount")
    amount = MoneyField()


class NetStepSerializer(serializers.Serializer[Any]):
    step = build_step_field("net")
    amount = MoneyField()


class TotalStepSerializer(serializers.Serializer[Any]):
    step = build_step_field("total")
    amount = MoneyField()


TRACE_STEPS = {
    "gross": GrossStepSerializer,
    "discount": DiscountStepSerializer,
    "order_discount": OrderDiscountStepSerializer,
    "net": NetStepSerializer,
    "tax": TaxStepSerializer,
    "total": TotalStepSerializer,
}


@extend_schema_field(
    PolymorphicProxySerializer("TraceStep", TRACE_STEPS, resource_type_field_name="step", many=True)
)
class TraceField(serializers.ListField):
    """The steps by which the total of a line was computed."""


class PricedLineSerializer(ScanSerializer, ModifiersSerializer):
    """A line as the order would have it, before it is saved."""

    product = serializers.UUIDField()
    sku = serializers.CharField()
    name = serializers.CharField()
    is_deposit = serializers.BooleanField(help_text="Whether it is the deposit of the line before.")
    quantity = QuantityField()
    list_price = MoneyField()
    unit_price = MoneyField()
    gross = MoneyField()
    discount_total = MoneyField()
    net = MoneyField()
    taxes = TaxSerializer(many=True)
    tax_total = MoneyField()
    total = MoneyField()
    trace = TraceField()


@extend_schema_serializer(deprecate_fields=["cash_total"])
class CalculationSerializer(serializers.Serializer[Any]):
    """The price of an order with a trace of the calculation of each line."""

    lines = PricedLineSerializer(many=True)
    subtotal = MoneyField()
    discount_total = MoneyField()
    tax_total = MoneyField()
    taxes = TaxSerializer(many=True)
    total = MoneyField()
    cash_due = MoneyField(help_text="Amount due if it is paid in cash, as in the order.")
    cash_total = MoneyField(help_text="The former name of `cash_due`.")

    def to_representation(self, basket: Basket) -> dict[str, Any]:
        return render_calculation(basket)
