"""What became of a request, for the client that lost the answer."""

from typing import Any, ClassVar

from django.db import models

from tenants.models.owned import TenantOwned


class IdempotencyKey(TenantOwned):
    """One request that had an effect; written in the transaction of that effect.

    Without a response the deed has left the process, to a payment gateway, and its answer is not
    yet known: whoever asks again is told what is known by then.
    """

    user = models.UUIDField()
    method = models.CharField(max_length=7)
    path = models.CharField(max_length=255)
    key = models.CharField(max_length=255)
    # SHA-256 of the body: the same key with another one is a mistake of the client.
    body_hash = models.CharField(max_length=64)
    status = models.PositiveSmallIntegerField(null=True)
    headers = models.JSONField(default=dict)
    body = models.TextField(blank=True)

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
