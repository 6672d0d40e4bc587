"""Base classes of subscribers and background jobs, which the settings list by path.

The paths keep this app independent of the apps that implement them.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import timedelta
from typing import Any, ClassVar

from django.conf import settings
from django.utils.module_loading import import_string

from tenants.events.delivery.backoff import MAX_ATTEMPTS, MAX_PAUSE
from tenants.models import OutboxDelivery, OutboxEvent

Facts = dict[str, Any]


class DeliveryFailed(Exception):
    """A failed attempt, to be retried. The message is stored and must contain no secrets."""

    def __init__(self, message: str, **facts: Any) -> None:
        self.facts: Facts = facts
        super().__init__(message)


class PermanentFailure(DeliveryFailed):
    """A failure that no retry can fix."""


class Subscriber(ABC):
    """Base of the receivers of events, which are called after the commit."""

    name: ClassVar[str]
    topics: ClassVar[frozenset[str]]
    # Whether events of one subject are delivered in order. A failure then blocks later events of
    # the subject until it is resolved.
    in_order: ClassVar[bool] = True
    # The number of attempts, and the maximum delay between them.
    max_attempts: ClassVar[int] = MAX_ATTEMPTS
    max_pause: ClassVar[timedelta] = MAX_PAUSE

    def wants(self, event: OutboxEvent) -> bool:
        return event.topic in self.topics

    def recipients(self, events: Sequence[OutboxEvent]) -> Iterator[tuple[OutboxEvent, str]]:
        """Yield each event with its recipients, which get separate deliveries and retries.

        Called with events of all tenants. Recipients are named `name` or `name/recipient`.
        """
        for event in events:
            yield event, self.name

    @abstractmethod
    def deliver(self, delivery: OutboxDelivery) -> None:
        """Deliver the event, in the scope of its tenant and outside of transactions.

        Any exception is a failure. Repeated calls have the same `delivery.pk`.
        """


class RemoteSubscriber(Subscriber):
    """A subscriber that calls external servers, concurrently and apart from other deliveries."""

    @abstractmethod
    def prepare(self, delivery: OutboxDelivery) -> Callable[[], Facts]:
        """Return a function that runs in a thread and does not use the database.

        It returns facts to store with the delivery, or raises DeliveryFailed with facts.
        """

    def record_result(self, delivery: OutboxDelivery, error: Exception | None) -> None:
        """React to the result of an attempt, in the scope of the tenant, before it is saved."""

    def deliver(self, delivery: OutboxDelivery) -> None:
        self.prepare(delivery)()


class Job(ABC):
    """A periodic background job of the relay."""

    name: ClassVar[str]
    # Seconds until the next step after there was nothing to do or the step failed.
    every: ClassVar[float]

    @abstractmethod
    def step(self) -> bool:
        """Do a unit of work; return whether there may be more. Must be safe for several relays."""


def load_configured() -> tuple[list[Subscriber], list[Job]]:
    """Return the subscribers and jobs of the settings."""
    return (
        [import_string(path)() for path in settings.OUTBOX_SUBSCRIBERS],
        [import_string(path)() for path in settings.RELAY_JOBS],
    )


def find_subscriber(delivery: OutboxDelivery, subscribers: Iterable[Subscriber]) -> Subscriber:
    name = delivery.subscriber.partition("/")[0]
    for subscriber in subscribers:
        if subscriber.name == name:
            return subscriber
    # It belongs to another release, of which a relay may be running.
    raise DeliveryFailed("This relay does not have the subscriber.")
