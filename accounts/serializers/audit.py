"""Shapes of what happened."""

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from tenants.models import AuditEvent


class ActorSerializer(serializers.Serializer[Any]):
    id = serializers.UUIDField(
        read_only=True, allow_null=True, help_text="Null for whoever is not of this shop."
    )
    name = serializers.CharField(
        read_only=True,
        help_text="As the person was called then. Without an id it is the keyed hash of a name "
        "that nobody has, or `Platform` for those who run the installation.",
    )


class TargetSerializer(serializers.Serializer[Any]):
    type = serializers.CharField(read_only=True)
    id = serializers.UUIDField(read_only=True)
    name = serializers.CharField(read_only=True)


class AuditEventSerializer(serializers.ModelSerializer[AuditEvent]):
    """What somebody did or tried, from where, and to whom or what."""

    at = serializers.DateTimeField(source="created_at", read_only=True)
    actor = serializers.SerializerMethodField()
    target = serializers.SerializerMethodField()
    facts = serializers.DictField(read_only=True, help_text="What else there is to know of it.")

    class Meta:
        model = AuditEvent
        fields = ("id", "event", "at", "actor", "target", "facts", "session", "ip", "request_id")
        read_only_fields = fields

    @extend_schema_field(ActorSerializer(allow_null=True))
    def get_actor(self, event: AuditEvent) -> dict[str, Any] | None:
        if event.actor is None and not event.actor_name:
            return None
        return {"id": event.actor, "name": event.actor_name}

    @extend_schema_field(TargetSerializer(allow_null=True))
    def get_target(self, event: AuditEvent) -> dict[str, Any] | None:
        if event.target is None:
            return None
        return {"type": event.target_type, "id": event.target, "name": event.target_name}
