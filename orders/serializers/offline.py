"""Serializer of the order fields that the device reports: its own number, offline sales."""

from typing import Any

from rest_framework import serializers

from orders.models import Flag
from tenants.api.fields import MoneyField


class OfflineFieldsSerializer(serializers.Serializer[Any]):
    """Fields that the device reports. The sale was made offline if `sold_at` is set."""

    adjustment = MoneyField(
        allow_negative=True,
        help_text="Difference between the total that was charged offline and the total of the "
        "prices.",
    )
    device_sequence = serializers.IntegerField(
        allow_null=True, help_text="Number of the sale in the device's own sequence, if it has one."
    )
    sold_at = serializers.DateTimeField(
        allow_null=True, help_text="Time of the offline sale by the clock of the device."
    )
    original_shift = serializers.UUIDField(
        allow_null=True, help_text="Shift in which it was sold, if it is booked in another one."
    )
    flags = serializers.ListField(child=serializers.ChoiceField(choices=Flag.choices))
