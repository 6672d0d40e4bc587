"""Serializers of approvals."""

from typing import Any

from drf_spectacular.utils import PolymorphicProxySerializer, extend_schema_field
from rest_framework import serializers
from rest_framework.exceptions import ErrorDetail

from accounts.models import EXPIRED, Approval, RefundMethod, User
from accounts.serializers.people import password_field, pin_field
from accounts.services.approvers import Credentials, PasswordCredentials, PinCredentials
from tenants.api.fields import MoneyField, StrictCharField, StrictChoiceField, StrictUUIDField
from tenants.api.serializers import StrictSerializer

STATUSES = [*Approval.Status.choices, (EXPIRED, "Expired")]


class PersonBriefSerializer(serializers.ModelSerializer[User]):
    name = serializers.CharField(source="__str__", read_only=True)

    class Meta:
        model = User
        fields = ("id", "name")
        read_only_fields = fields


class ApprovalOrderSerializer(serializers.Serializer[Any]):
    order = serializers.UUIDField()


class ApprovalShiftSerializer(serializers.Serializer[Any]):
    shift = serializers.UUIDField()


class ApprovalRegisterSerializer(serializers.Serializer[Any]):
    register = serializers.UUIDField()


@extend_schema_field(
    PolymorphicProxySerializer(
        "ApprovalObject",
        [ApprovalOrderSerializer, ApprovalShiftSerializer, ApprovalRegisterSerializer],
        resource_type_field_name=None,
    )
)
class ApprovalObjectField(serializers.DictField):
    """The one id of the object of an approval."""


class ApprovalSerializer(serializers.ModelSerializer[Approval]):
    """Approval with requester, approver, object and status."""

    object = ApprovalObjectField(child=serializers.UUIDField(), read_only=True)
    amount = MoneyField(read_only=True, allow_null=True)
    method = serializers.SerializerMethodField()
    status = serializers.ChoiceField(choices=STATUSES, source="current_status", read_only=True)
    requested_by = PersonBriefSerializer(read_only=True)
    terminal = serializers.UUIDField(
        source="terminal_id",
        read_only=True,
        allow_null=True,
        help_text="Terminal of the request, the only one where it is valid.",
    )
    register = serializers.UUIDField(source="terminal.register_id", read_only=True, allow_null=True)
    store = serializers.UUIDField(
        source="terminal.register.store_id", read_only=True, allow_null=True
    )
    decided_by = PersonBriefSerializer(read_only=True, allow_null=True)
    expires_at = serializers.DateTimeField(
        read_only=True, help_text="Deadline of the decision or, once approved, of the use."
    )

    class Meta:
        model = Approval
        fields = (
            "id",
            "action",
            "object",
            "amount",
            "method",
            "reason",
            "status",
            "requested_by",
            "terminal",
            "register",
            "store",
            "decided_by",
            "decided_at",
            "expires_at",
            "used_at",
            "created_at",
            "version",
        )
        read_only_fields = fields

    @extend_schema_field(
        serializers.ChoiceField(
            choices=RefundMethod.choices,
            allow_null=True,
            help_text="Payout method of a refund; null for other actions.",
        )
    )
    def get_method(self, approval: Approval) -> str | None:
        return approval.method or None


class ApprovalObjectInput(StrictSerializer):
    """Exactly one id: `shift` or `register` for paid_out and drop, `order` for the others."""

    order = StrictUUIDField(
        required=False, help_text="May be the id of an order that does not exist yet."
    )
    shift = StrictUUIDField(required=False)
    register = StrictUUIDField(required=False)


class ApprovalInput(StrictSerializer):
    action = StrictChoiceField(choices=Approval.Action.choices)
    object = ApprovalObjectInput()
    amount = MoneyField(
        required=False,
        help_text="Maximum amount. Not for `void`; for `sell_expired` only if the order is above "
        "the limits of discounts or returned goods too.",
    )
    method = StrictChoiceField(
        choices=RefundMethod.choices,
        required=False,
        help_text="Payout method of a refund. The default `original` refunds as it was paid.",
    )
    reason = StrictCharField(max_length=200, allow_blank=True, required=False)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        action = attrs["action"] = Approval.Action(attrs["action"])
        if len(attrs["object"]) != 1 or not attrs["object"].keys() <= action.about:
            types = " or ".join(sorted(action.about))
            refuse("object", "one_of", f"Must contain exactly one id, of: {types}.")
        self.ensure_amount(action, attrs)
        if action == Approval.Action.REFUND:
            attrs.setdefault("method", RefundMethod.ORIGINAL)
        elif "method" in attrs:
            refuse("method", "not_possible", "Only allowed for a refund.")
        return attrs

    def ensure_amount(self, action: Approval.Action, attrs: dict[str, Any]) -> None:
        if not action.may_have_amount and "amount" in attrs:
            refuse("amount", "not_possible", "Not allowed for this action.")
        if action.requires_amount and "amount" not in attrs:
            refuse("amount", "required", "This field is required for this action.")
        if action.moves_money and not attrs["amount"]:
            refuse("amount", "zero", "Must be greater than zero.")


def refuse(field: str, code: str, detail: str) -> None:
    raise serializers.ValidationError({field: [ErrorDetail(detail, code)]})


class CredentialsInput(StrictSerializer):
    """Credentials of the approver at the requester's device: username and password, or user id
    and PIN. Empty if the authenticated user decides."""

    username = StrictCharField(max_length=150, required=False)
    password = password_field(required=False)
    user = StrictUUIDField(required=False)
    pin = pin_field(required=False)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Credentials]:
        given = attrs.keys()
        if given == {"username", "password"}:
            return {"credentials": PasswordCredentials(**attrs)}
        if given == {"user", "pin"}:
            return {"credentials": PinCredentials(**attrs)}
        if given:
            detail = "Send username and password, or user and pin, or none of them."
            raise serializers.ValidationError(detail, code="one_of")
        return {"credentials": None}
