"""Serializers of webhooks and deliveries."""

from typing import Any, ClassVar

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from tenants.api.fields import StrictBooleanField, StrictCharField, StrictChoiceField
from tenants.api.serializers import StrictSerializer
from tenants.events.topics import PATTERNS, TEST, TOPICS
from tenants.models import OutboxDelivery, Webhook

NAMES = sorted(PATTERNS)


class WebhookInput(StrictSerializer):
    url = StrictCharField(max_length=500, help_text="Public https URL with port 443 or 8443.")
    events = serializers.ListField(
        child=StrictChoiceField(choices=NAMES),
        min_length=1,
        max_length=len(NAMES),
        help_text="Topics such as `order.completed`, `order.*` for all of a resource, or `*`.",
    )
    description = StrictCharField(max_length=200, allow_blank=True, required=False)
    is_active = StrictBooleanField(required=False)

    def validate_events(self, events: list[str]) -> list[str]:
        """Remove duplicates and keep the order."""
        return list(dict.fromkeys(events))


class WebhookSerializer(serializers.ModelSerializer[Webhook]):
    """Webhook without its secret."""

    class Meta:
        model = Webhook
        fields: ClassVar[Any] = (
            "id",
            "url",
            "description",
            "events",
            "is_active",
            "disabled_reason",
            "failing_since",
            "former_until",
            "created_at",
            "updated_at",
            "version",
        )
        read_only_fields = fields
        extra_kwargs: ClassVar[Any] = {
            "events": {"help_text": "Subscribed topics."},
            "failing_since": {"help_text": "Time of the first failure since the last success."},
            "former_until": {"help_text": "Until then the former secret also signs."},
        }

    events = serializers.ListField(child=serializers.CharField(), read_only=True)
    disabled_reason = serializers.ChoiceField(
        choices=["", *Webhook.Disabled.values],
        read_only=True,
        help_text="Why it was disabled automatically, otherwise empty.",
    )


class WebhookWithSecretSerializer(WebhookSerializer):
    """Webhook with its secret; null in a repeated response."""

    secret = serializers.CharField(read_only=True, allow_null=True)

    class Meta(WebhookSerializer.Meta):
        fields = (*WebhookSerializer.Meta.fields, "secret")
        read_only_fields = fields


class DeliverySerializer(serializers.ModelSerializer[OutboxDelivery]):
    """Delivery of an event to a webhook."""

    id = serializers.UUIDField(read_only=True, help_text="The `webhook-id` of every attempt.")
    type = serializers.ChoiceField(source="event.topic", choices=[*TOPICS, TEST], read_only=True)
    attempts = serializers.IntegerField(read_only=True, help_text="Number of attempts.")
    next_attempt_at = serializers.SerializerMethodField()
    error_code = serializers.CharField(read_only=True, help_text="Last error, such as `timed_out`.")
    error = serializers.CharField(source="last_error", read_only=True)

    class Meta:
        model = OutboxDelivery
        fields = (
            "id",
            "type",
            "status",
            "attempts",
            "attempted_at",
            "response_code",
            "duration_ms",
            "error_code",
            "error",
            "next_attempt_at",
            "delivered_at",
            "created_at",
        )
        read_only_fields = fields

    @extend_schema_field({"type": ["string", "null"], "format": "date-time"})
    def get_next_attempt_at(self, delivery: OutboxDelivery) -> str | None:
        """Return null unless another attempt is scheduled."""
        if delivery.status != OutboxDelivery.Status.WAITING:
            return None
        return serializers.DateTimeField().to_representation(delivery.next_attempt_at)
