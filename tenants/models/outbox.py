"""Transactional outbox: events, and their deliveries to subscribers."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any, ClassVar, Self
from uuid import UUID

from django.db import models
from django.db.models import Exists, F, OuterRef, Q
from django.utils import timezone

from tenants.exceptions import DeliveryNotFailed
from tenants.models.change_feed import ChangeFeed
from tenants.models.owned import TenantManager, TenantOwned, TenantQuerySet

# Resource types whose changes all staff may read, of any store.
STAFF_RESOURCE_TYPES = (
    *("product", "category", "tax_class", "barcode_rule", "modifier_list"),
    *("tenant", "store", "register", "card_reader", "customer_group", "price_list", "price"),
)


class OutboxEventQuerySet(TenantQuerySet["OutboxEvent"]):
    def undispatched(self) -> Self:
        """Return events without deliveries yet, oldest first (ids are in the order of time)."""
        return self.filter(relayed_at__isnull=True).order_by("pk")

    def done_before(self, moment: datetime) -> Self:
        """Return events dispatched before the time without waiting deliveries."""
        waiting = OutboxDelivery.objects.waiting().filter(
            tenant=OuterRef("tenant"), event=OuterRef("pk")
        )
        return self.filter(~Exists(waiting), relayed_at__lt=moment)

    def without_position(self) -> Self:
        """Return events that belong to the change feed, but have no position yet."""
        return self.filter(position__isnull=True, subject__isnull=False)

    def expired(self, moment: datetime) -> Self:
        """Return completed events that the change feed no longer serves."""
        feed = ChangeFeed.objects.filter(
            tenant=OuterRef("tenant"), pruned__gte=OuterRef("position")
        )
        is_past = Q(subject__isnull=True) | Exists(feed)
        return self.done_before(moment).filter(is_past)

    def between(self, after: int, last: int) -> Self:
        """Return the changes after a position, up to and including `last`."""
        return self.filter(position__gt=after, position__lte=last).order_by("position")

    def visible_to_staff(self, in_their_stores: Q) -> Self:
        """Return the events that staff of certain stores may read; users are excluded."""
        of_stores = Q(store__isnull=False) & in_their_stores
        return self.filter(Q(subject_type__in=STAFF_RESOURCE_TYPES) | of_stores)


class OutboxEvent(TenantOwned):
    """An event, written in the transaction of its change and dispatched after the commit.

    The relay creates a delivery for each interested subscriber and then sets `relayed_at`. Events
    with a subject also get a position in the tenant's change feed.
    """

    topic = models.CharField(max_length=60)
    # The changed row. Events of one subject are delivered in order.
    subject_type = models.CharField(max_length=40, blank=True)
    subject = models.UUIDField(null=True, blank=True)
    # The version of the subject after the change, and its store.
    subject_version = models.PositiveIntegerField(null=True, blank=True)
    store = models.UUIDField(null=True, blank=True)
    data = models.JSONField(default=dict)
    relayed_at = models.DateTimeField(null=True, blank=True)
    # Assigned after the commit, because ids and times are set before it.
    position = models.BigIntegerField(null=True, blank=True)

    objects = TenantManager.from_queryset(OutboxEventQuerySet)()  # type: ignore[assignment, misc]

    class Meta(TenantOwned.Meta):
        constraints: ClassVar[list[Any]] = [
            # Also serves reads of the change feed.
            models.UniqueConstraint(fields=["tenant", "position"], name="one_change_at_a_place"),
        ]
        indexes: ClassVar[list[Any]] = [
            models.Index(
                fields=["tenant", "id"],
                condition=models.Q(position__isnull=True, subject__isnull=False),
                name="outbox_to_number",
            ),
            # Serves the query of the relay for undispatched events of all tenants.
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
        """Return whether the subject was deleted, so that clients delete their copies."""
        return self.topic.endswith(".deleted")


class OutboxDeliveryQuerySet(TenantQuerySet["OutboxDelivery"]):
    def waiting(self) -> Self:
        return self.filter(status=OutboxDelivery.Status.WAITING)

    def due(
        self,
        now: datetime,
        *,
        exclude: Collection[str] = (),
        exclude_tenants: Collection[UUID | None] = (),
    ) -> Self:
        """Return the deliveries to attempt now, the longest due first.

        `exclude` names subscribers, `exclude_tenants` tenants whose webhooks are not returned. A
        delivery whose subscriber requires order waits for earlier events of its subject.
        """
        same = {name: OuterRef(name) for name in ("tenant", "subject")}
        before = OutboxDelivery.objects.waiting().filter(
            **same, subscriber=OuterRef("subscriber"), event__lt=OuterRef("event")
        )
        undispatched = OutboxEvent.objects.undispatched().filter(**same, pk__lt=OuterRef("event"))
        due = self.waiting().filter(
            ~Exists(before), ~Exists(undispatched), next_attempt_at__lte=now
        )
        if exclude_tenants:
            due = due.exclude(tenant__in=exclude_tenants, subscriber__contains="/")
        return due.exclude(subscriber__in=exclude).order_by("next_attempt_at", "pk")

    def claimed(self, deliveries: Sequence["OutboxDelivery"], until: datetime) -> Self:
        """Return those of the deliveries whose lease until then is still valid."""
        return self.waiting().filter(
            tenant__in={delivery.tenant_id for delivery in deliveries},
            pk__in=[delivery.pk for delivery in deliveries],
            next_attempt_at=until,
        )

    def change(self, **values: Any) -> int:
        return self.update(version=F("version") + 1, updated_at=timezone.now(), **values)


class OutboxDelivery(TenantOwned):
    """The delivery of an event to a subscriber, retried until it succeeds or finally fails."""

    class Status(models.TextChoices):
        WAITING = "waiting", "Waiting"
        DELIVERED = "delivered", "Delivered"
        DEAD = "dead", "Given up"

    event = models.ForeignKey(OutboxEvent, on_delete=models.CASCADE, related_name="deliveries")
    subscriber = models.CharField(max_length=60)
    # The subject of the event, if the subscriber requires order per subject.
    subject = models.UUIDField(null=True, blank=True)
    status = models.CharField(max_length=9, choices=Status, default=Status.WAITING)
    attempts = models.PositiveIntegerField(default=0)
    next_attempt_at = models.DateTimeField(default=timezone.now)
    delivered_at = models.DateTimeField(null=True, blank=True)
    last_error = models.CharField(max_length=500, blank=True)
    # The result of the last attempt at a webhook. The response body is never stored.
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
            # Serves the query of the relay for waiting deliveries of all tenants.
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
            # Serves the list of failed deliveries of a webhook.
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
        """Return whether the subscriber has several recipients, as webhooks do."""
        return "/" in self.subscriber

    def is_lease_over(self, now: datetime) -> bool:
        """Return whether the lease of a claimed delivery has expired."""
        return now >= self.next_attempt_at

    def retry(self) -> None:
        """Reset a failed delivery. Raises DeliveryNotFailed."""
        if self.status != self.Status.DEAD:
            raise DeliveryNotFailed(delivery_status=self.status)
        self.start_over()

    def start_over(self) -> None:
        """Reset a delivery of any status so that it is attempted now."""
        self.status = self.Status.WAITING
        self.attempts = 0
        self.next_attempt_at = timezone.now()
        self.delivered_at = None
