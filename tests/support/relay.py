"""Relays under test, and subscribers that record what they receive."""

import os
import time
from collections.abc import Callable
from typing import Any

from django.db import connection

from tenants.events.delivery import Job, Relay, Subscriber
from tenants.models import OutboxDelivery, OutboxEvent
from tenants.scope import across_tenants, current_tenant

TOPIC = "test.happened"


class Listener(Subscriber):
    """Subscriber of one topic; each of `answers` is raised or called for one delivery."""

    name = "listener"
    topics = frozenset({TOPIC})

    def __init__(self, **changes: Any) -> None:
        self.received: list[dict[str, Any]] = []
        self.shops: list[str] = []
        self.in_transaction: list[bool] = []
        self.answers: list[Exception | Callable[[], None] | None] = []
        vars(self).update(changes)

    def deliver(self, delivery: OutboxDelivery) -> None:
        self.in_transaction.append(connection.in_atomic_block)
        self.shops.append(current_tenant().slug)
        answer = self.answers.pop(0) if self.answers else None
        if isinstance(answer, BaseException):
            raise answer
        if answer:
            answer()
        self.received.append(delivery.event.data)

    @property
    def numbers(self) -> list[int]:
        return [data["number"] for data in self.received]


class Notebook(Subscriber):
    """Subscriber that writes what it receives to a file, for relays in other processes."""

    name = "notebook"
    topics = frozenset({TOPIC})

    def deliver(self, delivery: OutboxDelivery) -> None:
        if pause := os.environ.get("RELAY_PAUSE"):
            note(f"began {delivery.event.data['number']}")
            time.sleep(float(pause))
        note(f"{delivery.event.data['number']}")


def note(line: str) -> None:
    """Append a line in one write, so that lines of several processes do not mix."""
    book = os.open(os.environ["RELAY_NOTEBOOK"], os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    os.write(book, f"{line}\n".encode())
    os.close(book)


class Counter(Job):
    """Job with scripted steps, which may fail."""

    name = "counter"
    every = 1000.0

    def __init__(self, *steps: Exception | bool) -> None:
        self.steps = list(steps)
        self.done = 0

    def step(self) -> bool:
        self.done += 1
        step = self.steps.pop(0) if self.steps else False
        if isinstance(step, Exception):
            raise step
        return step


def run_relay(*subscribers: Subscriber, jobs: Any = ()) -> Relay:
    """Deliver everything that is due."""
    relay = Relay(subscribers, jobs)
    relay.run(once=True)
    return relay


def deliveries(**which: Any) -> list[OutboxDelivery]:
    with across_tenants():
        found = OutboxDelivery.objects.filter(**which).select_related("event")
        return list(found.order_by("event_id"))


def delivery(**which: Any) -> OutboxDelivery:
    (found,) = deliveries(**which)
    return found


def undispatched() -> int:
    with across_tenants():
        return OutboxEvent.objects.undispatched().count()
