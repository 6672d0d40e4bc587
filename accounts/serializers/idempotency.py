"""Serializer of requests with an Idempotency-Key."""

import json
from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from tenants.models import IdempotencyKey


class IdempotencyKeySerializer(serializers.ModelSerializer[IdempotencyKey]):
    """`status` and `response` are null until the request is completed."""

    response = serializers.SerializerMethodField()

    class Meta:
        model = IdempotencyKey
        fields = ("method", "path", "status", "created_at", "response")
        read_only_fields = fields

    @extend_schema_field({"description": "Body of the response; null if it had none."})
    def get_response(self, key: IdempotencyKey) -> Any:
        return json.loads(key.body) if key.is_answered and key.body else None
