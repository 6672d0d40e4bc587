"""Input and output of price lists and their prices."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from rest_framework import serializers
from rest_framework.exceptions import ErrorDetail

from orders.models import CustomerGroup, Price, PriceList, Product
from orders.models.price_list import END_BEFORE_START
from orders.serializers.rendering import get_amount_formatter
from orders.services.catalog.price_lists import WantedPrice
from tenants.api.fields import (
    LocalDateTimeField,
    MoneyField,
    QuantityField,
    StrictBooleanField,
    StrictCharField,
    StrictIntegerField,
    StrictUUIDField,
)
from tenants.api.formats import exact_moment, format_number
from tenants.api.serializers import StrictSerializer, TenantRelatedField
from tenants.models import Store
from tenants.scope import current_tenant

MAX_PRIORITY = 9999
# With this number the body is below its limit of 1 MB.
MAX_PRICES = 5000
GROUP = "Only customers of this group have the prices. Null: everybody has them."
STORES = "Stores in which the list applies; empty means all stores."


class PriceListInput(StrictSerializer):
    name = StrictCharField(max_length=100, trim_whitespace=True)
    stores = TenantRelatedField(Store, many=True, required=False, help_text=STORES)
    customer_group = TenantRelatedField(
        CustomerGroup, required=False, allow_null=True, help_text=GROUP
    )
    priority = StrictIntegerField(
        min_value=0,
        max_value=MAX_PRIORITY,
        help_text="If several lists have a price, the one with the highest priority wins. Each "
        "list has another one.",
    )
    is_active = StrictBooleanField(required=False)

    def validate_stores(self, stores: list[Store]) -> list[str]:
        """Return the ids, which are stored in their order."""
        return sorted(str(store.pk) for store in stores)


class PriceListSerializer(serializers.ModelSerializer[PriceList]):
    stores: Any = serializers.ListField(
        child=serializers.UUIDField(), read_only=True, help_text=STORES
    )

    customer_group: Any = serializers.UUIDField(
        source="customer_group_id", read_only=True, allow_null=True, help_text=GROUP
    )

    class Meta:
        model = PriceList
        fields = (
            "id",
            "name",
            "stores",
            "customer_group",
            "priority",
            "is_active",
            "version",
            "updated_at",
        )
        read_only_fields = fields


class PriceChangeInput(StrictSerializer):
    """What may change of a price."""

    amount = MoneyField()
    min_quantity = QuantityField(
        required=False,
        allow_zero=True,
        help_text="The price is for lines of at least this quantity. Default: 0, any quantity.",
    )
    valid_from = LocalDateTimeField(
        required=False, allow_null=True, help_text="Start, included. Null: always."
    )
    valid_to = LocalDateTimeField(
        required=False, allow_null=True, help_text="End, not included. Null: never."
    )
    is_active = StrictBooleanField(
        required=False, help_text="`false` withdraws the price, also for the past."
    )


class PriceInput(PriceChangeInput):
    price_list = TenantRelatedField(PriceList)
    product = TenantRelatedField(Product)


class PriceSerializer(serializers.ModelSerializer[Price]):
    price_list: Any = serializers.UUIDField(source="price_list_id", read_only=True)
    product: Any = serializers.UUIDField(source="product_id", read_only=True)
    amount: Any = MoneyField(read_only=True)
    min_quantity: Any = QuantityField(read_only=True)
    valid_from: Any = LocalDateTimeField(read_only=True, allow_null=True)
    valid_to: Any = LocalDateTimeField(read_only=True, allow_null=True)

    class Meta:
        model = Price
        fields = (
            "id",
            "price_list",
            "product",
            "amount",
            "min_quantity",
            "valid_from",
            "valid_to",
            "is_active",
            "version",
            "updated_at",
        )
        read_only_fields = fields


LOCAL_TIME = LocalDateTimeField()


def render_prices(prices: Sequence[Price]) -> list[dict[str, Any]]:
    """Return what `PriceSerializer` does, without its cost for many prices."""
    money = get_amount_formatter(current_tenant().currency_exponent).money
    return [
        {
            "id": str(price.id),
            "price_list": str(price.price_list_id),
            "product": str(price.product_id),
            "amount": money(price.amount),
            "min_quantity": format_number(price.min_quantity),
            "valid_from": format_local_time(price.valid_from),
            "valid_to": format_local_time(price.valid_to),
            "is_active": price.is_active,
            "version": price.version,
            "updated_at": exact_moment(price.updated_at),
        }
        for price in prices
    ]


def format_local_time(time: datetime | None) -> str | None:
    return None if time is None else LOCAL_TIME.to_representation(time)


class BatchedPriceInput(PriceChangeInput):
    """A price of a batch. Its product is looked up with those of the others."""

    max_items = MAX_PRICES

    product = StrictUUIDField()

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        start, end = attrs.get("valid_from"), attrs.get("valid_to")
        if start and end and end <= start:
            error = ErrorDetail(END_BEFORE_START, "end_before_start")
            raise serializers.ValidationError({"valid_to": [error]})
        return attrs


class PriceBatchInput(StrictSerializer):
    """Up to 5,000 prices of a list, which are set all or none."""

    price_list = TenantRelatedField(PriceList)
    prices = BatchedPriceInput(many=True, allow_empty=False)

    def validate_prices(self, prices: list[dict[str, Any]]) -> list[WantedPrice]:
        """Replace the ids of products by the rows, with one query."""
        products = Product.objects.in_bulk({each["product"] for each in prices})
        wanted: list[WantedPrice] = []
        seen: set[Any] = set()
        errors = {}
        for index, given in enumerate(prices):
            product = products.get(given["product"])
            key = (given["product"], given.get("min_quantity", 0), given.get("valid_from"))
            if product is None:
                missing = ErrorDetail("Object does not exist.", "does_not_exist")
                errors[index] = {"product": missing}
            elif key in seen:
                repeated = ErrorDetail("Must not be repeated.", "repeated")
                errors[index] = {"product": repeated}
            else:
                wanted.append(WantedPrice(**given | {"product": product}))
            seen.add(key)
        if errors:
            raise serializers.ValidationError(errors)
        return wanted


class PriceBatchSerializer(serializers.Serializer[Any]):
    """How many prices were created, changed, and found as they should be."""

    created = serializers.IntegerField()
    changed = serializers.IntegerField(
        help_text="Including earlier prices that end where a new one starts."
    )
    unchanged = serializers.IntegerField()
