"""Serializers of products, categories and tax classes."""

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers
from rest_framework.exceptions import ErrorDetail

from orders.codes import normalize_plu
from orders.models import Category, ModifierList, Product, TaxClass
from orders.models.catalog import MAX_PLU_LENGTH
from orders.models.variant_options import MAX_OPTION_LENGTH, MAX_OPTIONS
from orders.money import ContentUnit, TaxRate
from orders.serializers.rendering import render_product
from tenants.api.fields import (
    ExternalIdField,
    ExternalReferenceMixin,
    MetadataField,
    MoneyField,
    PercentField,
    QuantityField,
    StrictBooleanField,
    StrictCharField,
    StrictChoiceField,
)
from tenants.api.serializers import StrictSerializer, TenantRelatedField
from tenants.scope import current_tenant

MAX_BARCODES = 50
PRICED_UNITS = ("kg", "l", "m", "m2", "piece", "lb")
MAX_RATES = 10
MAX_MODIFIER_LISTS = 20


class TaxRateInput(StrictSerializer):
    """A tax rate. `included` defaults to the shop's `prices_include_tax`."""

    max_items = MAX_RATES

    name = StrictCharField(max_length=50)
    percent = PercentField()
    included = StrictBooleanField(required=False)
    compound = StrictBooleanField(default=False)


class TaxRateSerializer(serializers.Serializer[TaxRate]):
    name = serializers.CharField(read_only=True)
    percent = PercentField(read_only=True)
    included = serializers.BooleanField(read_only=True)
    compound = serializers.BooleanField(read_only=True)


