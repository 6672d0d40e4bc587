"""Serializers of the change feed, and its response without their cost.

A test compares both.
"""

from typing import Any

from drf_spectacular.utils import extend_schema_field, extend_schema_serializer
from rest_framework import serializers

from tenants.api.formats import exact_moment
from tenants.events.change_feed import Page
from tenants.events.topics import RESOURCE_TYPES, TOPICS
from tenants.models import OutboxEvent


class ChangedSerializer(serializers.Serializer[Any]):
    type = serializers.ChoiceField(choices=RESOURCE_TYPES, read_only=True)
    id = serializers.UUIDField(read_only=True)


class ChangeSerializer(serializers.Serializer[OutboxEvent]):
    """Change of one object. Load the object from its own endpoint."""

    position = serializers.IntegerField(read_only=True)
    type = serializers.ChoiceField(source="topic", choices=TOPICS, read_only=True)
    object = serializers.SerializerMethodField()
    deleted = serializers.BooleanField(
        source="is_tombstone", read_only=True, help_text="True if the object was deleted."
    )
    version = serializers.IntegerField(
        source="subject_version",
        read_only=True,
        allow_null=True,
        help_text="Version after the change. A copy of this or a later version is current.",
    )
    at = serializers.DateTimeField(source="created_at", read_only=True)

    @extend_schema_field(ChangedSerializer)
    def get_object(self, event: OutboxEvent) -> dict[str, Any]:
        return {"type": event.subject_type, "id": event.subject}


@extend_schema_serializer(many=False)
class ChangesSerializer(serializers.Serializer[Any]):
    """Page of changes in commit order."""

    after = serializers.IntegerField(read_only=True, help_text="Position for the next request.")
    has_more = serializers.BooleanField(read_only=True, help_text="More changes are available now.")
    results = ChangeSerializer(many=True, read_only=True)


def render_changes(page: Page) -> dict[str, Any]:
    return {
        "after": page.after,
        "has_more": page.has_more,
        "results": [
            {
                "position": change.position,
                "type": change.topic,
                "object": {"type": change.subject_type, "id": change.subject},
                "deleted": change.is_tombstone,
                "version": change.subject_version,
                "at": exact_moment(change.created_at),
            }
            for change in page.results
        ],
    }
