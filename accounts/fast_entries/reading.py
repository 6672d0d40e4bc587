"""One message for the session and the rows of a read, and the pages of lists."""

import re
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from itertools import count
from typing import Any, NamedTuple
from urllib.parse import quote_plus

from django.conf import settings
from django.db import models
from django.utils import timezone
from rest_framework.utils.urls import replace_query_param

from accounts.services.session_check import (
    CheckedSession,
    VerifiedToken,
    check_session,
    remember,
    verify_token,
)
from tenants.api.conditional import build_body_etag
from tenants.api.fast_entry import FastAnswer, FastRequest, render_json
from tenants.api.filters import MAX_IDS
from tenants.api.formats import FormatError, parse_datetime
from tenants.api.pagination import (
    CURSOR,
    DEFAULT_PAGE_SIZE,
    PAGE_SIZE,
    InvalidCursor,
    Order,
    Position,
    build_page,
    cut_page,
    parse_page_size,
)
from tenants.database.postgres import pipeline
from tenants.database.postgres.pipeline import COMMIT, SCOPE, Call, PipelineFailed, Prepared, Result

# A literal LIMIT, because the planner expects a parameter to be a tenth of the table. A few of
# them, because each is a statement of its own.
LIMITS = (2, 11, 51, 101, 201)
UUID_VALUE = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")


def choose_limit(size: int) -> int:
    """Return the LIMIT of a page, one row more at least."""
    return next(each for each in LIMITS if each > size)


class Read(NamedTuple):
    """The session of a request, and the results of its statements."""

    session: CheckedSession
    results: list[Result]

    def answer(self, data: Any, **options: Any) -> FastAnswer:
        known = self.session.known
        return FastAnswer(
            body=render_json(data),
            user=known.user_id,
            tenant=known.tenant_id,
            session=self.session.row.id,
            **options,
        )

    def answer_list(
        self,
        request: FastRequest,
        results: list[Any],
        following: str | None = None,
        previous: str | None = None,
    ) -> FastAnswer:
        """Return the answer of a list with an ETag."""
        answer = self.answer(build_page(following, previous, results))
        return answer.with_etag(build_body_etag(answer.body), request)


# As SCOPE, for statements whose values decide which index is best.
PLANNED_SCOPE = Prepared(
    "SELECT set_config('app.tenant', $1, true), "
    "set_config('plan_cache_mode', 'force_custom_plan', true)"
)
# For statements that must see the same rows.
BEGIN_SNAPSHOT = Prepared("BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY")


def read(
    request: FastRequest,
    build_calls: Callable[[VerifiedToken], Sequence[Call]],
    *,
    is_snapshot: bool = False,
    scope: Prepared = SCOPE,
) -> Read | None:
    """Check the session and run the statements in one message; None if anything is unusual."""
    now = timezone.now()
    token = verify_token(request.token) if pipeline.is_available() else None
    if token is None:
        return None
    calls = [(scope, (token.tenant,)), token.build_call(now), *build_calls(token)]
    try:
        if is_snapshot:
            _, _, session, *results, _ = pipeline.send((BEGIN_SNAPSHOT, ()), *calls, (COMMIT, ()))
        else:
            _, session, *results = pipeline.send(*calls)
        checked = check_session(token, session)
        if checked is None:
            return None
        checked.record_use(now)
    except PipelineFailed:
        return None
    return Read(checked, results)


# The parameters that restrict rows to the stores of a user: see `build_store_filter`.
StoreRestriction = tuple[bytes, ...]
ASSIGNED = """
 AND (listed.{store} IN (SELECT store_id FROM accounts_posting WHERE tenant_id = $1::uuid
   AND user_id = $2::uuid)
  OR NOT EXISTS (SELECT FROM accounts_posting WHERE tenant_id = $1::uuid AND user_id = $2::uuid))"""
# By the number of restrictions: none, assigned stores, and the store of a paired register too.
RESTRICTIONS = ("", ASSIGNED, f"{ASSIGNED} AND listed.{{store}} = $3::uuid")
VISIBLE = tuple(each.format(store="store_id") for each in RESTRICTIONS)
# The restriction of each session as last seen.
_last_restrictions: dict[uuid.UUID, StoreRestriction] = {}


