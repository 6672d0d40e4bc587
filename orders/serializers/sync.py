"""Serializers of offline sales, their results and gaps in device sequences."""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from rest_framework import serializers
from rest_framework.exceptions import ErrorDetail

from accounts.models import AuthSession
from orders.exceptions import BatchTooLarge
from orders.money import TaxRate
from orders.serializers.basket import (
    MAX_LINE_MODIFIERS,
    ChargedCustomerInput,
    DiscountInput,
    LineInput,
    ScannedCodeField,
)
from orders.serializers.fingerprint import compute_fingerprint
from orders.serializers.modifier_list import MAX_CHOSEN
from orders.serializers.order import OrderSerializer
from orders.serializers.payment import PaymentInput
from orders.services.offline.batch import Outcome, Upload
from orders.services.offline.sale import ChargedLine, ChargedPayment, Malformed, OfflineSale
from orders.services.pricing.modifiers import ModifierRequest
from tenants.api.fields import (
    ExternalIdField,
    MetadataField,
    MoneyField,
    PercentField,
    QuantityField,
    StrictBooleanField,
    StrictCharField,
    StrictDateTimeField,
    StrictIntegerField,
    StrictUUIDField,
)
from tenants.api.formats import FormatError, parse_uuid
from tenants.api.serializers import StrictSerializer, flatten_errors

MAX_SALES = 500
MAX_BATCH_LINES = 2_000
MAX_TAXES = 10
NOT_A_LINE = {
    "deposit_for": [ErrorDetail("Not a line of this sale with goods.", code="does_not_exist")]
}


class ChargedTaxInput(StrictSerializer):
    """A tax rate as it was charged."""

    max_items = MAX_TAXES

    name = StrictCharField(max_length=50)
    percent = PercentField()
    included = StrictBooleanField()
    compound = StrictBooleanField(required=False)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        return {"rate": TaxRate(**{"compound": False, **attrs})}


class ChargedModifierInput(StrictSerializer):
    """A modifier as it was charged; one that the catalog does not have is booked by its `name`."""

    max_items = MAX_LINE_MODIFIERS

    modifier = StrictUUIDField(required=False)
    name = StrictCharField(max_length=100, required=False)
    price = MoneyField(help_text="What it added to the price of one unit, each time.")
    quantity = StrictIntegerField(required=False, min_value=1, max_value=MAX_CHOSEN)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if not attrs.keys() & {"modifier", "name"}:
            raise serializers.ValidationError(
                "Give at least one of modifier and name.", code="required"
            )
        return {"chosen": ModifierRequest(**{"modifier": None, **attrs})}


class ChargedLineInput(LineInput):
    """A line of an offline sale with the unit price that was charged.

    `taxes` default to those of the product. A product that the catalog does not have is booked
    under its `name`.
    """

    barcode = ScannedCodeField(
        required=False,
        help_text="The scanned code. The price on a label of a scale is the line's gross.",
    )
    name = StrictCharField(max_length=200, required=False)
    deposit_for = StrictUUIDField(
        required=False, help_text="The `id` of the line of this sale whose deposit this is."
    )
    quantity = QuantityField(allow_negative=True)
    unit_price = MoneyField(help_text="The price without modifiers, which are added to it.")
    modifiers: Any = ChargedModifierInput(many=True, required=False)
    taxes = ChargedTaxInput(many=True, required=False)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if not attrs.keys() & {"product", "sku", "barcode", "name"}:
            raise serializers.ValidationError(
                "Give at least one of product, sku, barcode and name.", code="required"
            )
        discounts = tuple(each["wanted"] for each in attrs.pop("discounts", ()))
        if "taxes" in attrs:
            attrs["taxes"] = tuple(each["rate"] for each in attrs["taxes"])
        modifiers = tuple(each["chosen"] for each in attrs.pop("modifiers", ()))
        return {"charged": ChargedLine(discounts=discounts, modifiers=modifiers, **attrs)}


