"""The change feed, if all events have their position."""

import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import NamedTuple

from accounts.fast_entries.reading import (
    RESTRICTIONS,
    Read,
    StoreRestriction,
    choose_limit,
    read_visible,
)
from accounts.serializers.changes import render_changes
from accounts.services.session_check import VerifiedToken
from tenants.api.fast_entry import FastAnswer, FastRequest
from tenants.api.pagination import DEFAULT_PAGE_SIZE, PAGE_SIZE, parse_page_size
from tenants.database.postgres.pipeline import Call, Prepared
from tenants.events.change_feed import Page, cut_changes, is_available
from tenants.events.topics import RESOURCE_TYPES
from tenants.models import OutboxEvent
from tenants.models.outbox import STAFF_RESOURCE_TYPES

AFTER, TYPES = "after", "types"
POSITION = re.compile(r"[0-9]{1,18}")
FEED = Prepared(
    """
SELECT coalesce(max(last), 0), coalesce(max(pruned), 0), EXISTS (SELECT FROM tenants_outboxevent
  WHERE tenant_id = $1::uuid AND position IS NULL AND subject IS NOT NULL)
FROM tenants_changefeed WHERE tenant_id = $1::uuid
"""
)
CHANGES = """
SELECT listed.position, listed.topic, listed.subject_type, listed.subject, listed.subject_version,
 listed.created_at FROM tenants_outboxevent listed WHERE listed.tenant_id = $1::uuid
"""
KNOWN_TYPES = frozenset(RESOURCE_TYPES)
OF_STAFF = ", ".join(f"'{each}'" for each in STAFF_RESOURCE_TYPES)


class FeedRow(NamedTuple):
    """The columns of FEED."""

    last: int
    pruned: int
    is_waiting: bool


class ChangeRow(NamedTuple):
    """A change, with the attributes of an event that its response has."""

    position: int
    topic: str
    subject_type: str
    subject: str
    subject_version: int | None
    created_at: str

    is_tombstone = OutboxEvent.is_tombstone  # type: ignore[misc]  # mypy allows only fields


class ChangesRequest(NamedTuple):
    """What a request asks for. Without a position, only for the current one."""

    after: str | None
    # An array of PostgreSQL.
    types: bytes | None
    size: int

    def build_calls(self, token: VerifiedToken, stores: StoreRestriction) -> Sequence[Call]:
        feed = (FEED, (token.tenant,))
        if self.after is None:
            return [feed]
        limit = choose_limit(self.size)
        statement = prepare_changes(len(stores), limit, has_types=self.types is not None)
        types = () if self.types is None else (self.types,)
        return [feed, (statement, (token.tenant, *stores, self.after.encode(), *types))]


def list_changes(request: FastRequest) -> FastAnswer | None:
    asked = read_parameters(request.query)
    found = read_visible(request, asked.build_calls) if asked else None
    if asked is None or found is None:
        return None
    page = build_page(asked, found)
    return found.answer(render_changes(page)) if page else None


def read_parameters(query: Mapping[str, str]) -> ChangesRequest | None:
    """Return what a request asks for, or None if it is not valid."""
    after, types = query.get(AFTER), query.get(TYPES)
    size = parse_page_size(query.get(PAGE_SIZE, str(DEFAULT_PAGE_SIZE)))
    if size is None or not query.keys() <= {AFTER, TYPES, PAGE_SIZE}:
        return None
    if after is not None and not POSITION.fullmatch(after):
        return None
    if types is not None and not KNOWN_TYPES.issuperset(types.split(",")):
        return None
    return ChangesRequest(after, None if types is None else f"{{{types}}}".encode(), size)


def build_page(asked: ChangesRequest, found: Read) -> Page | None:
    """Return the page, or None if positions are missing or those asked for are gone."""
    (feed,) = found.results[0].load(FeedRow._make)
    if feed.is_waiting:
        return None
    if asked.after is None:
        return Page([], feed.last, has_more=False)
    if not is_available(int(asked.after), pruned=feed.pruned, last=feed.last):
        return None
    changes = found.results[1].load(ChangeRow._make)
    return cut_changes(changes[: asked.size + 1], asked.size, last=feed.last, waiting=False)


@lru_cache(maxsize=64)
def prepare_changes(restrictions: int, limit: int, *, has_types: bool) -> Prepared:
    """Return the statement of a page: see `OutboxEventQuerySet.visible_to_staff`.

    Users without a restriction to stores, managers and admins, see all events.
    """
    sql = CHANGES
    if restrictions:
        in_their_stores = RESTRICTIONS[restrictions].format(store="store")
        of_stores = f"listed.store IS NOT NULL{in_their_stores}"
        sql += f" AND (listed.subject_type IN ({OF_STAFF}) OR ({of_stores}))"
    sql += f" AND listed.position > ${restrictions + 2}::bigint"
    if has_types:
        sql += f" AND listed.subject_type = ANY (${restrictions + 3}::text[])"
    return Prepared(f"{sql} ORDER BY listed.position LIMIT {limit}")
