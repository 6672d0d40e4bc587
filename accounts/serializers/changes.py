"""Shapes of the feed of changes."""

from typing import Any

from drf_spectacular.utils import extend_schema_field, extend_schema_serializer
from rest_framework import serializers

from tenants.events.topics import RESOURCE_TYPES, TOPICS
from tenants.models import OutboxEvent


class ChangedSerializer(serializers.Serializer[Any]):
    type = serializers.ChoiceField(choices=RESOURCE_TYPES, read_only=True)
    id = serializers.UUIDField(read_only=True)


class ChangeSerializer(serializers.Serializer[OutboxEvent]):
    """That something changed, and what: ask for it where its kind is listed."""

    position = serializers.IntegerField(read_only=True)
    type = serializers.ChoiceField(source="topic", choices=TOPICS, read_only=True)
    object = serializers.SerializerMethodField()
    deleted = serializers.BooleanField(
        source="is_tombstone", read_only=True, help_text="It is gone: drop your copy."
    )
    version = serializers.IntegerField(
        source="subject_version",
        read_only=True,
        allow_null=True,
        help_text="At which version this change left it: a copy of it or of a later one is good.",
    )
    at = serializers.DateTimeField(source="created_at", read_only=True)

    @extend_schema_field(ChangedSerializer)
    def get_object(self, event: OutboxEvent) -> dict[str, Any]:
        return {"type": event.subject_type, "id": event.subject}


@extend_schema_serializer(many=False)
class ChangesSerializer(serializers.Serializer[Any]):
    """Some changes in the order in which they became true, and from where to read on."""

    after = serializers.IntegerField(read_only=True, help_text="Ask with this next time.")
    has_more = serializers.BooleanField(read_only=True, help_text="Ask again right away.")
    results = ChangeSerializer(many=True, read_only=True)