class LenientListSerializer(serializers.ListSerializer):
    """A list that validates each item on its own: an invalid item does not reject the others."""

    def to_internal_value(self, data: Any) -> list[Any]:
        if not isinstance(data, list):
            self.fail("not_a_list", input_type=type(data).__name__)
        if len(data) > (self.max_length or 0):
            self.fail("max_length", max_length=self.max_length)
        return [self.read(item) for item in data]

    def read(self, item: Any) -> Any:
        try:
            return item, self.child.run_validation(item)
        except serializers.ValidationError as error:
            return Malformed(find_item_id(item), tuple(flatten_errors(error.detail)))


def find_item_id(item: Any) -> UUID | None:
    try:
        return parse_uuid(item.get("id")) if isinstance(item, dict) else None
    except FormatError:
        return None


class ChargedPaymentInput(PaymentInput):
    """A payment of an offline sale; its amount is required."""

    amount = MoneyField(allow_negative=True)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        return {"new": ChargedPayment(**attrs)}


class OfflineSaleInput(StrictSerializer):
    """An offline sale. `device_sequence` is its number in the device's own sequence."""

    max_items = MAX_SALES

    id = StrictUUIDField()
    device_sequence = StrictIntegerField(min_value=1)
    sold_at = StrictDateTimeField()
    cashier = StrictUUIDField(
        required=False,
        help_text="Cashier of the sale; defaults to the user who uploads it. If they differ, the "
        "order is "
        "flagged `cashier_differs` and the lower limits of both apply.",
    )
    lines = ChargedLineInput(many=True, allow_empty=False)
    discounts = DiscountInput(many=True, required=False)
    customer = ChargedCustomerInput(required=False)
    note = StrictCharField(max_length=500, multiline=True, allow_blank=True, required=False)
    external_id = ExternalIdField()
    metadata = MetadataField()
    payments = ChargedPaymentInput(many=True, required=False)
    total = MoneyField(
        required=False,
        allow_negative=True,
        help_text="Total that the device calculated, before cash rounding.",
    )

    class Meta:
        list_serializer_class = LenientListSerializer

    def validate_lines(self, lines: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """Refuse deposits of lines that the sale does not have, or that are deposits."""
        charged = [line["charged"] for line in lines]
        goods = {each.id for each in charged if each.id and not each.deposit_for}
        errors: list[Any] = [
            {} if each.deposit_for is None or each.deposit_for in goods else NOT_A_LINE
            for each in charged
        ]
        if any(errors):
            raise serializers.ValidationError(errors)
        return lines

    def validate_payments(self, payments: list[dict[str, Any]]) -> list[dict[str, Any]]:
        if any(payment["new"].amount < 0 for payment in payments):
            ensure_one_paid_out([payment["new"] for payment in payments])
        for payment in payments:
            new = payment["new"]
            if new.tendered is not None and new.method != "cash":
                raise serializers.ValidationError("Only allowed for cash.", code="not_cash")
            if new.tendered is not None and new.tendered < new.amount:
                raise serializers.ValidationError(
                    "Must not be less than the amount.", code="tendered_too_little"
                )
        return payments


def ensure_one_paid_out(payments: Sequence[ChargedPayment]) -> None:
    """Refuse a negative amount that is not one payment in cash: what was paid for returned goods.

    Without a connection the till cannot know the balance of a store credit.
    """
    paid_out = payments[0]
    if len(payments) > 1 or paid_out.method != "cash" or paid_out.tendered is not None:
        raise serializers.ValidationError(
            "What is paid out must be one payment in cash, without `tendered`.", code="not_paid_out"
        )


class SyncInput(StrictSerializer):
    """A batch of offline sales of one register."""

    register = StrictUUIDField(
        required=False,
        help_text="Defaults to the paired register of the log-in, which allows no other.",
    )
    last_sequence = StrictIntegerField(
        required=False,
        min_value=1,
        help_text="Last number that the device has given to a sale, uploaded or not. If it is more "
        "than "
        "10,000 above all received numbers: 409 `sequence_jump`; send the batch without it.",
    )
    batch = OfflineSaleInput(many=True)


class SyncInputWithRegister(SyncInput):
    """The same for log-ins without a paired register, which must name one."""

    register = StrictUUIDField()


def ensure_batch_fits(body: Any) -> None:
    """Raise `BatchTooLarge` for too many lines, before any of them is validated.

    A body of another shape is left to the serializer.
    """
    batch = body.get("batch") if isinstance(body, dict) else None
    items = batch if isinstance(batch, list) else []
    parts = [item.get("lines") for item in items if isinstance(item, dict)]
    lines = sum(len(each) for each in parts if isinstance(each, list))
    if lines > MAX_BATCH_LINES:
        raise BatchTooLarge(lines=lines, max_lines=MAX_BATCH_LINES)


def build_upload(given: Mapping[str, Any], session: AuthSession) -> Upload:
    register = session.resolve_register(given.get("register"))
    return Upload(
        register=register,
        batch=[
            item
            if isinstance(item, Malformed)
            else build_offline_sale(*item, register=str(register))
            for item in given["batch"]
        ],
        last_sequence=given.get("last_sequence", 0),
    )


def build_offline_sale(
    item: Mapping[str, Any], given: dict[str, Any], *, register: str
) -> OfflineSale:
    """Build the sale from validated data; `item` is the raw item, for its fingerprint."""
    customer = given.get("customer", {})
    return OfflineSale(
        id=given["id"],
        fingerprint=compute_fingerprint(item, register=register),
        device_sequence=given["device_sequence"],
        sold_at=given["sold_at"],
        lines=tuple(each["charged"] for each in given["lines"]),
        payments=tuple(each["new"] for each in given.get("payments", ())),
        discounts=tuple(each["wanted"] for each in given.get("discounts", ())),
        cashier=given.get("cashier"),
        customer_name=customer.get("name", ""),
        customer_email=customer.get("email", ""),
        customer=customer.get("id"),
        note=given.get("note", ""),
        external_id=given.get("external_id"),
        metadata=given.get("metadata"),
        total=given.get("total"),
    )


# --- responses ------------------------------------------------------------------------------------


class FieldErrorSerializer(serializers.Serializer[Any]):
    field = serializers.CharField()
    code = serializers.CharField()
    detail = serializers.CharField()


class ResultSerializer(serializers.Serializer[Any]):
    """Result of one sale: the current `order`, or `code` and `errors` if it was rejected. The
    `flags` of the order name what somebody should check."""

    id = serializers.UUIDField(allow_null=True)
    status = serializers.ChoiceField(choices=[each.value for each in Outcome])
    code = serializers.CharField(required=False)
    errors = FieldErrorSerializer(many=True, required=False)  # type: ignore[assignment]
    order = OrderSerializer(required=False)

    def to_representation(self, result: Any) -> dict[str, Any]:
        shown: dict[str, Any] = {
            "id": str(result.id) if result.id else None,
            "status": result.status.value,
        }
        if result.order is None:
            shown["code"] = result.code
            if result.errors:
                shown["errors"] = FieldErrorSerializer(result.errors, many=True).data
        else:
            shown["order"] = OrderSerializer().to_representation(result.order)
        return shown


class SyncSerializer(serializers.Serializer[Any]):
    """One result for each item, in the order of the batch."""

    results = ResultSerializer(many=True)


class DeviceSequenceInput(StrictSerializer):
    """The last number that a device has given to a sale."""

    last_device_sequence = StrictIntegerField(min_value=0)
    reason = StrictCharField(max_length=200, allow_blank=True, required=False)


class DeviceSequenceSerializer(serializers.Serializer[Any]):
    register = serializers.UUIDField()
    last_device_sequence = serializers.IntegerField(
        help_text="Last known number that the device has given to a sale."
    )


class GapSerializer(serializers.Serializer[Any]):
    first = serializers.IntegerField()
    last = serializers.IntegerField()


class GapsSerializer(serializers.Serializer[Any]):
    """Missing numbers in a device sequence. Pass `next` as `after` for the next page of ranges."""

    register = serializers.UUIDField(source="register.pk")
    name = serializers.CharField(source="register.name")
    issued = serializers.IntegerField(help_text="Highest number that the device has reported.")
    held = serializers.IntegerField(help_text="How many of its numbers were received.")
    missing = serializers.IntegerField()
    ranges = GapSerializer(many=True)
    next = serializers.IntegerField(allow_null=True)
