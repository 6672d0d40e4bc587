"""The main loop of the relay."""

import time
from collections.abc import Sequence

import structlog
from django.db import InterfaceError, OperationalError, close_old_connections
from django.utils import timezone

from tenants.events.delivery import queue
from tenants.events.delivery.backoff import CircuitBreaker
from tenants.events.delivery.pool import Attempt, DeliveryPool, get_error_facts
from tenants.events.delivery.subscribers import (
    DeliveryFailed,
    Job,
    RemoteSubscriber,
    Subscriber,
    find_subscriber,
)
from tenants.models import OutboxDelivery
from tenants.scope import tenant_context

log = structlog.get_logger("till.relay")

# Seconds: the wait when idle, the time of deliveries before the next look for new events, and the
# maximum wait for an unavailable database.
IDLE_SECONDS = 0.5
CYCLE_SECONDS = 1.0
MAX_DATABASE_PAUSE = 30.0
# The interval to poll the stop flag; a signal handler must not wait for a lock.
POLL_SECONDS = 0.2


class Relay:
    """Delivers events and runs jobs. Several relays may run concurrently."""

    def __init__(self, subscribers: Sequence[Subscriber], jobs: Sequence[Job] = ()) -> None:
        self.subscribers = subscribers
        self.jobs = jobs
        self.circuit_breaker = CircuitBreaker()
        self.stopped = False
        # Results that are not saved yet, because the database was unavailable.
        self.attempts: list[Attempt] = []
        self.next_steps = dict.fromkeys((job.name for job in jobs), 0.0)
        self.pool = DeliveryPool()

    def stop(self) -> None:
        """Stop after the current deliveries."""
        self.stopped = True

    def run(self, *, once: bool = False) -> None:
        """Run until stopped, or with `once` until there is nothing left to do now."""
        try:
            self.run_loop(once=once)
        finally:
            self.pool.close()

    def run_loop(self, *, once: bool) -> None:
        pause = 0.0
        while not self.stopped:
            try:
                busy = self.run_cycle()
            except (OperationalError, InterfaceError) as error:
                if once:
                    raise
                pause = min(max(pause * 2, IDLE_SECONDS), MAX_DATABASE_PAUSE)
                log.warning("database_away", error=type(error).__name__, seconds=pause)
                self.wait(pause)
                continue
            pause = 0.0
            if once and not busy:
                return
            if not busy:
                self.wait(IDLE_SECONDS)
        self.collect(wait=True)

    def wait(self, seconds: float) -> None:
        """Sleep, and close broken database connections."""
        close_old_connections()
        end = time.monotonic() + seconds
        while not self.stopped and (left := end - time.monotonic()) > 0:
            time.sleep(min(left, POLL_SECONDS))

    def run_cycle(self) -> bool:
        """Dispatch new events, deliver for a while and run due jobs; return whether to go on."""
        self.save_results()
        collected = self.collect()
        created = queue.create_deliveries(self.subscribers)
        delivered = self.deliver_until(time.monotonic() + CYCLE_SECONDS)
        job_results = [self.run_job(job) for job in self.jobs]
        collected += self.collect()
        busy = bool(created or delivered or collected or any(job_results))
        if not busy and self.pool.is_used:
            self.pool.wait(POLL_SECONDS)
        return busy or self.pool.is_used

    def deliver_until(self, end: float) -> int:
        """Claim and deliver batch after batch, and release what is left at the end of the time.

        Ends after a batch that was not full, as nothing else is due. Returns the number of
        deliveries that were started or finished.
        """
        count, is_more = 0, True
        while is_more and not self.must_stop(end):
            claimed, skipped = self.claim(), []
            is_more = len(claimed) == queue.CLAIM_SIZE
            while claimed and not self.must_stop(end):
                delivery = claimed.pop(0)
                # Free the capacity of finished attempts first.
                count += self.collect()
                # The lease may have expired if the machine was suspended.
                if self.is_paused(delivery) or delivery.is_lease_over(timezone.now()):
                    skipped.append(delivery)
                else:
                    self.deliver(delivery)
                    count += 1
            queue.release([*claimed, *skipped])
            count += self.collect()
        return count

    def claim(self) -> list[OutboxDelivery]:
        return queue.claim(
            exclude=self.paused_subscribers(), exclude_tenants=self.pool.saturated_tenants()
        )

    def paused_subscribers(self) -> list[str]:
        """Return the subscribers that failed repeatedly or are at their limit."""
        saturated = self.pool.saturated_subscribers(self.circuit_breaker.failures)
        return [*self.circuit_breaker.open_circuits, *saturated]

    def is_paused(self, delivery: OutboxDelivery) -> bool:
        is_of_saturated = (
            delivery.is_of_recipient and delivery.tenant_id in self.pool.saturated_tenants()
        )
        return is_of_saturated or delivery.subscriber in self.paused_subscribers()

    def must_stop(self, end: float) -> bool:
        return self.stopped or time.monotonic() >= end

    def deliver(self, delivery: OutboxDelivery) -> None:
        context = {
            "tenant": str(delivery.tenant_id),
            "delivery": str(delivery.pk),
            "subscriber": delivery.subscriber,
            "topic": delivery.event.topic,
            "attempt": delivery.attempts,
        }
        with structlog.contextvars.bound_contextvars(**context):
            self.attempt(delivery)

    def attempt(self, delivery: OutboxDelivery) -> None:
        """Deliver, or start a remote delivery. Errors affect this delivery alone."""
        subscriber = None
        try:
            queue.ensure_attempts_left(delivery)
            subscriber = find_subscriber(delivery, self.subscribers)
            with tenant_context(delivery.tenant):
                if isinstance(subscriber, RemoteSubscriber):
                    self.pool.start(delivery, subscriber, subscriber.prepare(delivery))
                    return
                subscriber.deliver(delivery)
        except Exception as error:
            self.add_result(Attempt(delivery, subscriber, error, get_error_facts(error)))
        else:
            self.add_result(Attempt(delivery, subscriber))

    def collect(self, *, wait: bool = False) -> int:
        """Save the results of finished remote deliveries; return their number."""
        finished = list(self.pool.collect(wait=wait))
        for attempt in finished:
            self.add_result(attempt)
        return len(finished)

    def add_result(self, attempt: Attempt) -> None:
        delivery, error = attempt.delivery, attempt.error
        if error is None:
            self.circuit_breaker.record_success(delivery.subscriber)
        else:
            self.circuit_breaker.record_failure(delivery.subscriber)
            self.log_failure(attempt, error)
        self.attempts.append(attempt)
        self.save_results()

    def log_failure(self, attempt: Attempt, error: Exception) -> None:
        """Log a failure, with a traceback if it is a programming error."""
        is_bug = not isinstance(error, DeliveryFailed | OSError)
        facts = {"error": queue.describe_error(error), "exc_info": is_bug}
        facts |= {"delivery": str(attempt.delivery.pk), "subscriber": attempt.delivery.subscriber}
        if queue.is_final(attempt.delivery, error, attempt.subscriber):
            log.error("delivery_given_up", **facts)
        else:
            log.warning("delivery_failed", **facts)

    def save_results(self) -> None:
        while self.attempts:
            attempt = self.attempts[0]
            if isinstance(attempt.subscriber, RemoteSubscriber):
                with tenant_context(attempt.delivery.tenant):
                    attempt.subscriber.record_result(attempt.delivery, attempt.error)
            if not queue.save_result(
                attempt.delivery, attempt.error, attempt.subscriber, attempt.facts
            ):
                log.warning("delivery_taken_over", delivery=str(attempt.delivery.pk))
            self.attempts.pop(0)

    def run_job(self, job: Job) -> bool:
        """Run a step of a job if it is due; return whether there is more to do."""
        if self.stopped or time.monotonic() < self.next_steps[job.name]:
            return False
        try:
            more = job.step()
        except Exception:
            log.exception("job_failed", job=job.name)
            more = False
        if not more:
            self.next_steps[job.name] = time.monotonic() + job.every
        return more
