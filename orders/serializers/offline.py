"""Shape of what an order tells beside its figures when a till sold it without a connection."""

from typing import Any

from rest_framework import serializers

from orders.models import Flag
from tenants.fields import MoneyField


class SoldOfflineSerializer(serializers.Serializer[Any]):
    """Null, nothing and an empty list where it was sold with one."""

    adjustment = MoneyField(
        allow_negative=True,
        help_text="What of the total the customer paid beyond what the prices come to, or less.",
    )
    device_sequence = serializers.IntegerField(
        allow_null=True, help_text="The till's own number of a sale that was made offline."
    )
    sold_at = serializers.DateTimeField(
        allow_null=True, help_text="When it was sold offline, by the clock of its till."
    )
    original_shift = serializers.UUIDField(
        allow_null=True, help_text="In which it was sold, where it is booked in another."
    )
    flags = serializers.ListField(child=serializers.ChoiceField(choices=Flag.choices))