class TaxClassInput(StrictSerializer):
    name = StrictCharField(max_length=100, trim_whitespace=True)
    rates = TaxRateInput(many=True)

    def validate_rates(self, rates: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """Return the rates as they are stored: JSON, with percents as strings."""
        prices_include_tax = current_tenant().prices_include_tax
        return [
            {
                "name": rate["name"],
                "percent": str(rate["percent"]),
                "included": rate.get("included", prices_include_tax),
                "compound": rate["compound"],
            }
            for rate in rates
        ]


class TaxClassSerializer(serializers.ModelSerializer[TaxClass]):
    rates = TaxRateSerializer(many=True, read_only=True, source="tax_rates")

    class Meta:
        model = TaxClass
        fields = ("id", "name", "rates", "version", "updated_at")
        read_only_fields = fields


class CategoryInput(StrictSerializer):
    name = StrictCharField(max_length=100, trim_whitespace=True)


class CategorySerializer(serializers.ModelSerializer[Category]):
    class Meta:
        model = Category
        fields = ("id", "name", "version", "updated_at")
        read_only_fields = fields


class PluField(StrictCharField):
    """Digits without leading zeros, as they are compared."""

    default_error_messages = {"not_digits": "Enter digits that are not all zeros."}

    def __init__(self, **kwargs: Any) -> None:
        help_text = "Number on labels of scales; leading zeros are removed."
        super().__init__(max_length=MAX_PLU_LENGTH, help_text=help_text, **kwargs)

    def to_internal_value(self, data: Any) -> str:
        text = super().to_internal_value(data)
        plu = normalize_plu(text) if text.isascii() and text.isdigit() else ""
        return plu or self.fail("not_digits")


@extend_schema_field(
    {
        "type": "object",
        "additionalProperties": {"type": "string", "maxLength": MAX_OPTION_LENGTH},
        "maxProperties": MAX_OPTIONS,
    }
)
class OptionsField(serializers.DictField):
    """Options as pairs of name and value, in the order of the request."""

    default_error_messages = {"max": "At most {maximum} options."}

    def __init__(self, **kwargs: Any) -> None:
        text = StrictCharField(max_length=MAX_OPTION_LENGTH, trim_whitespace=True)
        super().__init__(child=text, **kwargs)

    def to_internal_value(self, data: Any) -> Any:
        if isinstance(data, dict) and len(data) > MAX_OPTIONS:
            self.fail("max", maximum=MAX_OPTIONS)
        names = [self.child.run_validation(name) for name in data] if isinstance(data, dict) else []
        values = super().to_internal_value(data)
        return [list(pair) for pair in zip(names, values.values(), strict=True)] or None


class ProductInput(StrictSerializer):
    sku = StrictCharField(max_length=64)
    name = StrictCharField(
        max_length=200,
        trim_whitespace=True,
        required=False,
        help_text="Required, unless it is a variant: then it is named after parent and options.",
    )
    price = MoneyField(
        required=False, help_text="Required, unless it is a variant: then it is its parent's."
    )
    barcodes = serializers.ListField(
        child=StrictCharField(max_length=64), max_length=MAX_BARCODES, required=False
    )
    tax_class = TenantRelatedField(TaxClass, required=False, allow_null=True)
    category = TenantRelatedField(Category, required=False, allow_null=True)
    sold_by = StrictChoiceField(choices=Product.SoldBy.values, required=False)
    open_price = StrictBooleanField(required=False)
    track_stock = StrictBooleanField(required=False)
    is_active = StrictBooleanField(required=False)
    plu = PluField(required=False, allow_null=True)
    weight_unit = StrictChoiceField(choices=Product.WeightUnit.values, required=False)
    deposit = TenantRelatedField(
        Product,
        required=False,
        allow_null=True,
        help_text="Product that is charged with every unit of this one. It has no deposit itself.",
    )
    returnable = StrictBooleanField(
        required=False,
        help_text="Whether customers bring it back for its price, such as an empty bottle.",
    )
    modifier_lists = TenantRelatedField(
        ModifierList,
        many=True,
        max_length=MAX_MODIFIER_LISTS,
        required=False,
        help_text="What is chosen at the sale, in this order.",
    )
    parent = TenantRelatedField(
        Product,
        required=False,
        allow_null=True,
        help_text="Product that this is a variant of. It is not sold itself.",
    )
    external_id = ExternalIdField()
    metadata = MetadataField()
    options = OptionsField(
        required=False,
        help_text="Values by option. All variants of a product have the same options.",
    )

    cost = MoneyField(
        required=False,
        allow_null=True,
        help_text="What the shop pays for one unit. `products/{id}/cost/` shows it to managers.",
    )
    content = QuantityField(
        required=False,
        allow_null=True,
        help_text="What one unit contains, in `content_unit`, for the unit price on labels.",
    )
    content_unit = StrictChoiceField(
        choices=[unit.value for unit in ContentUnit], required=False, allow_null=True
    )

    def validate(self, given: dict[str, Any]) -> dict[str, Any]:
        """Require name and price of a new product that is no variant."""
        if self.partial or given.get("parent"):
            return given
        missing = [name for name in ("name", "price") if name not in given]
        if missing:
            raise serializers.ValidationError(
                {name: ErrorDetail("This field is required.", "required") for name in missing}
            )
        return given


class UnitPriceSerializer(serializers.Serializer[Any]):
    """What a kilogram, liter, meter, square meter or piece costs."""

    amount = serializers.CharField(read_only=True)
    unit = serializers.ChoiceField(choices=PRICED_UNITS, read_only=True)


class ProductImageSerializer(serializers.Serializer[Any]):
    """The addresses of an image of a product, without the name of the server.

    They need no log-in. Another image has other addresses, so that copies never become stale.
    """

    url = serializers.CharField(
        read_only=True, help_text="WebP, at most 1600 pixels wide and high."
    )
    thumbnail_url = serializers.CharField(
        read_only=True, help_text="WebP, at most 320 pixels wide and high."
    )
    width = serializers.IntegerField(read_only=True, help_text="In pixels.")
    height = serializers.IntegerField(read_only=True)


class ProductCostSerializer(serializers.ModelSerializer[Product]):
    """The cost of a product."""

    cost = MoneyField(read_only=True, allow_null=True)

    class Meta:
        model = Product
        fields = ("id", "cost", "version")
        read_only_fields = fields


class ProductSerializer(ExternalReferenceMixin, serializers.ModelSerializer[Product]):
    price = MoneyField(read_only=True)
    barcodes = serializers.ListField(child=serializers.CharField(), read_only=True)
    modifier_lists = serializers.ListField(child=serializers.UUIDField(), read_only=True)
    options = serializers.DictField(child=serializers.CharField(), read_only=True)
    has_variants = serializers.BooleanField(
        read_only=True, help_text="Whether it has variants, which are sold instead of it."
    )
    content = QuantityField(read_only=True, allow_null=True)
    unit_price = UnitPriceSerializer(
        read_only=True,
        allow_null=True,
        help_text="Null without content, except of goods that are sold by weight.",
    )
    image = ProductImageSerializer(read_only=True, allow_null=True)

    class Meta:
        model = Product
        fields = (
            "id",
            "sku",
            "name",
            "barcodes",
            "price",
            "tax_class",
            "category",
            "sold_by",
            "open_price",
            "track_stock",
            "is_active",
            "plu",
            "weight_unit",
            "deposit",
            "returnable",
            "modifier_lists",
            "parent",
            "options",
            "has_variants",
            "content",
            "content_unit",
            "unit_price",
            "image",
            "external_id",
            "metadata",
            "version",
            "updated_at",
        )
        read_only_fields = fields

    def to_representation(self, product: Product) -> dict[str, Any]:
        """Return the fields without DRF's field machinery: this is the most requested list."""
        return render_product(product)
