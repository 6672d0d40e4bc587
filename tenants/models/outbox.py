"""What the world outside is to hear of, once the deed is done."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any, ClassVar, Self

from django.db import models
from django.db.models import Exists, F, OuterRef
from django.utils import timezone

from tenants.exceptions import DeliveryNotDead
from tenants.models.owned import TenantManager, TenantOwned, TenantQuerySet


class OutboxEventQuerySet(TenantQuerySet["OutboxEvent"]):
    def untold(self) -> Self:
        """Those of which no subscriber knows yet, oldest first: ids are made in time's order."""
        return self.filter(relayed_at__isnull=True).order_by("pk")

    def done_before(self, moment: datetime) -> Self:
        """Those that every subscriber was told of before, or was given up on."""
        waiting = OutboxDelivery.objects.waiting().filter(event=OuterRef("pk"))
        return self.filter(~Exists(waiting), relayed_at__lt=moment)


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

    objects = TenantManager.from_queryset(OutboxEventQuerySet)()  # type: ignore[assignment, misc]

    class Meta(TenantOwned.Meta):
        indexes: ClassVar[list[Any]] = [
            # Only those still to be told, of every shop: the one question that the relay asks.
            models.Index(
                fields=["id"],
                condition=models.Q(relayed_at__isnull=True),
                name="outbox_to_relay",
            ),
            models.Index(fields=["tenant", "created_at", "id"], name="outbox_by_time"),
        ]

    def __str__(self) -> str:
        return self.topic


class OutboxDeliveryQuerySet(TenantQuerySet["OutboxDelivery"]):
    def waiting(self) -> Self:
        return self.filter(status=OutboxDelivery.Status.WAITING)

    def due(self, now: datetime, *, but: Collection[str] = ()) -> Self:
        """Those to be tried now, but for these subscribers, the longest due first.

        What a subscriber has to hear in order waits for what came before it.
        """
        same = {name: OuterRef(name) for name in ("tenant", "subject")}
        before = OutboxDelivery.objects.waiting().filter(
            **same, subscriber=OuterRef("subscriber"), event__lt=OuterRef("event")
        )
        untold = OutboxEvent.objects.untold().filter(**same, pk__lt=OuterRef("event"))
        due = self.waiting().filter(~Exists(before), ~Exists(untold), next_attempt_at__lte=now)
        return due.exclude(subscriber__in=but).order_by("next_attempt_at", "pk")

    def claimed(self, deliveries: Sequence["OutboxDelivery"], until: datetime) -> Self:
        """These, as long as the lease until then is theirs: nobody else has taken them since."""
        return self.waiting().filter(
            pk__in=[delivery.pk for delivery in deliveries], next_attempt_at=until
        )

    def change(self, **values: Any) -> int:
        return self.update(version=F("version") + 1, updated_at=timezone.now(), **values)


class OutboxDelivery(TenantOwned):
    """One event on its way to one subscriber, tried until it arrives or is given up."""

    class Status(models.TextChoices):
        WAITING = "waiting", "Waiting"
        DELIVERED = "delivered", "Delivered"
        DEAD = "dead", "Given up"

    event = models.ForeignKey(OutboxEvent, on_delete=models.CASCADE, related_name="deliveries")
    subscriber = models.CharField(max_length=60)
    # The event's, where the subscriber has to hear of one subject in order.
    subject = models.UUIDField(null=True, blank=True)
    status = models.CharField(max_length=9, choices=Status, default=Status.WAITING)
    attempts = models.PositiveIntegerField(default=0)
    next_attempt_at = models.DateTimeField(default=timezone.now)
    delivered_at = models.DateTimeField(null=True, blank=True)
    last_error = models.CharField(max_length=500, blank=True)

    objects = TenantManager.from_queryset(OutboxDeliveryQuerySet)()  # type: ignore[assignment, misc]

    class Meta(TenantOwned.Meta):
        verbose_name_plural = "outbox deliveries"
        constraints: ClassVar[list[Any]] = [
            models.UniqueConstraint(
                fields=["tenant", "event", "subscriber"], name="delivered_once_to_each"
            ),
        ]
        indexes: ClassVar[list[Any]] = [
            # What the relay asks of every shop, and whoever looks after it: nothing that arrived.
            models.Index(
                fields=["next_attempt_at", "id"],
                condition=models.Q(status="waiting"),
                name="delivery_to_try",
            ),
            models.Index(fields=["id"], condition=models.Q(status="dead"), name="delivery_dead"),
            models.Index(
                fields=["tenant", "subscriber", "subject", "event"],
                condition=models.Q(status="waiting", subject__isnull=False),
                name="delivery_in_order",
            ),
            models.Index(fields=["tenant", "status", "created_at"], name="delivery_by_status"),
        ]

    def __str__(self) -> str:
        return f"{self.subscriber}: {self.status}"

    def revive(self) -> None:
        """Be tried again from the beginning, after it was given up."""
        if self.status != self.Status.DEAD:
            raise DeliveryNotDead(delivery_status=self.status)
        self.status = self.Status.WAITING
        self.attempts = 0
        self.next_attempt_at = timezone.now()
