"""What the world outside is to hear of, once the deed is done."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any, ClassVar, Self
from uuid import UUID

from django.db import models
from django.db.models import Exists, F, OuterRef, Q
from django.utils import timezone

from tenants.exceptions import DeliveryNotDead
from tenants.models.change_feed import ChangeFeed
from tenants.models.owned import TenantManager, TenantOwned, TenantQuerySet

# What everybody who works in a shop may read, of whichever store.
STAFF_RESOURCE_TYPES = ("product", "category", "tax_class", "tenant", "store", "register")


class OutboxEventQuerySet(TenantQuerySet["OutboxEvent"]):
    def undispatched(self) -> Self:
        """Those of which no subscriber knows yet, oldest first: ids are made in time's order."""
        return self.filter(relayed_at__isnull=True).order_by("pk")

    def done_before(self, moment: datetime) -> Self:
        """Those that every subscriber was told of before, or was given up on."""
        waiting = OutboxDelivery.objects.waiting().filter(event=OuterRef("pk"))
        return self.filter(~Exists(waiting), relayed_at__lt=moment)

    def without_position(self) -> Self:
        """Those that are to have a place in the feed of changes and have none yet."""
        return self.filter(position__isnull=True, subject__isnull=False)

    def expired(self, moment: datetime) -> Self:
        """Those told before that no reader of the feed may ask for any more."""
        feed = ChangeFeed.objects.filter(
            tenant=OuterRef("tenant"), pruned__gte=OuterRef("position")
        )
        is_past = Q(subject__isnull=True) | Exists(feed)
        return self.done_before(moment).filter(is_past)

    def between(self, after: int, last: int) -> Self:
        """The changes behind a reader's place, up to and with the last."""
        return self.filter(position__gt=after, position__lte=last).order_by("position")

    def visible_to_staff(self, in_their_stores: Q) -> Self:
        """Return what those may read who see the rows of some stores, but no people."""
        of_stores = Q(store__isnull=False) & in_their_stores
        return self.filter(Q(subject_type__in=STAFF_RESOURCE_TYPES) | of_stores)


class OutboxEvent(TenantOwned):
    """Something that happened, written in the transaction of the deed and told after it.

    The relay makes a delivery for each subscriber that wants it, and then marks the event. What
    is about something also has a place in the shop's feed of changes.
    """

    topic = models.CharField(max_length=60)
    # What it is about; events of one subject are told in their order.
    subject_type = models.CharField(max_length=40, blank=True)
    subject = models.UUIDField(null=True, blank=True)
    # At which version it left the subject, and in which store that is.
    subject_version = models.PositiveIntegerField(null=True, blank=True)
    store = models.UUIDField(null=True, blank=True)
    data = models.JSONField(default=dict)
    relayed_at = models.DateTimeField(null=True, blank=True)
    # Given after the commit: ids and times are older than the commit, by as much as it took.
    position = models.BigIntegerField(null=True, blank=True)

    objects = TenantManager.from_queryset(OutboxEventQuerySet)()  # type: ignore[assignment, misc]

    class Meta(TenantOwned.Meta):
        constraints: ClassVar[list[Any]] = [
            # Also how the feed is read.
            models.UniqueConstraint(fields=["tenant", "position"], name="one_change_at_a_place"),
        ]
        indexes: ClassVar[list[Any]] = [
            models.Index(
                fields=["tenant", "id"],
                condition=models.Q(position__isnull=True, subject__isnull=False),
                name="outbox_to_number",
            ),
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

    @property
    def is_tombstone(self) -> bool:
        """Its subject is gone, and whoever keeps a copy drops it."""
        return self.topic.endswith(".deleted")


class OutboxDeliveryQuerySet(TenantQuerySet["OutboxDelivery"]):
    def waiting(self) -> Self:
        return self.filter(status=OutboxDelivery.Status.WAITING)

    def due(
        self, now: datetime, *, but: Collection[str] = (), but_of: Collection[UUID | None] = ()
    ) -> Self:
        """Those to be tried now, but for these subscribers and recipients of these shops.

        The longest due first.

        What a subscriber has to hear in order waits for what came before it.
        """
        same = {name: OuterRef(name) for name in ("tenant", "subject")}
        before = OutboxDelivery.objects.waiting().filter(
            **same, subscriber=OuterRef("subscriber"), event__lt=OuterRef("event")
        )
        undispatched = OutboxEvent.objects.undispatched().filter(**same, pk__lt=OuterRef("event"))
        due = self.waiting().filter(
            ~Exists(before), ~Exists(undispatched), next_attempt_at__lte=now
        )
        if but_of:
            due = due.exclude(tenant__in=but_of, subscriber__contains="/")
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
    # Of the last attempt, where the subscriber is somebody else's server: what it answered, what
    # went wrong, and how long that took. Never what stood in the answer.
    response_code = models.PositiveSmallIntegerField(null=True, blank=True)
    error_code = models.CharField(max_length=40, blank=True)
    duration_ms = models.PositiveIntegerField(null=True, blank=True)
    attempted_at = models.DateTimeField(null=True, blank=True)

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
            models.Index(fields=["tenant", "subscriber", "id"], name="delivery_by_subscriber"),
            # What one of a shop's webhooks never heard, for those who look after it.
            models.Index(
                fields=["tenant", "subscriber", "id"],
                condition=models.Q(status="dead"),
                name="delivery_given_up",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.subscriber}: {self.status}"

    @property
    def is_of_recipient(self) -> bool:
        """Whether it goes to one of several, whom its subscriber tells apart."""
        return "/" in self.subscriber

    def is_lease_over(self, now: datetime) -> bool:
        """Return whether another relay may have claimed it by now. Of a claimed one only."""
        return now >= self.next_attempt_at

    def revive(self) -> None:
        """Be tried again from the beginning, after it was given up."""
        if self.status != self.Status.DEAD:
            raise DeliveryNotDead(delivery_status=self.status)
        self.start_over()

    def start_over(self) -> None:
        """Be tried now and from the beginning, whatever became of it before."""
        self.status = self.Status.WAITING
        self.attempts = 0
        self.next_attempt_at = timezone.now()
        self.delivered_at = None
