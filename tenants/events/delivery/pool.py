"""Thread pool for webhooks, so that a slow endpoint does not delay the others."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor
from concurrent.futures import wait as wait_for
from dataclasses import dataclass, field
from uuid import UUID

from tenants.events.delivery.subscribers import DeliveryFailed, Facts, Subscriber
from tenants.models import OutboxDelivery

# Limits of concurrent attempts: in total, per tenant, per recipient, and per recipient whose last
# attempt failed. Slow endpoints use up the limit of their own tenant only.
MAX_CONCURRENT = 64
MAX_PER_TENANT = 8
MAX_PER_RECIPIENT = 8
MAX_PER_FAILING_RECIPIENT = 1


@dataclass(frozen=True, slots=True)
class Attempt:
    """The result of an attempt to deliver."""

    delivery: OutboxDelivery
    subscriber: Subscriber | None
    error: Exception | None = None
    facts: Facts = field(default_factory=dict)


class DeliveryPool:
    """Attempts in progress. The threads do not use the database; only the relay does."""

    def __init__(self) -> None:
        self.executor = ThreadPoolExecutor(MAX_CONCURRENT, thread_name_prefix="delivery")
        self.in_progress: dict[Future[Facts], tuple[OutboxDelivery, Subscriber]] = {}

    @property
    def is_used(self) -> bool:
        return bool(self.in_progress)

    def saturated_subscribers(self, failures: Mapping[str, int]) -> list[str]:
        """Return the subscribers at their limit of concurrent attempts."""
        counts = Counter(delivery.subscriber for delivery, _ in self.in_progress.values())
        return [
            name
            for name, count in counts.items()
            if count >= (MAX_PER_FAILING_RECIPIENT if failures.get(name) else MAX_PER_RECIPIENT)
        ]

    def saturated_tenants(self) -> set[UUID | None]:
        """Return the tenants at their limit of concurrent attempts."""
        counts = Counter(delivery.tenant_id for delivery, _ in self.in_progress.values())
        return {shop for shop, count in counts.items() if count >= MAX_PER_TENANT}

    def start(
        self, delivery: OutboxDelivery, subscriber: Subscriber, work: Callable[[], Facts]
    ) -> None:
        if len(self.in_progress) >= MAX_CONCURRENT:
            self.wait(None)
        self.in_progress[self.executor.submit(work)] = delivery, subscriber

    def wait(self, seconds: float | None) -> None:
        """Wait until an attempt ends, for at most so many seconds."""
        wait_for(self.in_progress, timeout=seconds, return_when=FIRST_COMPLETED)

    def collect(self, *, wait: bool = False) -> Iterator[Attempt]:
        """Yield the finished attempts; with `wait`, wait for all."""
        if wait:
            wait_for(self.in_progress)
        for future in [each for each in self.in_progress if each.done()]:
            yield _build_attempt(future, *self.in_progress.pop(future))

    def close(self) -> None:
        self.executor.shutdown(wait=False)


def _build_attempt(
    future: "Future[Facts]", delivery: OutboxDelivery, subscriber: Subscriber
) -> Attempt:
    error = future.exception()
    if error is None:
        return Attempt(delivery, subscriber, facts=future.result())
    if not isinstance(error, Exception):
        raise error
    return Attempt(delivery, subscriber, error, get_error_facts(error))


def get_error_facts(error: Exception) -> Facts:
    return error.facts if isinstance(error, DeliveryFailed) else {}
