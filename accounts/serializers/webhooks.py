"""Shapes of webhooks, and of what they were told."""

from typing import Any, ClassVar

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from tenants.api.fields import StrictBooleanField, StrictCharField, StrictChoiceField
from tenants.api.serializers import StrictSerializer
from tenants.events.topics import PATTERNS, TEST, TOPICS
from tenants.models import OutboxDelivery, Webhook

NAMES = sorted(PATTERNS)


class WebhookInput(StrictSerializer):
    url = StrictCharField(
        max_length=500, help_text="https, port 443 or 8443, in the open internet."
    )
    events = serializers.ListField(
        child=StrictChoiceField(choices=NAMES),
        min_length=1,
        max_length=len(NAMES),
        help_text="Topics such as `order.completed`, all of a kind as `order.*`, or `*`.",
    )
    description = StrictCharField(max_length=200, allow_blank=True, required=False)
    is_active = StrictBooleanField(required=False)

    def validate_events(self, events: list[str]) -> list[str]:
        """Each once, in the order given."""
        return list(dict.fromkeys(events))


class WebhookSerializer(serializers.ModelSerializer[Webhook]):
    """A server that is told what happens; its secret is shown only when it is made."""

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
            "events": {"help_text": "What it hears of."},
            "failing_since": {"help_text": "Since when nothing has arrived."},
            "former_until": {"help_text": "Until then the secret before signs too."},
        }

    events = serializers.ListField(child=serializers.CharField(), read_only=True)
    disabled_reason = serializers.ChoiceField(
        choices=["", *Webhook.Disabled.values],
        read_only=True,
        help_text="Why it was switched off; empty unless it was by itself.",
    )


class WebhookWithSecretSerializer(WebhookSerializer):
    """The one answer that holds the secret; null where the answer is given again."""

    secret = serializers.CharField(read_only=True, allow_null=True)

    class Meta(WebhookSerializer.Meta):
        fields = (*WebhookSerializer.Meta.fields, "secret")
        read_only_fields = fields


class DeliverySerializer(serializers.ModelSerializer[OutboxDelivery]):
    """Something that a webhook was told, or is still to be told."""

    id = serializers.UUIDField(read_only=True, help_text="The `webhook-id` of every attempt.")
    type = serializers.ChoiceField(source="event.topic", choices=[*TOPICS, TEST], read_only=True)
    attempts = serializers.IntegerField(read_only=True, help_text="How often it was tried.")
    next_attempt_at = serializers.SerializerMethodField()
    error_code = serializers.CharField(
        read_only=True, help_text="What went wrong last, for example `timed_out`."
    )
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
        """Null where nothing is left to be tried."""
        if delivery.status != OutboxDelivery.Status.WAITING:
            return None
        return serializers.DateTimeField().to_representation(delivery.next_attempt_at)
