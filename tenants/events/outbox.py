"""Telling the world outside, in the transaction of the deed: what was rolled back is not told.

The same events are the shop's feed of changes: every row that terminals and others keep a copy
of announces each of its changes, and its end with a topic that ends with `.deleted`.
"""

import re
from collections.abc import Iterable
from typing import Any
from uuid import UUID

from django.db.models import Model

from tenants.database.bulk_insert import bulk_insert
from tenants.models import OutboxEvent

CAPITAL = re.compile(r"(?<=[a-z])(?=[A-Z])")


def publish(
    topic: str, *, about: Model | None = None, in_store: UUID | None = None, **data: Any
) -> None:
    """Write an event of the shop in scope; the relay tells it after the commit."""
    build_event(topic, about=about, in_store=in_store, **data).save(force_insert=True)


def publish_all(topic: str, about: Iterable[Model]) -> None:
    """The same of many, in one statement."""
    bulk_insert([build_event(topic, about=each) for each in about])


def publish_row(row: Model, *, is_new: bool) -> None:
    """That a plain row is there now, or is another now."""
    publish(f"{get_resource_type(row)}.{'created' if is_new else 'updated'}", about=row)


def build_event(
    topic: str,
    *,
    about: Model | None = None,
    at_version: int | None = None,
    in_store: UUID | None = None,
    **data: Any,
) -> OutboxEvent:
    """The event alone, for deeds that write all their rows in one message.

    Version and store are the subject's own where they are not named, and it was loaded with them.
    """
    own = vars(about) if about else {}
    return OutboxEvent(
        topic=topic,
        subject_type=get_resource_type(about) if about else "",
        subject=about.pk if about else None,
        subject_version=at_version or own.get("version"),
        store=in_store or own.get("store_id"),
        data=data,
    )


def get_resource_type(row: Model) -> str:
    """`StockLevel` is `stock_level` in the world outside, and a sorted view of people `user`."""
    model: Any = row._meta.concrete_model
    return CAPITAL.sub("_", model.__name__).lower()
