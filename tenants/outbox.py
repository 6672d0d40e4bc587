"""Telling the world outside, in the transaction of the deed: what was rolled back is not told."""

from typing import Any, Protocol

from tenants.models import OutboxEvent


class Subject(Protocol):
    pk: Any


def announce(topic: str, *, about: Subject | None = None, **data: Any) -> None:
    """Write an event of the shop in scope; the relay tells it after the commit."""
    event_of(topic, about=about, **data).save(force_insert=True)


def event_of(topic: str, *, about: Subject | None = None, **data: Any) -> OutboxEvent:
    """The event alone, for deeds that write all their rows in one message."""
    return OutboxEvent(
        topic=topic,
        subject_type=about.__class__.__name__.lower() if about else "",
        subject=about.pk if about else None,
        data=data,
    )
