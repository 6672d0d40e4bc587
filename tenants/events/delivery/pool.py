"""Telling several servers at once, so that one who says nothing keeps nobody else waiting."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor
from concurrent.futures import wait as wait_for
from dataclasses import dataclass, field
from uuid import UUID

from tenants.events.delivery.subscribers import DeliveryFailed, Facts, Subscriber
from tenants.models import OutboxDelivery

# Under way at once: of all recipients, of those of one shop, of one who answers, and of one who
# did not last time. Whoever answers late, and always, keeps the lanes of the own shop alone.
MAX_CONCURRENT = 64
MAX_PER_TENANT = 8
MAX_PER_RECIPIENT = 8
MAX_PER_FAILING_RECIPIENT = 1


@dataclass(frozen=True, slots=True)
class Attempt:
    """What became of a delivery."""

    delivery: OutboxDelivery
    subscriber: Subscriber | None
    error: Exception | None = None
    facts: Facts = field(default_factory=dict)


class DeliveryPool:
    """What is under way at this moment. The threads ask no database: only the relay does."""

    def __init__(self) -> None:
        self.executor = ThreadPoolExecutor(MAX_CONCURRENT, thread_name_prefix="told")
        self.in_progress: dict[Future[Facts], tuple[OutboxDelivery, Subscriber]] = {}

    @property
    def is_used(self) -> bool:
        return bool(self.in_progress)

    def taken(self, failures: Mapping[str, int]) -> list[str]:
        """Those who are told as much at once as they may be."""
        counts = Counter(delivery.subscriber for delivery, _ in self.in_progress.values())
        return [name for name, count in counts.items() if count >= _room(failures.get(name, 0))]

    def saturated_tenants(self) -> set[UUID | None]:
        """Those whose recipients take as long as they may, together."""
        counts = Counter(delivery.tenant_id for delivery, _ in self.in_progress.values())
        return {shop for shop, count in counts.items() if count >= MAX_PER_TENANT}

    def start(
        self, delivery: OutboxDelivery, subscriber: Subscriber, work: Callable[[], Facts]
    ) -> None:
        if len(self.in_progress) >= MAX_CONCURRENT:
            self.wait(None)
        self.in_progress[self.executor.submit(work)] = delivery, subscriber

    def wait(self, seconds: float | None) -> None:
        """Until one has come back, or for so long."""
        wait_for(self.in_progress, timeout=seconds, return_when=FIRST_COMPLETED)

    def done(self, *, wait: bool = False) -> Iterator[Attempt]:
        """Those that have come back; with `wait` all of them, when they have."""
        if wait:
            wait_for(self.in_progress)
        for future in [each for each in self.in_progress if each.done()]:
            yield _tried(future, *self.in_progress.pop(future))

    def close(self) -> None:
        self.executor.shutdown(wait=False)


def _room(failures: int) -> int:
    return MAX_PER_FAILING_RECIPIENT if failures else MAX_PER_RECIPIENT


def _tried(future: "Future[Facts]", delivery: OutboxDelivery, subscriber: Subscriber) -> Attempt:
    error = future.exception()
    if error is None:
        return Attempt(delivery, subscriber, facts=future.result())
    if not isinstance(error, Exception):
        raise error
    return Attempt(delivery, subscriber, error, get_error_facts(error))


def get_error_facts(error: Exception) -> Facts:
    return error.facts if isinstance(error, DeliveryFailed) else {}
