"""Inputs of sales: lines, discounts, modifiers and the customer."""

from collections.abc import Mapping
from typing import Any

from rest_framework import serializers
from rest_framework.exceptions import ErrorDetail

from accounts.models import AuthSession
from orders.codes.gs1 import FNC1
from orders.models.customer import MAX_NAME_LENGTH as MAX_CUSTOMER_NAME
from orders.models.line import MAX_SCANNED_LENGTH
from orders.money import Discount, DiscountType
from orders.serializers.fingerprint import compute_fingerprint
from orders.serializers.modifier_list import MAX_CHOSEN
from orders.serializers.payment import PaymentInput
from orders.services.pricing.basket import MAX_DISCOUNTS, MAX_LINES, DiscountRequest, LineRequest
from orders.services.pricing.modifiers import ModifierRequest
from orders.services.sales.draft import NewOrder
from tenants.api.fields import (
    ExternalIdField,
    MetadataField,
    MoneyField,
    PercentField,
    QuantityField,
    StrictCharField,
    StrictChoiceField,
    StrictEmailField,
    StrictIntegerField,
    StrictUUIDField,
)
from tenants.api.serializers import StrictSerializer

MAX_LINE_MODIFIERS = 100


class DiscountInput(StrictSerializer):
    """A discount. `value` is a percentage or an amount, depending on `type`."""

    max_items = MAX_DISCOUNTS

    type = StrictChoiceField(choices=[kind.value for kind in DiscountType])
    value = StrictCharField(
        max_length=20, help_text='"10" for 10 percent, or "2.50" for an amount of money.'
    )
    reason = StrictCharField(max_length=100, allow_blank=True, required=False)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        kind = DiscountType(attrs["type"])
        field = PercentField() if kind == DiscountType.PERCENT else MoneyField()
        try:
            value = field.run_validation(attrs["value"])
        except serializers.ValidationError as error:
            raise serializers.ValidationError({"value": error.detail}) from error
        return {"wanted": DiscountRequest(Discount(kind, value), attrs.get("reason", ""))}


