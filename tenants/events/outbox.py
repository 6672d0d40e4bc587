"""Transactional outbox: publish events in the transaction of a change.

The relay delivers them after the commit. The same events form the tenant's change feed: every
change of a row that clients keep a copy of is published, and its deletion as `<type>.deleted`.
"""

import re
from collections.abc import Iterable
from typing import Any
from uuid import UUID

from django.db.models import Model

from tenants.database.bulk_insert import BATCH_SIZE, build_row, bulk_insert
from tenants.models import OutboxEvent

WORD_BOUNDARY = re.compile(r"(?<=[a-z])(?=[A-Z])")


def publish(
    topic: str, *, about: Model | None = None, in_store: UUID | None = None, **data: Any
) -> None:
    """Write an event of the current tenant; the relay delivers it after the commit."""
    build_event(topic, about=about, in_store=in_store, **data).save(force_insert=True)


def publish_all(topic: str, about: Iterable[Model]) -> None:
    """Write an event for each row, with one statement per batch."""
    events = [build_event(topic, about=each) for each in about]
    for start in range(0, len(events), BATCH_SIZE):
        bulk_insert(events[start : start + BATCH_SIZE])


def publish_row(row: Model, *, is_new: bool) -> None:
    """Write the event `<type>.created` or `<type>.updated` of a row."""
    publish(f"{get_resource_type(row)}.{'created' if is_new else 'updated'}", about=row)


def build_event(
    topic: str,
    *,
    about: Model | None = None,
    at_version: int | None = None,
    in_store: UUID | None = None,
    **data: Any,
) -> OutboxEvent:
    """Return an unsaved event, for a bulk insert.

    Version and store default to those of the subject, if they were loaded.
    """
    own = vars(about) if about else {}
    return build_row(
        OutboxEvent,
        topic=topic,
        subject_type=get_resource_type(about) if about else "",
        subject=about.pk if about else None,
        subject_version=at_version or own.get("version"),
        store=in_store or own.get("store_id"),
        data=data,
    )


def get_resource_type(row: Model | type[Model]) -> str:
    """Return the public name of a model: `StockLevel` is `stock_level`; proxies use their base."""
    model: Any = row._meta.concrete_model
    return WORD_BOUNDARY.sub("_", model.__name__).lower()
