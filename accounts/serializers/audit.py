"""Serializers of audit events."""

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from tenants.models import AuditEvent


class ActorSerializer(serializers.Serializer[Any]):
    id = serializers.UUIDField(
        read_only=True, allow_null=True, help_text="Null if the actor is no user of this tenant."
    )
    name = serializers.CharField(
        read_only=True,
        help_text="Name at the time of the event. Without an id, the keyed hash of an unknown "
        "name, or `Platform` for platform users.",
    )


class TargetSerializer(serializers.Serializer[Any]):
    type = serializers.CharField(read_only=True)
    id = serializers.UUIDField(read_only=True)
    name = serializers.CharField(read_only=True)


class AuditEventSerializer(serializers.ModelSerializer[AuditEvent]):
    """Audit event: actor, event, target and details."""

    at = serializers.DateTimeField(source="created_at", read_only=True)
    actor = serializers.SerializerMethodField()
    target = serializers.SerializerMethodField()
    facts = serializers.DictField(read_only=True, help_text="Details of the event.")

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
