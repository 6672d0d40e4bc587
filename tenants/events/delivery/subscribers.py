"""Who is told of what, and what else comes round. The settings name them, so that the ground
floor need not know who lives above it."""

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
    """It did not arrive, and is tried again later. The words are kept: no secret is in them."""

    def __init__(self, message: str, **facts: Any) -> None:
        self.facts: Facts = facts
        super().__init__(message)


class PermanentFailure(DeliveryFailed):
    """It will never arrive, however often it is tried."""


class Subscriber(ABC):
    """Somebody who wants to hear of some topics, once the deed is done."""

    name: ClassVar[str]
    topics: ClassVar[frozenset[str]]
    # Whether what happens to one subject is told in its order; what failed then holds up the
    # rest of its subject, until it arrives or is given up.
    in_order: ClassVar[bool] = True
    # How often what fails is tried, and how far apart at most.
    max_attempts: ClassVar[int] = MAX_ATTEMPTS
    max_pause: ClassVar[timedelta] = MAX_PAUSE

    def wants(self, event: OutboxEvent) -> bool:
        return event.topic in self.topics

    def recipients(self, events: Sequence[OutboxEvent]) -> Iterator[tuple[OutboxEvent, str]]:
        """To whom each event goes; each gets deliveries, and is retried, apart from the others.

        Asked once for many events, of all shops. A subscriber with recipients of its own names
        them `name/recipient`.
        """
        for event in events:
            yield event, self.name

    @abstractmethod
    def deliver(self, delivery: OutboxDelivery) -> None:
        """Tell the event, in the context of its shop and outside of every transaction.

        Whatever is raised is a failure. It may happen twice: `delivery.pk` is the same then.
        """


class RemoteSubscriber(Subscriber):
    """One who tells somebody else's servers, each of which may take its time.

    They are told side by side, a few at a time, while the relay goes on with the others.
    """

    @abstractmethod
    def prepared(self, delivery: OutboxDelivery) -> Callable[[], Facts]:
        """What is to be done, without the database: it runs beside the relay.

        It returns facts of the delivery, to be written down with it; what is raised is a failure,
        whose facts are those of the exception.
        """

    def note(self, delivery: OutboxDelivery, error: Exception | None) -> None:
        """What became of it, in the context of its shop and before it is written down."""

    def deliver(self, delivery: OutboxDelivery) -> None:
        self.prepared(delivery)()


class Job(ABC):
    """Something that has to be looked after now and then, beside what is told."""

    name: ClassVar[str]
    # Seconds until the next step, where there was nothing to do or nothing got done.
    every: ClassVar[float]

    @abstractmethod
    def step(self) -> bool:
        """Do one thing; whether there may be another one right away.

        Several relays may do it at the same moment.
        """


def load_configured() -> tuple[list[Subscriber], list[Job]]:
    """Those that the settings name."""
    return (
        [import_string(path)() for path in settings.OUTBOX_SUBSCRIBERS],
        [import_string(path)() for path in settings.RELAY_JOBS],
    )


def find_subscriber(delivery: OutboxDelivery, subscribers: Iterable[Subscriber]) -> Subscriber:
    name = delivery.subscriber.partition("/")[0]
    for subscriber in subscribers:
        if subscriber.name == name:
            return subscriber
    # One of a newer or of an older release: there may be a relay that knows it.
    raise DeliveryFailed("This relay has no such subscriber.")
