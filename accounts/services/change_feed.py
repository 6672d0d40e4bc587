"""Which of the shop's changes somebody may read."""

from collections.abc import Collection
from functools import partial

from accounts.models import User, in_stores_of
from tenants.events.change_feed import Page, read_changes
from tenants.models.outbox import OutboxEventQuerySet


def changes_for(user: User, after: int | None, *, kinds: Collection[str], most: int) -> Page:
    """The next changes of these kinds, or of any; of what this person may read anyway."""
    return read_changes(after, most=most, narrowed=partial(_narrowed, user=user, kinds=kinds))


def _narrowed(
    events: OutboxEventQuerySet, *, user: User, kinds: Collection[str]
) -> OutboxEventQuerySet:
    if kinds:
        events = events.filter(subject_type__in=kinds)
    return events if user.may_see_people() else events.visible_to_staff(in_stores_of(user))
