"""What became of a request, for the client that lost the answer."""

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
        """A key is its sender's own, as what it names is."""
        return self.filter(user=user.pk)

    def expired(self) -> Self:
        return self.filter(created_at__lt=timezone.now() - RETENTION)


class IdempotencyKey(TenantOwned):
    """One request that had an effect; written in the transaction of that effect.

    Without a response the deed has left the process, to a payment gateway, and its answer is not
    yet known: whoever asks again is told what is known by then.
    """

    user = models.UUIDField()
    method = models.CharField(max_length=7)
    path = models.CharField(max_length=255)
    key = models.CharField(max_length=255)
    # Of what was asked: the same key with something else is a mistake of the client.
    body_hash = models.CharField(max_length=64)
    status = models.PositiveSmallIntegerField(null=True)
    headers = models.JSONField(default=dict)
    # Until there is an answer, what the deed has left to make one of.
    body = models.TextField(blank=True)
    # Of this request as it came again: a deed of it was done before, and its answer was lost.
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
        """The id of what this request makes, where the client gave none.

        It follows from the key alone, so that it holds also when the key has been forgotten.
        """
        return derive_id(self.tenant_id, self.user, self.method, self.path, self.key)

    @property
    def is_answered(self) -> bool:
        return self.status is not None

    def resume(self, left: "IdempotencyKey") -> None:
        """Go on under the key that was left behind: what its request did is not done again."""
        self.pk, self.body, self.is_resumed = left.pk, left.body, True

    def ensure_same(self, other: "IdempotencyKey") -> None:
        """Refuse the key for anything but what it was first used for."""
        if self.body_hash != other.body_hash:
            raise IdempotencyKeyReused
