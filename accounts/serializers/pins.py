"""Shapes of paired terminals and their PIN pads."""

from typing import Any

from rest_framework import serializers

from accounts.models import User
from accounts.security.validators import validate_pin
from accounts.serializers.people import (
    WHEN_REPEATED,
    AccessTokenSerializer,
    SessionBriefSerializer,
    UserSerializer,
    pin_field,
)
from tenants.api.fields import StrictUUIDField
from tenants.api.serializers import StrictSerializer


class TerminalTokenSerializer(serializers.Serializer[Any]):
    terminal_token = serializers.CharField(
        allow_null=True,
        read_only=True,
        help_text=f"For X-Terminal-Token. It is shown once; null {WHEN_REPEATED}",
    )
    last_device_sequence = serializers.IntegerField(
        read_only=True,
        help_text="The last number that the till has given to a sale, 0 before the first: a "
        "device that is paired anew goes on from there.",
    )


class PinUserSerializer(serializers.ModelSerializer[User]):
    """Somebody whom a pad offers, by the name that stands on the button."""

    display_name = serializers.CharField(source="__str__", read_only=True)

    class Meta:
        model = User
        fields = ("id", "display_name")
        read_only_fields = fields


class PinLogInAnswer(AccessTokenSerializer):
    user = UserSerializer(read_only=True)
    session = SessionBriefSerializer(read_only=True)


class PinInput(StrictSerializer):
    pin = pin_field(validator=validate_pin)


class PinLogInInput(StrictSerializer):
    user = StrictUUIDField()
    pin = pin_field()
