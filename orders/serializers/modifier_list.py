"""Input and output of modifier lists."""

from typing import Any

from rest_framework import serializers
from rest_framework.exceptions import ErrorDetail

from orders.models import Modifier, ModifierList, Product
from tenants.api.fields import (
    MoneyField,
    StrictBooleanField,
    StrictCharField,
    StrictIntegerField,
    StrictUUIDField,
)
from tenants.api.serializers import StrictSerializer, TenantRelatedField

MAX_MODIFIERS = 100
# Of one list, for one line.
MAX_CHOSEN = 100


class ModifierInput(StrictSerializer):
    """A modifier. With the `id` of one of the list it changes that one."""

    max_items = MAX_MODIFIERS

    id = StrictUUIDField(required=False)
    name = StrictCharField(max_length=100, trim_whitespace=True)
    price = MoneyField(required=False, help_text="What it adds to the price of one unit.")
    product = StrictUUIDField(
        required=False,
        allow_null=True,
        help_text="Product that it takes from stock, if that tracks stock.",
    )
    is_active = StrictBooleanField(required=False)


class ModifierListInput(StrictSerializer):
    name = StrictCharField(max_length=100, trim_whitespace=True)
    min = StrictIntegerField(
        required=False,
        min_value=0,
        max_value=MAX_CHOSEN,
        help_text="How many modifiers must be chosen. 0, the default: the list is optional.",
    )
    max = StrictIntegerField(
        required=False,
        allow_null=True,
        min_value=1,
        max_value=MAX_CHOSEN,
        help_text="How many modifiers can be chosen. Null, the default: any number.",
    )
    allow_quantity = StrictBooleanField(
        required=False,
        help_text="Whether the same modifier can be chosen several times. Each time counts for "
        "`min` and `max`.",
    )
    is_active = StrictBooleanField(required=False)
    modifiers = ModifierInput(
        many=True,
        allow_empty=False,
        help_text="All modifiers in their order. Modifiers of the list that are left out are "
        "deleted; past sales keep them.",
    )

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Replace the ids of products by the products, which are loaded with one query."""
        modifiers = attrs.get("modifiers", ())
        ids = {id for each in modifiers if (id := each.get("product"))}
        products = Product.objects.in_bulk(ids) if ids else {}
        if unknown := ids - products.keys():
            detail = {"product": [ErrorDetail("Object does not exist.", "does_not_exist")]}
            errors = [detail if each.get("product") in unknown else {} for each in modifiers]
            raise serializers.ValidationError({"modifiers": errors})
        for each in modifiers:
            if id := each.get("product"):
                each["product"] = products[id]
        return attrs


class ModifierSerializer(serializers.ModelSerializer[Modifier]):
    price = MoneyField(read_only=True)
    product: Any = TenantRelatedField(Product, read_only=True, allow_null=True)

    class Meta:
        model = Modifier
        fields = ("id", "name", "price", "product", "is_active")
        read_only_fields = fields


class ModifierListSerializer(serializers.ModelSerializer[ModifierList]):
    modifiers = ModifierSerializer(many=True, read_only=True, source="loaded_modifiers")

    class Meta:
        model = ModifierList
        fields = (
            "id",
            "name",
            "min",
            "max",
            "allow_quantity",
            "is_active",
            "modifiers",
            "version",
            "updated_at",
        )
        read_only_fields = fields
