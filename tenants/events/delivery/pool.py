"""Telling several servers at once, so that one who says nothing keeps nobody else waiting."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor
from concurrent.futures import wait as wait_for
from dataclasses import dataclass, field
from uuid import UUID

from tenants.events.delivery.subscribers import Facts, NotDelivered, Subscriber
from tenants.models import OutboxDelivery

# Under way at once: of all recipients, of those of one shop, of one who answers, and of one who
# did not last time. Whoever answers late, and always, keeps the lanes of the own shop alone.
MOST = 64
MOST_OF_SHOP = 8
MOST_OF_ONE = 8
MOST_OF_FAILING = 1


@dataclass(frozen=True, slots=True)
class Tried:
    """What became of a delivery."""

    delivery: OutboxDelivery
    subscriber: Subscriber | None
    error: Exception | None = None
    facts: Facts = field(default_factory=dict)


class Lanes:
    """What is under way at this moment. The threads ask no database: only the relay does."""

    def __init__(self) -> None:
        self.pool = ThreadPoolExecutor(MOST, thread_name_prefix="told")
        self.under_way: dict[Future[Facts], tuple[OutboxDelivery, Subscriber]] = {}

    @property
    def is_used(self) -> bool:
        return bool(self.under_way)

    def taken(self, failures: Mapping[str, int]) -> list[str]:
        """Those who are told as much at once as they may be."""
        counts = Counter(delivery.subscriber for delivery, _ in self.under_way.values())
        return [name for name, count in counts.items() if count >= _room(failures.get(name, 0))]

    def busy_shops(self) -> set[UUID | None]:
        """Those whose recipients take as long as they may, together."""
        counts = Counter(delivery.tenant_id for delivery, _ in self.under_way.values())
        return {shop for shop, count in counts.items() if count >= MOST_OF_SHOP}

    def start(
        self, delivery: OutboxDelivery, subscriber: Subscriber, work: Callable[[], Facts]
    ) -> None:
        if len(self.under_way) >= MOST:
            self.wait(None)
        self.under_way[self.pool.submit(work)] = delivery, subscriber

    def wait(self, seconds: float | None) -> None:
        """Until one has come back, or for so long."""
        wait_for(self.under_way, timeout=seconds, return_when=FIRST_COMPLETED)

    def done(self, *, wait: bool = False) -> Iterator[Tried]:
        """Those that have come back; with `wait` all of them, when they have."""
        if wait:
            wait_for(self.under_way)
        for future in [each for each in self.under_way if each.done()]:
            yield _tried(future, *self.under_way.pop(future))

    def close(self) -> None:
        self.pool.shutdown(wait=False)


def _room(failures: int) -> int:
    return MOST_OF_FAILING if failures else MOST_OF_ONE


def _tried(future: "Future[Facts]", delivery: OutboxDelivery, subscriber: Subscriber) -> Tried:
    error = future.exception()
    if error is None:
        return Tried(delivery, subscriber, facts=future.result())
    if not isinstance(error, Exception):
        raise error
    return Tried(delivery, subscriber, error, facts_of(error))


def facts_of(error: Exception) -> Facts:
    return error.facts if isinstance(error, NotDelivered) else {}
