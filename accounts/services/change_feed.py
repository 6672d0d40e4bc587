"""Change feed, filtered by what a user may see."""

from collections.abc import Collection
from functools import partial

from accounts.models import User, build_store_filter
from tenants.events.change_feed import Page, read_changes
from tenants.models.outbox import OutboxEventQuerySet


def list_changes(user: User, after: int | None, *, kinds: Collection[str], limit: int) -> Page:
    """Return the next page of changes of these resource types that the user may see."""
    return read_changes(
        after, limit=limit, narrowed=partial(_filter_events, user=user, kinds=kinds)
    )


def _filter_events(
    events: OutboxEventQuerySet, *, user: User, kinds: Collection[str]
) -> OutboxEventQuerySet:
    if kinds:
        events = events.filter(subject_type__in=kinds)
    return events if user.may_view_users() else events.visible_to_staff(build_store_filter(user))