def read_visible(
    request: FastRequest,
    build_calls: Callable[[VerifiedToken, StoreRestriction], Sequence[Call]],
) -> Read | None:
    """Read rows that the user may see, in one snapshot.

    The restriction is known before the session is read, from the request before. If the session
    and the user turn out to be restricted otherwise, the rows are read again.
    """
    used: list[StoreRestriction] = []

    def build(token: VerifiedToken) -> Sequence[Call]:
        used.append(_last_restrictions.get(token.claims.session, ()))
        return build_calls(token, used[-1])

    for _ in range(2):
        found = read(request, build, is_snapshot=True)
        if found is None:
            return None
        restriction = build_restriction(found.session)
        if restriction == used[-1]:
            return found
        remember(_last_restrictions, uuid.UUID(found.session.row.id), restriction)
    return None


def build_restriction(session: CheckedSession) -> StoreRestriction:
    if session.known.works_in_all_stores:
        return ()
    user = session.known.user_id.encode()
    return (user, session.store_id.encode()) if session.store_id else (user,)


class Filter(NamedTuple):
    """A filter of a list: its SQL, and how its value becomes a parameter; None is not valid.

    `is_planned` says that the value decides which index is best.
    """

    condition: str
    parse: Callable[[str], bytes | None]
    is_planned: bool = False


def parse_id(text: str) -> bytes | None:
    return text.encode() if UUID_VALUE.fullmatch(text) else None


def parse_ids(text: str) -> bytes | None:
    """Return an array of PostgreSQL."""
    ids = text.split(",")
    if len(ids) > MAX_IDS or not all(map(UUID_VALUE.fullmatch, ids)):
        return None
    return f"{{{text}}}".encode()


def parse_flag(text: str) -> bytes | None:
    return text.encode() if text in {"true", "false"} else None


def parse_time(text: str) -> bytes | None:
    try:
        return parse_datetime(text).isoformat().encode()
    except FormatError:
        return None


BY_IDS = Filter("listed.id = ANY ({}::uuid[])", parse_ids)


@dataclass(frozen=True, eq=False)
class KeysetList:
    """A list in its default order: the SQL of its pages, and the links between them.

    `select` ends with a condition on the tenant $1 of the rows, which it calls `listed`. `columns`
    are those of the order, with the types of the cursor's values, which `read_position` returns for
    a row.
    """

    model: type[models.Model]
    select: str
    ordering: str
    columns: Sequence[tuple[str, str]]
    read_position: Callable[[Any], tuple[str | int, ...]]
    filters: Mapping[str, Filter] = field(default_factory=dict)
    # The number of parameters in `select`.
    parameters: int = 1

    @cached_property
    def order(self) -> Order:
        return Order(
            name=self.ordering.removeprefix("-"),
            paths=tuple(name for name, _ in self.columns),
            descending=self.ordering.startswith("-"),
            model=self.model,
        )

    def read_page(self, request: FastRequest) -> "PageRequest | None":
        """Return what page a request asks for, or None if it is not valid."""
        names = tuple(sorted(request.query.keys() & self.filters.keys()))
        given = [self.filters[name].parse(request.query[name]) for name in names]
        if None in given or not request.query.keys() <= {*names, CURSOR, PAGE_SIZE}:
            return None
        size: int | None = DEFAULT_PAGE_SIZE
        if PAGE_SIZE in request.query:
            size = parse_page_size(request.query[PAGE_SIZE])
        if size is None:
            return None
        cursor = request.query.get(CURSOR)
        try:
            position = None if cursor is None else self.order.decode_cursor(cursor)
        except InvalidCursor:
            return None
        if position is not None and len(position.values) != len(self.columns):
            return None
        return PageRequest(self, size, position, names, [each for each in given if each])


