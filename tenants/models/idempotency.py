"""Idempotency keys: requests that had an effect, with their responses."""

import uuid
from datetime import timedelta
from typing import TYPE_CHECKING, Any, ClassVar, Self

from django.db import models
from django.utils import timezone

from tenants.exceptions import IdempotencyKeyReused
from tenants.ids import derive_id
from tenants.models.owned import TenantManager, TenantOwned, TenantQuerySet

if TYPE_CHECKING:
    from accounts.models import User

RETENTION = timedelta(hours=72)


class IdempotencyKeyQuerySet(TenantQuerySet["IdempotencyKey"]):
    def visible_to(self, user: "User") -> Self:
        """Return the user's own keys."""
        return self.filter(user=user.pk)

    def expired(self) -> Self:
        return self.filter(created_at__lt=timezone.now() - RETENTION)


class IdempotencyKey(TenantOwned):
    """The key of a request that had an effect, saved in the transaction of the effect.

    `status` is null while the response is unknown, as during a call to a payment gateway.
    """

    user = models.UUIDField()
    method = models.CharField(max_length=7)
    path = models.CharField(max_length=255)
    key = models.CharField(max_length=255)
    # A keyed hash of body and query string: the same key with another request is an error.
    body_hash = models.CharField(max_length=64)
    status = models.PositiveSmallIntegerField(null=True)
    headers = models.JSONField(default=dict)
    # The response body, or until then the data to resume from.
    body = models.TextField(blank=True)
    # Set on a retry whose first attempt had an effect, but lost its response.
    is_resumed = False

    objects = TenantManager.from_queryset(IdempotencyKeyQuerySet)()  # type: ignore[assignment, misc]

    class Meta(TenantOwned.Meta):
        constraints: ClassVar[list[Any]] = [
            models.UniqueConstraint(
                fields=["tenant", "user", "key", "method", "path"], name="idempotency_key_is_unique"
            ),
        ]
        indexes: ClassVar[list[Any]] = [
            models.Index(fields=["tenant", "created_at"], name="idempotency_key_by_time"),
        ]

    def __str__(self) -> str:
        return f"{self.method} {self.path}"

    @property
    def resource_id(self) -> uuid.UUID:
        """Return the id of the row that the request creates, if the client sent none.

        It is derived from the key, so that a retry finds the row even after the key has expired.
        """
        return derive_id(self.tenant_id, self.user, self.method, self.path, self.key)

    @property
    def is_answered(self) -> bool:
        return self.status is not None

    def resume(self, saved: "IdempotencyKey") -> None:
        """Continue with the saved key of an interrupted attempt."""
        self.pk, self.body, self.is_resumed = saved.pk, saved.body, True

    def ensure_same(self, other: "IdempotencyKey") -> None:
        """Raise IdempotencyKeyReused if the other request has another body."""
        if self.body_hash != other.body_hash:
            raise IdempotencyKeyReused
