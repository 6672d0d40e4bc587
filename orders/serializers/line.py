"""Serializers of lines of orders, with their discounts, taxes and modifiers."""

from typing import Any

from rest_framework import serializers

from orders.money import DiscountType
from tenants.api.fields import MoneyField, PercentField, QuantityField


class DiscountSerializer(serializers.Serializer[Any]):
    """A discount. `value` is its rate or nominal amount, `amount` what was deducted."""

    id = serializers.UUIDField()
    type = serializers.ChoiceField(choices=[kind.value for kind in DiscountType])
    value = serializers.CharField()
    reason = serializers.CharField()
    amount = MoneyField()


class TaxSerializer(serializers.Serializer[Any]):
    name = serializers.CharField()
    percent = PercentField()
    included = serializers.BooleanField()
    compound = serializers.BooleanField()
    taxable = MoneyField(
        help_text="Amount that the rate was applied to; for a compound tax it includes the earlier "
        "taxes."
    )
    amount = MoneyField()


class ScanSerializer(serializers.Serializer[Any]):
    """What the scanned code of a line says."""

    scanned_code = serializers.CharField(
        help_text="The code by which the product was found; empty if it was not scanned."
    )
    fixed_gross = MoneyField(
        allow_null=True,
        help_text="Price on the label of a scale, which is the `gross`. Null without such a label.",
    )
    lot = serializers.CharField(help_text="Batch by the scanned GS1 code, else empty.")
    best_before = serializers.DateField(allow_null=True)
    expires_on = serializers.DateField(allow_null=True)
    serial = serializers.CharField(help_text="Serial number by the scanned GS1 code, else empty.")


class ChosenModifierSerializer(serializers.Serializer[Any]):
    """A modifier as it was when it was chosen."""

    modifier = serializers.UUIDField(
        allow_null=True, help_text="Null for an offline sale that names none."
    )
    list = serializers.UUIDField(
        allow_null=True, help_text="Null for an offline sale with an unknown modifier."
    )
    list_name = serializers.CharField()
    name = serializers.CharField()
    price = MoneyField(help_text="What it adds to the price of one unit, each time.")
    quantity = serializers.IntegerField()
    product = serializers.UUIDField(
        allow_null=True, help_text="Product that it takes from stock, if that tracks stock."
    )


class MissingModifiersSerializer(serializers.Serializer[Any]):
    """A required modifier list of which too few are chosen."""

    list = serializers.UUIDField()
    name = serializers.CharField()
    min = serializers.IntegerField()


class ModifiersSerializer(serializers.Serializer[Any]):
    """The modifiers of a line."""

    modifiers = ChosenModifierSerializer(many=True)
    modifiers_price = MoneyField(
        help_text="What the modifiers add to `unit_price`: `gross` is the quantity times both."
    )
    missing_modifiers = MissingModifiersSerializer(
        many=True, help_text="Choose them with `modifiers` of the line before the order is paid."
    )


class LineSerializer(ScanSerializer, ModifiersSerializer):
    id = serializers.UUIDField()
    product = serializers.UUIDField(
        allow_null=True,
        help_text="Null for an offline sale of a product that the catalog does not have.",
    )
    sku = serializers.CharField()
    name = serializers.CharField()
    quantity = QuantityField()
    list_price = MoneyField(
        help_text="The price that applied when the line was added or its quantity was changed: of "
        "the price lists of the store, else that of the product."
    )
    unit_price = MoneyField(help_text="The price without modifiers.")
    deposit_for = serializers.UUIDField(
        allow_null=True,
        help_text="The line whose deposit this is. It is changed, removed and refunded with that "
        "line.",
    )
    note = serializers.CharField()
    discounts = DiscountSerializer(many=True)
    gross = MoneyField()
    discount_total = MoneyField()
    net = MoneyField()
    taxes = TaxSerializer(many=True)
    tax_total = MoneyField()
    total = MoneyField()
    refunded_quantity = QuantityField()
    refunded_total = MoneyField()
