"""Shapes of what one person asks another for leave to do."""

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers
from rest_framework.exceptions import ErrorDetail

from accounts.models import EXPIRED, Approval, RefundMethod, User
from accounts.serializers.people import password_field, pin_field
from accounts.services.approvers import Credentials, PasswordCredentials, PinCredentials
from tenants.api.fields import MoneyField, StrictCharField, StrictChoiceField, StrictUUIDField
from tenants.api.serializers import StrictSerializer

STATUSES = [*Approval.Status.choices, (EXPIRED, "Not taken up in time")]


class PersonBriefSerializer(serializers.ModelSerializer[User]):
    name = serializers.CharField(source="__str__", read_only=True)

    class Meta:
        model = User
        fields = ("id", "name")
        read_only_fields = fields


class ApprovalSerializer(serializers.ModelSerializer[Approval]):
    """Who asked, for what and where, and what became of it."""

    object = serializers.DictField(child=serializers.UUIDField(), read_only=True)
    amount = MoneyField(read_only=True, allow_null=True)
    method = serializers.SerializerMethodField()
    status = serializers.ChoiceField(choices=STATUSES, source="current_status", read_only=True)
    requested_by = PersonBriefSerializer(read_only=True)
    terminal = serializers.UUIDField(
        source="terminal_id",
        read_only=True,
        allow_null=True,
        help_text="Where it was asked for, and where alone it counts.",
    )
    register = serializers.UUIDField(source="terminal.register_id", read_only=True, allow_null=True)
    store = serializers.UUIDField(
        source="terminal.register.store_id", read_only=True, allow_null=True
    )
    decided_by = PersonBriefSerializer(read_only=True, allow_null=True)
    expires_at = serializers.DateTimeField(
        read_only=True, help_text="Until then it can be decided, or once given be used."
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
            help_text="How a refund goes back; null for everything else.",
        )
    )
    def get_method(self, approval: Approval) -> str | None:
        return approval.method or None


class ApprovalObjectInput(StrictSerializer):
    """Exactly one id: of a drawer's `shift` or `register` for paid_out and drop, else of an
    `order`."""

    order = StrictUUIDField(required=False, help_text="May be one that is still to be made.")
    shift = StrictUUIDField(required=False)
    register = StrictUUIDField(required=False)


class ApprovalInput(StrictSerializer):
    action = StrictChoiceField(choices=Approval.Action.choices)
    object = ApprovalObjectInput()
    amount = MoneyField(required=False, help_text="At most so much. Of a void there is none.")
    method = StrictChoiceField(
        choices=RefundMethod.choices,
        required=False,
        help_text="How a refund goes back: `original`, the default, is as it was paid.",
    )
    reason = StrictCharField(max_length=200, allow_blank=True, required=False)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        action = attrs["action"] = Approval.Action(attrs["action"])
        if len(attrs["object"]) != 1 or not attrs["object"].keys() <= action.about:
            named = " or ".join(sorted(action.about))
            refuse("object", "one_of", f"Name the {named} by its id, and nothing else.")
        self.ensure_amount(action, attrs)
        if action == Approval.Action.REFUND:
            attrs.setdefault("method", RefundMethod.ORIGINAL)
        elif "method" in attrs:
            refuse("method", "not_possible", "Only a refund has a method.")
        return attrs

    def ensure_amount(self, action: Approval.Action, attrs: dict[str, Any]) -> None:
        if not action.has_amount and "amount" in attrs:
            refuse("amount", "not_possible", "A void has no amount.")
        if action.has_amount and "amount" not in attrs:
            refuse("amount", "required", "How much at most?")
        if action.moves_money and not attrs["amount"]:
            refuse("amount", "zero", "More than nothing.")


def refuse(field: str, code: str, detail: str) -> None:
    raise serializers.ValidationError({field: [ErrorDetail(detail, code)]})


class CredentialsInput(StrictSerializer):
    """Those of whoever decides at the till that asks: a username with its password, or the id of
    a user with the PIN. Empty: whoever sends it decides."""

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
            detail = "Send username and password, or user and pin, or nothing."
            raise serializers.ValidationError(detail, code="one_of")
        return {"credentials": None}
