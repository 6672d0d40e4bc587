"""Change feed: the events of a tenant, with positions in the order of commits.

Ids and times are set before the commit, so a slow transaction may commit an older id later, which
a reader would miss. Positions are therefore assigned after the commit, one transaction at a time:
a new position is always greater than every position that was read.
"""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import connection
from django.db.models import Max

from tenants.events.delivery import Job
from tenants.exceptions import ChangesGone
from tenants.ids import to_db_id
from tenants.models import ChangeFeed, OutboxEvent, Tenant
from tenants.models.outbox import OutboxEventQuerySet
from tenants.scope import across_tenants, atomic_with_retry, current_tenant_id, tenant_scope

# Positions assigned in one transaction, for which other readers wait.
BATCH = 1000
RowFilter = Callable[[OutboxEventQuerySet], OutboxEventQuerySet]


@dataclass(frozen=True, slots=True)
class Page:
    """A page of changes, the position to continue from, and whether there are more."""

    results: Sequence[Any]
    after: int
    has_more: bool


def read_changes(after: int | None, *, limit: int, narrowed: RowFilter) -> Page:
    """Return the changes after a position, limited to those that the reader may see.

    Without a position, return only the current one: a client that then loads all data and
    continues from there misses no change.
    """
    waiting = assign_positions()
    feed = _load_feed()
    if after is None:
        return Page([], feed.last, has_more=False)
    # Limited to the position read before: later changes belong to the next page.
    rows = narrowed(OutboxEvent.objects.between(after, feed.last))
    found = list(rows.defer("data")[: limit + 1])
    _ensure_available(after, feed)
    return cut_changes(found, limit, last=feed.last, waiting=waiting)


def read_position(after: int | None = None) -> int:
    """Return the current position: all changes up to it can be seen, also in a snapshot.

    Raises ChangesGone if the changes after `after` cannot be read.
    """
    feed = _load_feed()
    if after is not None and not is_available(after, pruned=feed.pruned, last=feed.last):
        raise ChangesGone(after=after, oldest=feed.pruned, last=feed.last)
    return feed.last


def list_changed(types: Collection[str], after: int, last: int) -> dict[str, list[Any]]:
    """Return the ids of the rows that changed after a position, up to and including `last`."""
    found: dict[str, list[Any]] = {}
    events = OutboxEvent.objects.between(after, last).filter(subject_type__in=types)
    pairs = events.order_by("subject_type", "subject").values_list("subject_type", "subject")
    for kind, subject in pairs.distinct().iterator():
        found.setdefault(kind, []).append(subject)
    return found


def has_changed(types: Collection[str], after: int) -> bool:
    """Return whether a row of these types may have changed after a position."""
    try:
        last = read_position(after)
    except ChangesGone:
        return True
    return OutboxEvent.objects.between(after, last).filter(subject_type__in=types).exists()


def cut_changes(found: Sequence[Any], limit: int, *, last: int, waiting: bool) -> Page:
    """Return the page of the changes found, of which there is one more if others follow."""
    if len(found) > limit:
        return Page(found[:limit], found[limit - 1].position, has_more=True)
    return Page(found, last, has_more=waiting)


def is_available(after: int, *, pruned: int, last: int) -> bool:
    """Return whether the changes after a position can be read.

    A position beyond the last one was read before a backup was restored.
    """
    return pruned <= after <= last


def _load_feed() -> ChangeFeed:
    return ChangeFeed.objects.first() or ChangeFeed()


def _ensure_available(after: int, feed: ChangeFeed) -> None:
    """Raise ChangesGone if the position was pruned, checked after reading to avoid a race."""
    pruned = _load_feed().pruned
    if not is_available(after, pruned=pruned, last=feed.last):
        raise ChangesGone(after=after, oldest=pruned, last=feed.last)


def assign_positions() -> bool:
    """Assign positions to committed events; return whether more are waiting.

    Queries without a lock first, as usually none are waiting.
    """
    return OutboxEvent.objects.without_position().exists() and _assign_batch()


def assign_all_positions() -> None:
    """Assign positions to all committed events."""
    while assign_positions():
        pass


@atomic_with_retry
def _assign_batch() -> bool:
    ChangeFeed.objects.bulk_create([ChangeFeed()], ignore_conflicts=True)
    feed = ChangeFeed.objects.select_for_update(no_key=True).get()
    numbered = _number_oldest(feed.last)
    feed.last += numbered
    feed.save(update_fields=["last", "updated_at"])
    return numbered == BATCH


def _number_oldest(last: int) -> int:
    """Assign positions, oldest event first, and return their number."""
    oldest = OutboxEvent.objects.without_position().order_by("pk").select_for_update(no_key=True)
    pks = list(oldest.values_list("pk", flat=True)[:BATCH])
    with connection.cursor() as cursor:
        cursor.execute(*_build_update(pks, last))
    return len(pks)


def _build_update(pks: Sequence[Any], last: int) -> tuple[str, list[Any]]:
    table = connection.ops.quote_name(OutboxEvent._meta.db_table)
    places = ", ".join(["%s"] * len(pks))
    statement = """
        UPDATE {table} SET position = %s + ranked.place FROM (
            SELECT id, row_number() OVER (ORDER BY id) AS place FROM {table}
            WHERE tenant_id = %s AND id IN ({places})
        ) AS ranked WHERE {table}.tenant_id = %s AND {table}.id = ranked.id
    """
    tenant = to_db_id(current_tenant_id())
    given = [last, tenant, *map(to_db_id, pks), tenant]
    return statement.format(table=table, places=places), given


class PositionAssignment(Job):
    """Assigns positions in the background, so that the first reader need not wait."""

    name = "numbering"
    every = 1.0

    def step(self) -> bool:
        """Assign positions for one tenant with waiting events."""
        with across_tenants():
            waiting = OutboxEvent.objects.without_position().select_related("tenant").first()
        if waiting is None:
            return False
        with tenant_scope(waiting.tenant):
            assign_positions()
        return True


def mark_pruned(before: datetime) -> None:
    """Mark old changes of every tenant as pruned, before they are deleted."""
    with across_tenants():
        done = OutboxEvent.objects.done_before(before).filter(position__isnull=False)
        oldest = list(done.values_list("tenant").annotate(Max("position")).order_by("tenant"))
    for tenant, position in oldest:
        with tenant_scope(Tenant.objects.get(pk=tenant)):
            feeds = ChangeFeed.objects.filter(tenant=current_tenant_id(), pruned__lt=position)
            feeds.update(pruned=position)
