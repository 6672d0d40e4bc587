"""Serializers of metrics."""

from typing import Any

from rest_framework import serializers

from tenants.api.fields import StrictDateTimeField


class HeadcountSerializer(serializers.Serializer[Any]):
    active = serializers.IntegerField(read_only=True)
    inactive = serializers.IntegerField(read_only=True)


class UsersByRoleSerializer(serializers.Serializer[Any]):
    cashier = HeadcountSerializer(read_only=True)
    manager = HeadcountSerializer(read_only=True)
    admin = HeadcountSerializer(read_only=True)


class LogInsSerializer(serializers.Serializer[Any]):
    ok = serializers.IntegerField(read_only=True)
    failed = serializers.IntegerField(read_only=True)


class ReuseSerializer(serializers.Serializer[Any]):
    last_24h = serializers.IntegerField(read_only=True)
    total = serializers.IntegerField(read_only=True)


class MetricsSerializer(serializers.Serializer[Any]):
    """Metrics, computed for each request."""

    at = StrictDateTimeField(read_only=True)
    users = UsersByRoleSerializer(read_only=True)
    active_sessions = serializers.IntegerField(read_only=True)
    log_ins_24h = LogInsSerializer(read_only=True)
    locked_now = serializers.IntegerField(
        read_only=True, help_text="Users who are locked out after too many wrong passwords."
    )
    refresh_reuse = ReuseSerializer(
        read_only=True, help_text="Sessions that ended because a refresh token was reused."
    )
    access_token_seconds = serializers.IntegerField(read_only=True)
