"""Serializers of service keys."""

from typing import Any, ClassVar
from uuid import UUID

from rest_framework import serializers

from accounts.models import ServiceKey
from accounts.serializers.people import stores_field
from accounts.service_scopes import SCOPES
from tenants.api.fields import StrictCharField, StrictChoiceField, StrictDateTimeField
from tenants.api.serializers import StrictSerializer

UNKNOWN_SCOPE = f"Must be one of {', '.join(SCOPES)}. Reports can only be read."


class ServiceKeyInput(StrictSerializer):
    name = StrictCharField(max_length=100, trim_whitespace=True)
    scopes = serializers.ListField(
        child=StrictChoiceField(
            choices=list(SCOPES), error_messages={"invalid_choice": UNKNOWN_SCOPE}
        ),
        min_length=1,
        max_length=len(SCOPES),
        help_text="What the key may do. Writing does not include reading.",
    )
    stores = stores_field()
    expires_at = StrictDateTimeField(
        required=False, allow_null=True, help_text="Null or missing: until it is revoked."
    )

    def validate_scopes(self, scopes: list[str]) -> list[str]:
        """Remove duplicates and keep the order."""
        return list(dict.fromkeys(scopes))


class ServiceKeySerializer(serializers.ModelSerializer[ServiceKey]):
    """Service key without its secret."""

    scopes: Any = serializers.ListField(
        child=serializers.ChoiceField(choices=list(SCOPES)), read_only=True
    )
    stores = serializers.SerializerMethodField(help_text="Its stores; empty means all stores.")
    user = serializers.UUIDField(
        source="user_id",
        read_only=True,
        help_text="The user of the key: cashier of its orders, and actor in the audit log.",
    )
    hint = serializers.CharField(read_only=True, help_text="The last characters of the key.")
    last_used_at = serializers.DateTimeField(
        read_only=True, allow_null=True, help_text="Updated at most once a minute."
    )

    class Meta:
        model = ServiceKey
        fields: ClassVar[Any] = (
            "id",
            "name",
            "scopes",
            "stores",
            "user",
            "hint",
            "expires_at",
            "last_used_at",
            "revoked_at",
            "created_at",
            "version",
        )
        read_only_fields = fields

    def get_stores(self, key: ServiceKey) -> list[UUID]:
        return sorted(posting.store_id for posting in key.user.postings.all())


class NewServiceKeySerializer(ServiceKeySerializer):
    """Created service key with its secret, which is shown only once."""

    secret = serializers.CharField(
        read_only=True,
        allow_null=True,
        help_text="The key itself: send it as `Authorization: Bearer`. Null in a repeated response "
        "to the same Idempotency-Key.",
    )

    class Meta(ServiceKeySerializer.Meta):
        fields = (*ServiceKeySerializer.Meta.fields, "secret")
        read_only_fields = fields