class ScannedCodeField(StrictCharField):
    """A scanned code, in which the separator of GS1 (FNC1) is U+001D."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(max_length=MAX_SCANNED_LENGTH, **kwargs)

    def to_internal_value(self, data: Any) -> str:
        if not isinstance(data, str) or FNC1 not in data:
            return super().to_internal_value(data)
        # Checked like other text, with a visible sign of the same length for each separator.
        super().to_internal_value(data.replace(FNC1, "|"))
        return data


class ModifierChoiceInput(StrictSerializer):
    """A chosen modifier."""

    max_items = MAX_LINE_MODIFIERS

    modifier = StrictUUIDField()
    quantity = StrictIntegerField(
        required=False,
        min_value=1,
        max_value=MAX_CHOSEN,
        help_text="Default 1. More only if the list has `allow_quantity`.",
    )

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        return {"chosen": ModifierRequest(**attrs)}


class LineInput(StrictSerializer):
    """A line with a product, given by exactly one of `product`, `sku` and `barcode`."""

    max_items = MAX_LINES

    id = StrictUUIDField(required=False)
    product = StrictUUIDField(required=False)
    sku = StrictCharField(max_length=64, required=False)
    barcode = ScannedCodeField(
        required=False,
        help_text="The scanned code: a barcode in any spelling, a label of a scale, or a GS1 code "
        "with FNC1 as U+001D.",
    )
    quantity = QuantityField(
        required=False,
        allow_negative=True,
        help_text="Required, unless the scanned code contains a weight or a price. Negative for a "
        "returnable product, which the customer brings back.",
    )
    unit_price = MoneyField(
        required=False, help_text="The price without modifiers, which are added to it."
    )
    note = StrictCharField(max_length=200, allow_blank=True, required=False)
    discounts = DiscountInput(many=True, required=False)
    modifiers = ModifierChoiceInput(
        many=True, required=False, help_text="Chosen from the `modifier_lists` of the product."
    )

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if ("product" in attrs) + ("sku" in attrs) + ("barcode" in attrs) != 1:
            raise serializers.ValidationError(
                "Give exactly one of product, sku and barcode.", code="one_of"
            )
        if "quantity" not in attrs and "barcode" not in attrs:
            required = ErrorDetail("This field is required.", code="required")
            raise serializers.ValidationError({"quantity": [required]})
        discounts = tuple(each["wanted"] for each in attrs.pop("discounts", ()))
        modifiers = tuple(each["chosen"] for each in attrs.pop("modifiers", ()))
        return {"wanted": LineRequest(discounts=discounts, modifiers=modifiers, **attrs)}


class ChargedCustomerInput(StrictSerializer):
    """The customer of an offline sale. Name and e-mail address are used if the id is unknown."""

    id = StrictUUIDField(required=False)
    name = StrictCharField(max_length=MAX_CUSTOMER_NAME, allow_blank=True, required=False)
    email = StrictEmailField(allow_blank=True, required=False)


class OrderCustomerInput(ChargedCustomerInput):
    """A customer by `id`, or the name and e-mail address of somebody who is no customer."""

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if "id" in attrs and len(attrs) > 1:
            raise serializers.ValidationError(
                "Give either the id of a customer, or a name and an e-mail address.", code="one_of"
            )
        return attrs


class BasketInput(StrictSerializer):
    """The content of an order."""

    id = StrictUUIDField(required=False)
    register = StrictUUIDField(required=False)
    lines = LineInput(many=True)
    discounts = DiscountInput(many=True, required=False)
    customer = OrderCustomerInput(required=False)
    note = StrictCharField(max_length=500, multiline=True, allow_blank=True, required=False)
    external_id = ExternalIdField()
    metadata = MetadataField()
    payments = PaymentInput(many=True, required=False)
    approval = StrictUUIDField(
        required=False, help_text="Approval to exceed one's limits, for this order and once."
    )
    device_sequence = StrictIntegerField(
        required=False,
        min_value=1,
        help_text="Number of the sale in the device's own sequence, which counts both "
        "online and offline sales. `registers/{id}/gaps/` lists the missing numbers.",
    )

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Refuse payments without lines; an order without both can be opened."""
        if attrs.get("payments") and not attrs["lines"]:
            empty = ErrorDetail("Required with payments.", code="empty")
            raise serializers.ValidationError({"lines": [empty]})
        return attrs


class OrderInput(BasketInput):
    """A sale. The order is completed if the payments cover the total."""

    register = StrictUUIDField(
        required=False,
        help_text="Defaults to the paired register of the log-in, which allows no other.",
    )


class OrderInputWithRegister(OrderInput):
    """The same for log-ins without a paired register, which must name one."""

    register = StrictUUIDField()


def build_line_requests(given: Mapping[str, Any]) -> tuple[LineRequest, ...]:
    return tuple(line["wanted"] for line in given["lines"])


def build_discount_requests(given: Mapping[str, Any]) -> tuple[DiscountRequest, ...]:
    return tuple(each["wanted"] for each in given.get("discounts", ()))


def build_new_order(
    given: Mapping[str, Any], body: Any, session: AuthSession, *, place: str | None = None
) -> NewOrder:
    """Build the command from validated data; `body` is the raw request, for its fingerprint."""
    customer = given.get("customer", {})
    register = session.resolve_register(given.get("register"))
    return NewOrder(
        id=given["id"],
        register=register,
        fingerprint=compute_fingerprint(body, register=str(register)),
        lines=build_line_requests(given),
        discounts=build_discount_requests(given),
        customer_name=customer.get("name", ""),
        customer_email=customer.get("email", ""),
        customer=customer.get("id"),
        note=given.get("note", ""),
        external_id=given.get("external_id"),
        metadata=given.get("metadata"),
        payments=tuple(each["new"] for each in given.get("payments", ())),
        approval=given.get("approval"),
        terminal=session.terminal_id,
        device_sequence=given.get("device_sequence"),
        place=place,
    )