class PageRequest(NamedTuple):
    """One page of a list."""

    listed: KeysetList
    size: int
    position: Position | None
    # The filters, and their parameters.
    names: tuple[str, ...]
    given: list[bytes]

    @property
    def scope(self) -> Prepared:
        is_planned = any(self.listed.filters[name].is_planned for name in self.names)
        return PLANNED_SCOPE if is_planned else SCOPE

    @property
    def direction(self) -> bool | None:
        """Return whether the page is read backwards, or None for the first page."""
        return None if self.position is None else self.position.backwards

    @property
    def limit(self) -> int:
        return choose_limit(self.size)

    @property
    def values(self) -> list[bytes]:
        """Return the parameters of the filters, and those that say where the page begins."""
        start = [] if self.position is None else [_encode(each) for each in self.position.values]
        return [*self.given, *start]

    def build_call(self, tenant: bytes, *given: bytes) -> Call:
        """Return the statement of a page whose rows all users may see.

        `given` are the parameters of `select` after the tenant.
        """
        statement = prepare_page(self.listed, self.names, self.direction, self.limit)
        return statement, (tenant, *given, *self.values)

    def build_links(
        self, request: FastRequest, rows: list[Any]
    ) -> tuple[list[Any], str | None, str | None]:
        """Return the page, and the links to the next and the previous one."""
        page, follows, precedes = cut_page(rows[: self.size + 1], self.size, self.position)
        return (
            page,
            self.link(request, page[-1], backwards=False) if follows else None,
            self.link(request, page[0], backwards=True) if precedes else None,
        )

    def link(self, request: FastRequest, row: Any, *, backwards: bool) -> str:
        listed = self.listed
        position = listed.read_position(row)
        cursor = sign_cursor(listed.order, backwards, position, settings.SECRET_KEY)
        if not request.query:
            return f"{request.url}?{CURSOR}={quote_plus(cursor)}"
        return replace_query_param(request.url, CURSOR, cursor)


@lru_cache(maxsize=4096)
def sign_cursor(order: Order, backwards: bool, values: tuple[str | int, ...], _secret: str) -> str:
    """Return the cursor. The same position has the same cursor, as long as the key is the same."""
    return order.signer.sign_object([backwards, *values])


@lru_cache(maxsize=256)
def prepare_page(
    listed: KeysetList, names: tuple[str, ...], backwards: bool | None, limit: int
) -> Prepared:
    return Prepared(build_page_sql(listed, 0, names, backwards, limit))


def build_page_sql(
    listed: KeysetList,
    restrictions: int,
    names: tuple[str, ...],
    backwards: bool | None,
    limit: int,
) -> str:
    """Return the SQL of a page: the first one if `backwards` is None.

    Its parameters are those of `select`, the restrictions to stores, the filters and the position.
    """
    place = count(listed.parameters + restrictions + 1)
    where = [listed.filters[name].condition.format(f"${next(place)}") for name in names]
    columns = [f"listed.{name}" for name, _ in listed.columns]
    descending = listed.order.descending != bool(backwards)
    if backwards is not None:
        position = ", ".join(f"${next(place)}::{kind}" for _, kind in listed.columns)
        where.append(f"({', '.join(columns)}) {'<' if descending else '>'} ({position})")
    ordered = ", ".join(f"{column}{' DESC' if descending else ''}" for column in columns)
    conditions = "".join(f" AND {condition}" for condition in where)
    select = f"{listed.select}{VISIBLE[restrictions]}{conditions}"
    return f"{select} ORDER BY {ordered} LIMIT {limit}"


def _encode(value: object) -> bytes:
    return str(value).encode()


POSTGRES_TIME = re.compile(r"(.{10} .{8})(?:\.([0-9]{1,6}))?\+00")


def write_time(text: str) -> str:
    """Return a time as Python writes it, for the text of PostgreSQL."""
    parts = POSTGRES_TIME.fullmatch(text)
    if parts is None:
        raise ValueError("The time zone of the connection must be UTC.")
    fraction = f".{parts[2]:0<6}" if parts[2] else ""
    return f"{parts[1]}{fraction}+00:00"
