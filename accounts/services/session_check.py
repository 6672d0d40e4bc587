"""Check of a session by one prepared statement, in the same message as the work of the request.

Accepts what `authenticate_token` accepts and nothing else. For everything else it returns None, and
`authenticate_token` then says why. The rows of session, user and tenant are read each time. Only
the model instances of user and tenant are kept, as long as PostgreSQL has not written their rows.
"""

import uuid
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from accounts.exceptions import TokenNotValid
from accounts.models import AuthSession, Role, User
from accounts.security.tokens import Claims, read_access
from accounts.services.sessions import LAST_USED_PRECISION, build_use_statement, is_user_active
from tenants.database.compiled_queries import CompiledQuery
from tenants.database.postgres import pipeline
from tenants.database.postgres.pipeline import SCOPE, Call, Prepared, Result
from tenants.database.prepared_statements import to_call
from tenants.models import Tenant
from tenants.scope import across_tenants

MAX_KEPT = 5_000

# $1 tenant, $2 session, $3 user, $4 now, $5 the time from which on a use need not be recorded.
# `xmin` is the transaction that wrote the row.
SESSION = Prepared(
    """
SELECT u.xmin::text, t.xmin::text, s.id, s.store_id, s.register_id, s.terminal_id, s.method,
 s.current_jti IS NULL, s.last_used_at <= $5::timestamptz
FROM accounts_authsession s JOIN accounts_user u ON u.id = s.user_id
JOIN tenants_tenant t ON t.id = u.tenant_id
WHERE s.tenant_id = $1::uuid AND s.id = $2::uuid AND s.user_id = $3::uuid AND t.id = $1::uuid
 AND s.revoked_at IS NULL AND s.expires_at > $4::timestamptz AND s.idle_expires_at > $4::timestamptz
"""
)
USER = CompiledQuery(
    lambda tenant, pk: User.objects.select_related("tenant").filter(tenant=tenant, pk=pk)
)


class SessionRow(NamedTuple):
    """The columns of SESSION."""

    user_row: str
    tenant_row: str
    id: str
    store_id: str | None
    register_id: str | None
    terminal_id: str | None
    method: str
    is_pin_session: bool
    is_use_due: bool


@dataclass(frozen=True, slots=True)
class KnownUser:
    """A user with the tenant, and what follows from their rows. Shared: never change it."""

    user_row: str
    tenant_row: str
    user: User
    tenant: Tenant
    # Whether the user may call the API: see `accounts.permissions.IsStaff`.
    is_allowed: bool
    works_in_all_stores: bool
    user_id: str
    tenant_id: str


class VerifiedToken(NamedTuple):
    """The claims of a valid access token, also in the form of parameters of SESSION."""

    claims: Claims
    tenant: bytes
    parameters: tuple[bytes, bytes, bytes]

    def build_call(self, now: datetime) -> Call:
        used_before = (now - LAST_USED_PRECISION).isoformat().encode()
        return SESSION, (*self.parameters, now.isoformat().encode(), used_before)


class CheckedSession(NamedTuple):
    """A valid session of a user who may call the API."""

    row: SessionRow
    known: KnownUser

    @property
    def store_id(self) -> str | None:
        """Return the store of the paired terminal, to which a cashier is limited."""
        return self.row.store_id

    def build_use_calls(self, now: datetime) -> list[Call]:
        """Return what records the use as `authenticate_token` does, at most once a minute."""
        if not self.row.is_use_due:
            return []
        jti = None if self.row.is_pin_session else uuid.uuid4()
        tenant = self.known.tenant
        session = AuthSession(pk=uuid.UUID(self.row.id), tenant=tenant, current_jti=jti)
        return [to_call(build_use_statement(session, now))]

    def record_use(self, now: datetime) -> None:
        """Record the use in a message of its own. Raises PipelineFailed."""
        if calls := self.build_use_calls(now):
            pipeline.send((SCOPE, (self.known.tenant_id.encode(),)), *calls)

    def build_user(self) -> User:
        """Return a user of this request's own, as `SessionTokenAuthentication` sets it."""
        user: User = copy_model(self.known.user)
        user.tenant = copy_model(self.known.tenant)
        user.at_store = uuid.UUID(self.row.store_id) if self.row.store_id else None
        return user


_known_users: dict[uuid.UUID, KnownUser] = {}


def verify_token(encoded: str) -> VerifiedToken | None:
    """Return the claims of an access token, or None unless it is valid."""
    try:
        claims = read_access(encoded)
    except TokenNotValid:
        return None
    tenant, session, user = (
        str(each).encode() for each in (claims.tenant, claims.session, claims.user)
    )
    return VerifiedToken(claims, tenant, (tenant, session, user))


def check_session(token: VerifiedToken, result: Result) -> CheckedSession | None:
    """Return the session that SESSION found, if its user may call the API."""
    rows = result.load(SessionRow._make)
    if len(rows) != 1:
        return None
    known = find_known_user(token, rows[0])
    if known is None or not known.is_allowed:
        return None
    if token.claims.token_version != known.user.token_version:
        return None
    return CheckedSession(rows[0], known)


def find_known_user(token: VerifiedToken, row: SessionRow) -> KnownUser | None:
    """Return the cached user if SESSION read the same rows; else load it, or return None."""
    known = _known_users.get(token.claims.user)
    if known is not None and known.user_row == row.user_row and known.tenant_row == row.tenant_row:
        return known
    return load_user(token, row)


def load_user(token: VerifiedToken, row: SessionRow) -> KnownUser | None:
    """Load user and tenant in one query, and keep them.

    Rows that were written after SESSION are newer than what they are kept for, so that the next
    request loads them again.
    """
    claims = token.claims
    with across_tenants():
        user = USER.first(tenant=claims.tenant, pk=claims.user)
    if user is None or user.tenant is None:
        return None
    known = KnownUser(
        user_row=row.user_row,
        tenant_row=row.tenant_row,
        user=user,
        tenant=user.tenant,
        is_allowed=is_user_active(user)
        and user.is_at_least(Role.CASHIER)
        and not user.must_change_password,
        works_in_all_stores=user.works_in_all_stores,
        user_id=str(user.pk),
        tenant_id=str(user.tenant_id),
    )
    remember(_known_users, claims.user, known)
    return known


def remember(kept: dict[Any, Any], key: Any, value: Any) -> None:
    if len(kept) >= MAX_KEPT:
        kept.clear()
    kept[key] = value


def copy_model(row: Any) -> Any:
    """Return a copy of a loaded model instance without its cached relations."""
    names = [field.attname for field in row._meta.concrete_fields]
    return type(row).from_db(row._state.db, names, [row.__dict__[name] for name in names])
