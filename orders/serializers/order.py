"""Serializers of orders, payments and calculations."""

import hashlib
from collections.abc import Mapping
from typing import Any

import msgspec
from drf_spectacular.utils import (
    PolymorphicProxySerializer,
    extend_schema_field,
    extend_schema_serializer,
)
from rest_framework import serializers
from rest_framework.exceptions import ErrorDetail

from accounts.models import AuthSession
from orders.codes.gs1 import FNC1
from orders.models import Order, Payment
from orders.models.customer import MAX_NAME_LENGTH as MAX_CUSTOMER_NAME
from orders.models.line import MAX_SCANNED_LENGTH
from orders.money import Discount, DiscountType
from orders.serializers.modifier_list import MAX_CHOSEN
from orders.serializers.offline import OfflineFieldsSerializer
from orders.serializers.refund import RefundSerializer
from orders.serializers.rendering import render_calculation, render_order
from orders.services.payments.tender import NewPayment
from orders.services.pricing.basket import (
    MAX_DISCOUNTS,
    MAX_LINES,
    Basket,
    DiscountRequest,
    LineRequest,
)
from orders.services.pricing.modifiers import ModifierRequest
from orders.services.sales.draft import NewOrder
from tenants.api.fields import (
    ExternalIdField,
    ExternalReferenceMixin,
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

MAX_PAYMENTS = 20
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


def compute_fingerprint(body: Mapping[str, Any], **effective: str) -> str:
    """Return a SHA-256 digest of the content, independent of the order of its fields.

    `effective` overrides values that may come from the log-in instead of the body, such as the
    register. The approval is left out: it does not change what was requested.
    """
    content = {**body, "approval": None, **effective}
    return hashlib.sha256(msgspec.json.encode(content, order="sorted")).hexdigest()


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


# --- responses ------------------------------------------------------------------------------------


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


class OrderCustomerSerializer(serializers.Serializer[Any]):
    """The customer as copied to the order; empty texts if the customer was erased."""

    id = serializers.UUIDField(allow_null=True, help_text="Null if entered without a customer.")
    name = serializers.CharField()
    email = serializers.CharField()
    tax_number = serializers.CharField()


class PaidOutCodeSerializer(serializers.Serializer[Any]):
    payment = serializers.UUIDField()
    code = serializers.CharField()


class OrderSerializer(ExternalReferenceMixin, OfflineFieldsSerializer):
    """An order. All amounts have exactly the decimals of the currency."""

    id = serializers.UUIDField()
    number = serializers.CharField()
    status = serializers.ChoiceField(choices=Order.Status.choices)
    store = serializers.UUIDField()
    register = serializers.UUIDField()
    shift = serializers.UUIDField(allow_null=True)
    cashier = serializers.UUIDField()
    customer = OrderCustomerSerializer(allow_null=True)
    note = serializers.CharField()
    external_id = serializers.CharField(allow_null=True, help_text="The id in another system.")
    lines = LineSerializer(many=True)
    discounts = DiscountSerializer(many=True)
    subtotal = MoneyField()
    discount_total = MoneyField()
    tax_total = MoneyField()
    taxes = TaxSerializer(many=True)
    cash_rounding = MoneyField(allow_negative=True)
    total = MoneyField()
    paid_total = MoneyField()
    change_total = MoneyField()
    due = MoneyField(help_text="Negative if the shop pays it out, for returned goods.")
    cash_due = MoneyField(help_text="Amount due if the rest is paid in cash.")
    refunded_total = MoneyField()
    deposit_return_total = MoneyField(
        help_text="What the customer gets for returned goods; a part of the total."
    )
    deposit_return_by = serializers.UUIDField(
        allow_null=True, help_text="The user against whose limits the returned goods count."
    )
    payments = PaymentSerializer(many=True)
    store_credit_codes = PaidOutCodeSerializer(
        many=True,
        allow_null=True,
        help_text="Full code of the store credit that was made for returned goods. Shown only in "
        "the response to the request that made it, and on the original print of the receipt if "
        "the user who made the sale prints it within 15 minutes.",
    )
    refunds = RefundSerializer(many=True)
    approved_gift = MoneyField(
        allow_null=True,
        help_text="Total discount that an approval allows for this order; null without one.",
    )
    gift_approved_by = serializers.UUIDField(allow_null=True)
    receipt_number = serializers.IntegerField(allow_null=True)
    created_at = serializers.DateTimeField()
    completed_at = serializers.DateTimeField(allow_null=True)
    version = serializers.IntegerField()

    def to_representation(self, order: Order) -> dict[str, Any]:
        return render_order(order)


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
