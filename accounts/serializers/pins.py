"""Serializers of terminals and PINs."""

from rest_framework import serializers

from accounts.models import User
from accounts.security.validators import validate_pin
from accounts.serializers.people import (
    AccessTokenSerializer,
    SessionBriefSerializer,
    UserSerializer,
    pin_field,
)
from tenants.api.fields import StrictUUIDField
from tenants.api.serializers import StrictSerializer


class PinUserSerializer(serializers.ModelSerializer[User]):
    """User who can log in by PIN."""

    display_name = serializers.CharField(source="__str__", read_only=True)

    class Meta:
        model = User
        fields = ("id", "display_name")
        read_only_fields = fields


class PinLogInAnswer(AccessTokenSerializer):
    idle_expires_in = serializers.IntegerField(
        read_only=True,
        help_text="The session also ends after this number of seconds without a request.",
    )
    user = UserSerializer(read_only=True)
    session = SessionBriefSerializer(read_only=True)


class PinInput(StrictSerializer):
    pin = pin_field(validator=validate_pin)


class PinLogInInput(StrictSerializer):
    user = StrictUUIDField()
    pin = pin_field()
