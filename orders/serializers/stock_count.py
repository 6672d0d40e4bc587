"""Serializers of stock counts."""

from typing import Any

from rest_framework import serializers
from rest_framework.exceptions import ErrorDetail

from orders.models import Category, Product, StockCount, StockCountLine
from orders.models.catalog import MAX_SKU_LENGTH, normalize_code
from orders.serializers.stock import SumField
from orders.services.catalog.scanned_codes import ScannedCodes
from orders.services.stock.counts import CountedProduct
from tenants.api.fields import (
    QuantityField,
    StrictBooleanField,
    StrictCharField,
    StrictChoiceField,
    StrictUUIDField,
)
from tenants.api.serializers import StrictSerializer, TenantRelatedField
from tenants.models import Store

# A GS1 code is longer than a SKU or a barcode.
MAX_CODE_LENGTH = 200


class StockCountChangeInput(StrictSerializer):
    name = StrictCharField(max_length=100, trim_whitespace=True)
    note = StrictCharField(max_length=200, allow_blank=True, required=False)


class StockCountInput(StockCountChangeInput):
    store = TenantRelatedField(Store)
    category = TenantRelatedField(
        Category,
        required=False,
        allow_null=True,
        help_text="Only products of this category; null for all products of the store.",
    )


class CountedProductInput(StrictSerializer):
    """A counted product, by its `product` id or by a scanned `code`."""

    product = StrictUUIDField(required=False)
    code = StrictCharField(
        max_length=MAX_CODE_LENGTH, required=False, help_text="A barcode or a SKU."
    )
    quantity = QuantityField(allow_zero=True, help_text="What is there.")
    add = StrictBooleanField(
        default=False,
        help_text="Add the quantity to what was counted before, for a product at several places.",
    )

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if ("product" in attrs) == ("code" in attrs):
            error = ErrorDetail("Enter either a product or a code.", "required")
            raise serializers.ValidationError({"product": error})
        return attrs


class CountedProductsInput(StrictSerializer):
    """Up to 500 counted products, which are saved all or none."""

    lines = CountedProductInput(many=True, allow_empty=False)

    def validate_lines(self, lines: list[dict[str, Any]]) -> list[CountedProduct]:
        """Find the products, with a fixed number of queries."""
        products = Product.objects.in_bulk([each["product"] for each in lines if "product" in each])
        find = load_codes([each["code"] for each in lines if "code" in each])
        counted: list[CountedProduct] = []
        seen: set[Any] = set()
        errors = {}
        for index, each in enumerate(lines):
            field = "code" if "code" in each else "product"
            product = find(each["code"]) if field == "code" else products.get(each["product"])
            if product is None:
                errors[index] = {field: ErrorDetail("Object does not exist.", "does_not_exist")}
            elif product.pk in seen:
                errors[index] = {field: ErrorDetail("Must not be repeated.", "repeated")}
            else:
                seen.add(product.pk)
                counted.append(CountedProduct(product, each["quantity"], is_added=each["add"]))
        if errors:
            raise serializers.ValidationError(errors)
        return counted


def load_codes(codes: list[str]) -> Any:
    """Return a function that finds the product of one of these codes: a barcode or a SKU."""
    scanned = ScannedCodes.load(codes)
    skus = {sku for code in codes if len(sku := normalize_code(code)) <= MAX_SKU_LENGTH}
    by_sku = {product.sku: product for product in Product.objects.filter(sku__in=skus)}
    return lambda code: scanned.find(code) or by_sku.get(normalize_code(code))


class StockCountCloseInput(StrictSerializer):
    uncounted = StrictChoiceField(
        choices=StockCount.Uncounted.values,
        help_text="Whether products of the count that nobody counted keep their stock (`keep`) or "
        "are set to zero (`zero`).",
    )


class StockCountSerializer(serializers.ModelSerializer[StockCount]):
    line_count = serializers.IntegerField(read_only=True, help_text="How many products it has.")
    uncounted = serializers.ChoiceField(
        choices=StockCount.Uncounted.choices,
        read_only=True,
        allow_null=True,
        help_text="What closing did with products that nobody counted; null before.",
    )

    class Meta:
        model = StockCount
        fields = (
            *("id", "name", "store", "category", "note", "status", "line_count", "uncounted"),
            *("started_by", "ended_by", "ended_at", "version", "created_at", "updated_at"),
        )
        read_only_fields = fields


class StockCountLineSerializer(serializers.ModelSerializer[StockCountLine]):
    expected_quantity = SumField(
        source="expected",
        read_only=True,
        help_text="The stock when the product was counted. Closing adds what was recorded later of "
        "the time before, such as sales of a till without network.",
    )
    counted_quantity = SumField(source="counted", read_only=True)
    quantity_difference = SumField(
        source="difference", read_only=True, help_text="Counted less expected."
    )

    class Meta:
        model = StockCountLine
        fields = (
            *("id", "stock_count", "product", "expected_quantity", "counted_quantity"),
            *("quantity_difference", "counted_by", "counted_at", "version"),
        )
        read_only_fields = fields


class CountedProductsSerializer(serializers.Serializer[Any]):
    """The count and the lines of the request, in their order."""

    stock_count = StockCountSerializer(read_only=True)
    lines = StockCountLineSerializer(many=True, read_only=True)
