"""Serializers of pairing."""

from typing import Any

from drf_spectacular.utils import extend_schema_serializer
from rest_framework import serializers

from accounts.serializers.people import WHEN_REPEATED
from tenants.api.fields import StrictCharField
from tenants.api.serializers import StrictSerializer


class DeviceInput(StrictSerializer):
    """What a device says about itself, for the list of terminals."""

    name = StrictCharField(max_length=100, allow_blank=True, required=False)
    app_version = StrictCharField(max_length=50, allow_blank=True, required=False)


class PairInput(StrictSerializer):
    pairing_code = StrictCharField(
        max_length=32, help_text="As shown or scanned; case, blanks and hyphens do not matter."
    )
    device = DeviceInput(required=False)


# Another name than that of its field, which generators of clients confuse.
@extend_schema_serializer(component_name="NewPairingCode")
class PairingCodeSerializer(serializers.Serializer[Any]):
    pairing_code = serializers.CharField(
        allow_null=True, help_text=f"Shown only once; null {WHEN_REPEATED}"
    )
    expires_at = serializers.DateTimeField()


@extend_schema_serializer(component_name="PairedTerminal")
class TerminalTokenSerializer(serializers.Serializer[Any]):
    terminal_token = serializers.CharField(
        allow_null=True,
        read_only=True,
        help_text=f"Value for X-Terminal-Token, shown only once; null {WHEN_REPEATED}",
    )
    last_device_sequence = serializers.IntegerField(
        read_only=True,
        help_text="Last device sequence number of the register, 0 before the first sale. The "
        "newly paired device continues after it.",
    )


class PairedPlaceSerializer(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    name = serializers.CharField()


class PairedTenantSerializer(PairedPlaceSerializer):
    slug = serializers.CharField()


@extend_schema_serializer(component_name="PairedDevice")
class PairedDeviceSerializer(TerminalTokenSerializer):
    """A device that was paired by a code, with the place that it did not know before."""

    tenant = PairedTenantSerializer()
    store = PairedPlaceSerializer()
    register = PairedPlaceSerializer()
