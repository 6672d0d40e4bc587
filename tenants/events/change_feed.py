"""The feed of a shop's changes: each has a position, and positions follow the commits.

Ids and times are made while a deed is under way, and a slow deed that began earlier commits
later: a reader who has passed them would never see it. So the position is given afterwards, to
what is committed and by one at a time: a new number is always behind every reader.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import connection
from django.db.models import Max

from tenants.events.delivery import Job
from tenants.exceptions import ChangesGone
from tenants.models import ChangeFeed, OutboxEvent, Tenant
from tenants.models.outbox import OutboxEventQuerySet
from tenants.scope import across_tenants, atomic_with_retry, current_tenant_id, tenant_scope

# So many are numbered in one transaction: whoever else wants to number waits for it.
BATCH = 1000
RowFilter = Callable[[OutboxEventQuerySet], OutboxEventQuerySet]


@dataclass(frozen=True, slots=True)
class Page:
    """Some changes, from where to read on, and whether there is more right now."""

    results: Sequence[OutboxEvent]
    after: int
    has_more: bool


def read_changes(after: int | None, *, most: int, narrowed: RowFilter) -> Page:
    """The changes behind a position, as far as this reader may see them.

    Without a position none, but from where to read on: whoever then loads the lists misses none.
    """
    waiting = assign_positions()
    feed = _feed()
    if after is None:
        return Page([], feed.last, has_more=False)
    # Up to what was counted before: a change that is numbered meanwhile is behind this page.
    rows = narrowed(OutboxEvent.objects.between(after, feed.last))
    found = list(rows.defer("data")[: most + 1])
    _ensure_not_gone(after, feed)
    if len(found) > most:
        return Page(found[:most], found[most - 1].position or 0, has_more=True)
    return Page(found, feed.last, has_more=waiting)


def _feed() -> ChangeFeed:
    return ChangeFeed.objects.first() or ChangeFeed()


def _ensure_not_gone(after: int, feed: ChangeFeed) -> None:
    """Asked after reading: what is deleted is first declared to be.

    A place beyond the last is from before a backup was put back: what it has seen never was.
    """
    pruned = _feed().pruned
    if after < pruned or after > feed.last:
        raise ChangesGone(after=after, oldest=pruned, last=feed.last)


def assign_positions() -> bool:
    """Number what is committed and has no position yet; whether there is still more of it.

    Looks before it locks: most of the time nothing waits.
    """
    return OutboxEvent.objects.without_position().exists() and _number()


@atomic_with_retry
def _number() -> bool:
    ChangeFeed.objects.bulk_create([ChangeFeed()], ignore_conflicts=True)
    feed = ChangeFeed.objects.select_for_update(no_key=True).get()
    numbered = _give_positions(feed.last)
    feed.last += numbered
    feed.save(update_fields=["last", "updated_at"])
    return numbered == BATCH


def _give_positions(last: int) -> int:
    """Number the oldest first. Sales are not in the way: nobody else changes what they wrote."""
    oldest = OutboxEvent.objects.without_position().order_by("pk").select_for_update(no_key=True)
    pks = list(oldest.values_list("pk", flat=True)[:BATCH])
    with connection.cursor() as cursor:
        cursor.execute(*_numbering(pks, last))
    return len(pks)


def _numbering(pks: Sequence[Any], last: int) -> tuple[str, list[Any]]:
    table = connection.ops.quote_name(OutboxEvent._meta.db_table)
    places = ", ".join(["%s"] * len(pks))
    statement = """
        UPDATE {table} SET position = %s + ranked.place FROM (
            SELECT id, row_number() OVER (ORDER BY id) AS place FROM {table} WHERE id IN ({places})
        ) AS ranked WHERE {table}.id = ranked.id
    """
    given = [last, *(OutboxEvent._meta.pk.get_db_prep_value(pk, connection) for pk in pks)]
    return statement.format(table=table, places=places), given


class PositionAssignment(Job):
    """Numbers also where nobody reads, so that the first reader need not do it all."""

    name = "numbering"
    every = 1.0

    def step(self) -> bool:
        """One shop's, whose change waits."""
        with across_tenants():
            waiting = OutboxEvent.objects.without_position().select_related("tenant").first()
        if waiting is None:
            return False
        with tenant_scope(waiting.tenant):
            assign_positions()
        return True


def mark_pruned(before: datetime) -> None:
    """Declare gone, in every shop, what was told before then; only then it may be deleted."""
    with across_tenants():
        done = OutboxEvent.objects.done_before(before).filter(position__isnull=False)
        oldest = list(done.values_list("tenant").annotate(Max("position")).order_by("tenant"))
    for tenant, position in oldest:
        with tenant_scope(Tenant.objects.get(pk=tenant)):
            feeds = ChangeFeed.objects.filter(tenant=current_tenant_id(), pruned__lt=position)
            feeds.update(pruned=position)
