"""Shape of what an order shows of its till: its number there, and how it was sold offline."""

from typing import Any

from rest_framework import serializers

from orders.models import Flag
from tenants.api.fields import MoneyField


class OfflineFieldsSerializer(serializers.Serializer[Any]):
    """What the till says of the sale. It was made offline where `sold_at` is set."""

    adjustment = MoneyField(
        allow_negative=True,
        help_text="What of the total the customer paid beyond what the prices come to, or less.",
    )
    device_sequence = serializers.IntegerField(
        allow_null=True, help_text="The till's own number of the sale, where it gave one."
    )
    sold_at = serializers.DateTimeField(
        allow_null=True, help_text="When it was sold offline, by the clock of its till."
    )
    original_shift = serializers.UUIDField(
        allow_null=True, help_text="In which it was sold, where it is booked in another."
    )
    flags = serializers.ListField(child=serializers.ChoiceField(choices=Flag.choices))
