"""The relay at work: one thing after the other, until it is told to stop."""

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

# How long it waits where there is nothing to do, delivers before it looks for new events, and at
# most leaves a database alone that is away.
IDLE_SECONDS = 0.5
CYCLE_SECONDS = 1.0
MAX_DATABASE_PAUSE = 30.0
# A plain flag, looked at this often: a signal handler may not wait for anybody's lock.
POLL_SECONDS = 0.2


class Relay:
    """Tells events and looks after jobs. Several may run at once, on one machine or on many."""

    def __init__(self, subscribers: Sequence[Subscriber], jobs: Sequence[Job] = ()) -> None:
        self.subscribers = subscribers
        self.jobs = jobs
        self.circuit_breaker = CircuitBreaker()
        self.stopped = False
        # What was tried and is not written down yet, because the database went away meanwhile.
        self.tried: list[Attempt] = []
        self.next_steps = dict.fromkeys((job.name for job in jobs), 0.0)
        self.pool = DeliveryPool()

    def stop(self) -> None:
        """Finish what is being done at this moment, and nothing more."""
        self.stopped = True

    def run(self, *, once: bool = False) -> None:
        """Go on until told to stop; with `once` only until nothing is left to do now."""
        try:
            self.go_on(once=once)
        finally:
            self.pool.close()

    def go_on(self, *, once: bool) -> None:
        away = 0.0
        while not self.stopped:
            try:
                busy = self.turn()
            except (OperationalError, InterfaceError) as error:
                if once:
                    raise
                away = min(max(away * 2, IDLE_SECONDS), MAX_DATABASE_PAUSE)
                log.warning("database_away", error=type(error).__name__, seconds=away)
                self.wait(away)
                continue
            away = 0.0
            if once and not busy:
                return
            if not busy:
                self.wait(IDLE_SECONDS)
        self.collect(wait=True)

    def wait(self, seconds: float) -> None:
        """And begin anew with a connection that works."""
        close_old_connections()
        end = time.monotonic() + seconds
        while not self.stopped and (left := end - time.monotonic()) > 0:
            time.sleep(min(left, POLL_SECONDS))

    def turn(self) -> bool:
        """Look for new events, deliver for a while, take a step in every job that is due."""
        self.settle()
        collected = self.collect()
        addressed = queue.address(self.subscribers)
        delivered = self.deliver_until(time.monotonic() + CYCLE_SECONDS)
        stepped = [self.step(job) for job in self.jobs]
        collected += self.collect()
        busy = bool(addressed or delivered or collected or any(stepped))
        if not busy and self.pool.is_used:
            self.pool.wait(POLL_SECONDS)
        return busy or self.pool.is_used

    def deliver_until(self, end: float) -> int:
        """Deliver one handful after the other; what is not tried by then is put back.

        After less than a handful nothing else is due: asking again would be for nothing. Returns
        how many it began, and how many have come back.
        """
        count, is_more = 0, True
        while is_more and not self.is_over(end):
            handful, skipped = self.claim(), []
            is_more = len(handful) == queue.CLAIM_SIZE
            while handful and not self.is_over(end):
                delivery = handful.pop(0)
                # Whoever is quick has room again before the next one.
                count += self.collect()
                # A machine that was suspended wakes up in the middle of what it had claimed.
                if self.is_paused(delivery) or delivery.is_lease_over(timezone.now()):
                    skipped.append(delivery)
                else:
                    self.deliver(delivery)
                    count += 1
            queue.release([*handful, *skipped])
            count += self.collect()
        return count

    def claim(self) -> list[OutboxDelivery]:
        return queue.claim(but=self.paused_subscribers(), but_of=self.pool.saturated_tenants())

    def paused_subscribers(self) -> list[str]:
        """Who is not told anything at this moment."""
        return [*self.circuit_breaker.resting, *self.pool.taken(self.circuit_breaker.failures)]

    def is_paused(self, delivery: OutboxDelivery) -> bool:
        is_of_busy = (
            delivery.is_of_recipient and delivery.tenant_id in self.pool.saturated_tenants()
        )
        return is_of_busy or delivery.subscriber in self.paused_subscribers()

    def is_over(self, end: float) -> bool:
        return self.stopped or time.monotonic() >= end

    def deliver(self, delivery: OutboxDelivery) -> None:
        around = {
            "tenant": str(delivery.tenant_id),
            "delivery": str(delivery.pk),
            "subscriber": delivery.subscriber,
            "topic": delivery.event.topic,
            "attempt": delivery.attempts,
        }
        with structlog.contextvars.bound_contextvars(**around):
            self.attempt(delivery)

    def attempt(self, delivery: OutboxDelivery) -> None:
        """Deliver; whatever goes wrong is the subscriber's affair and stops nothing else."""
        subscriber = None
        try:
            queue.ensure_attempts_left(delivery)
            subscriber = find_subscriber(delivery, self.subscribers)
            with tenant_context(delivery.tenant):
                if isinstance(subscriber, RemoteSubscriber):
                    self.pool.start(delivery, subscriber, subscriber.prepared(delivery))
                    return
                subscriber.deliver(delivery)
        except Exception as error:
            self.note(Attempt(delivery, subscriber, error, get_error_facts(error)))
        else:
            self.note(Attempt(delivery, subscriber))

    def collect(self, *, wait: bool = False) -> int:
        """Write down what has come back of those who are told beside the relay."""
        back = list(self.pool.done(wait=wait))
        for tried in back:
            self.note(tried)
        return len(back)

    def note(self, tried: Attempt) -> None:
        delivery, error = tried.delivery, tried.error
        if error is None:
            self.circuit_breaker.record_success(delivery.subscriber)
        else:
            self.circuit_breaker.record_failure(delivery.subscriber)
            self.log_failure(tried, error)
        self.tried.append(tried)
        self.settle()

    def log_failure(self, tried: Attempt, error: Exception) -> None:
        """Somewhere else is something down, or here is a mistake, which needs its traceback."""
        is_mistake = not isinstance(error, DeliveryFailed | OSError)
        facts = {"error": queue.describe_error(error), "exc_info": is_mistake}
        facts |= {"delivery": str(tried.delivery.pk), "subscriber": tried.delivery.subscriber}
        if queue.is_final(tried.delivery, error, tried.subscriber):
            log.error("delivery_given_up", **facts)
        else:
            log.warning("delivery_failed", **facts)

    def settle(self) -> None:
        while self.tried:
            tried = self.tried[0]
            if isinstance(tried.subscriber, RemoteSubscriber):
                with tenant_context(tried.delivery.tenant):
                    tried.subscriber.note(tried.delivery, tried.error)
            if not queue.settle(tried.delivery, tried.error, tried.subscriber, tried.facts):
                log.warning("delivery_taken_over", delivery=str(tried.delivery.pk))
            self.tried.pop(0)

    def step(self, job: Job) -> bool:
        """One step of a job whose time has come."""
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
