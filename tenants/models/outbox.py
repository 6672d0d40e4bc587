"""What the world outside is to hear of, once the deed is done."""

from typing import Any, ClassVar

from django.db import models
from django.utils import timezone

from tenants.models.owned import TenantOwned


class OutboxEvent(TenantOwned):
    """Something that happened, written in the transaction of the deed and told after it.

    The relay makes a delivery for each subscriber that wants it, and then marks the event.
    """

    topic = models.CharField(max_length=60)
    # What it is about; events of one subject are told in their order.
    subject_type = models.CharField(max_length=40, blank=True)
    subject = models.UUIDField(null=True, blank=True)
    data = models.JSONField(default=dict)
    relayed_at = models.DateTimeField(null=True, blank=True)

    class Meta(TenantOwned.Meta):
        indexes: ClassVar[list[Any]] = [
            # Only those still to be told, of every shop: the one question that the relay asks.
            models.Index(
                fields=["created_at", "id"],
                condition=models.Q(relayed_at__isnull=True),
                name="outbox_to_relay",
            ),
            models.Index(fields=["tenant", "created_at", "id"], name="outbox_by_time"),
        ]

    def __str__(self) -> str:
        return self.topic


class OutboxDelivery(TenantOwned):
    """One event on its way to one subscriber, tried until it arrives or is given up."""

    class Status(models.TextChoices):
        WAITING = "waiting", "Waiting"
        DELIVERED = "delivered", "Delivered"
        DEAD = "dead", "Given up"

    event = models.ForeignKey(OutboxEvent, on_delete=models.CASCADE, related_name="deliveries")
    subscriber = models.CharField(max_length=60)
    status = models.CharField(max_length=9, choices=Status, default=Status.WAITING)
    attempts = models.PositiveIntegerField(default=0)
    next_attempt_at = models.DateTimeField(default=timezone.now)
    delivered_at = models.DateTimeField(null=True, blank=True)
    last_error = models.CharField(max_length=500, blank=True)

    class Meta(TenantOwned.Meta):
        verbose_name_plural = "outbox deliveries"
        constraints: ClassVar[list[Any]] = [
            models.UniqueConstraint(
                fields=["tenant", "event", "subscriber"], name="delivered_once_to_each"
            ),
        ]
        indexes: ClassVar[list[Any]] = [
            models.Index(
                fields=["next_attempt_at", "id"],
                condition=models.Q(status="waiting"),
                name="delivery_to_try",
            ),
            models.Index(fields=["tenant", "status", "created_at"], name="delivery_by_status"),
        ]

    def __str__(self) -> str:
        return f"{self.subscriber}: {self.status}"
