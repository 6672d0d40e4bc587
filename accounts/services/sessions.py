"""Sessions: open, authenticate by token, refresh, revoke and log out."""

import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import structlog
from django.conf import settings
from django.db import connection
from django.utils import timezone

from accounts.exceptions import (
    ForeignTenant,
    InvalidCredentials,
    TokenNotValid,
)
from accounts.models import AuthSession, Terminal, User
from accounts.security.rate_limits import policies
from accounts.security.rate_limits.limiter import count_attempt
from accounts.security.tokens import Claims, TokenPair, issue_pair, read_access, read_refresh
from accounts.services.denied_access_log import record_denied_access
from accounts.services.log_in_counters import REFRESHES, REUSES
from accounts.services.login_attempts import build_lockout_facts
from accounts.services.terminals import bind_session_to_terminal
from tenants import audit, idempotency
from tenants.database.bulk_insert import Statement, build_row
from tenants.database.compiled_queries import CompiledQuery
from tenants.database.postgres import pipeline
from tenants.database.postgres.pipeline import SCOPE, ConnectionLost, PipelineFailed
from tenants.database.prepared_statements import to_call
from tenants.exceptions import NotFound
from tenants.ids import to_db_id
from tenants.scope import across_tenants, atomic_with_retry, tenant_context

# `last_used_at` is written at most once a minute, to save writes.
LAST_USED_PRECISION = timedelta(minutes=1)
USE_SQL = """
UPDATE accounts_authsession SET last_used_at = %s
WHERE tenant_id = %s AND id = %s AND last_used_at <= %s"""
USE_AND_EXTEND_SQL = USE_SQL.replace("= %s\n", "= %s, idle_expires_at = %s\n")


REFRESH_SQL = (
    "UPDATE accounts_authsession SET previous_jti = current_jti, current_jti = %s, "
    "rotated_at = %s, last_used_at = %s, idle_expires_at = %s "
    "WHERE tenant_id = %s AND id = %s AND user_id = %s AND current_jti = %s "
    "AND revoked_at IS NULL AND expires_at > %s AND idle_expires_at > %s"
)


@dataclass(frozen=True, slots=True)
class ClientInfo:
    """IP address and user agent of a request."""

    ip: str | None = None
    user_agent: str = ""


def record_session_event(event: str, session: AuthSession, **facts: Any) -> None:
    """Record an audit event of the session's user."""
    if session.user.tenant is not None:
        with tenant_context(session.user.tenant):
            audit.record(event, actor=session.user, **facts)


def authenticate_token(token: str, *, tenant: str | None = None) -> AuthSession:
    """Return the active session of an access token, with one query.

    `tenant` is the X-Tenant-ID of the request. Raises TokenNotValid, ForeignTenant.
    """
    claims = read_access(token)
    session = _find_session(claims)
    now = timezone.now()
    if session is None:
        raise TokenNotValid
    if not _claims_match(claims, session):
        record_denied_access("token_mismatch", session)
        raise TokenNotValid
    if not _is_valid(claims, session, now):
        raise TokenNotValid
    _ensure_same_tenant(tenant, session)
    if now - session.last_used_at >= LAST_USED_PRECISION:
        record_use(session, now)
    return session


# For tokens that name a wrong tenant, and for browser sessions.
SESSION_QUERY = CompiledQuery(
    lambda pk: AuthSession.objects.select_related("user", "user__tenant").filter(pk=pk)
)
# Used by every request; with a sharded database it reaches only the tenant's shard.
TENANT_SESSION_QUERY = CompiledQuery(
    lambda tenant, pk: AuthSession.objects.select_related("user", "user__tenant").filter(
        tenant=tenant, pk=pk
    )
)


def _find_session(claims: Claims) -> AuthSession | None:
    """Load the session, also if the token names a wrong tenant, so that it can be recorded."""
    with across_tenants():
        named = TENANT_SESSION_QUERY.first(tenant=claims.tenant, pk=claims.session)
        return named or SESSION_QUERY.first(pk=claims.session)


def find_session_by_claims(claims: Claims) -> AuthSession | None:
    """Return the session of a token if user and tenant match, or None."""
    session = _find_session(claims)
    return session if session is not None and _claims_match(claims, session) else None


def _claims_match(claims: Claims, session: AuthSession) -> bool:
    """Return whether the claims match. A mismatch means that a signing key has leaked."""
    return (claims.user, claims.tenant) == (session.user_id, session.tenant_id)


def _is_valid(claims: Claims, session: AuthSession, now: datetime) -> bool:
    return (
        session.is_live(now)
        and is_user_active(session.user)
        and claims.token_version == session.user.token_version
    )


def is_user_active(user: User) -> bool:
    return bool(user.is_active and user.tenant is not None and user.tenant.is_active)


def _ensure_same_tenant(tenant: str | None, session: AuthSession | None) -> None:
    """Raise ForeignTenant if the request names another tenant than the token."""
    shop = session.user.tenant if session else None
    if session and tenant is not None and shop:
        if tenant.lower() in {shop.slug, str(shop.pk)}:
            return
        record_denied_access("tenant_mismatch", session, named=tenant[:63])
        raise ForeignTenant


def record_use(session: AuthSession, now: datetime) -> None:
    with across_tenants(), connection.cursor() as cursor:
        cursor.execute(*build_use_statement(session, now))


def build_use_statement(session: AuthSession, now: datetime) -> Statement:
    """Return the statement that records a use, unless another request has just recorded one.

    A session that was opened with a PIN is extended by it.
    """
    ends = [now + session.idle_lifetime] if session.is_pin_session else []
    times = map(connection.ops.adapt_datetimefield_value, (now, *ends, now - LAST_USED_PRECISION))
    *changes, used_before = times
    ids = to_db_id(session.tenant_id), to_db_id(session.pk)
    return USE_AND_EXTEND_SQL if ends else USE_SQL, [*changes, *ids, used_before]


def build_session(
    user: User, origin: ClientInfo, method: AuthSession.Method, now: datetime
) -> AuthSession:
    """Return an unsaved session that begins now."""
    session = build_row(
        AuthSession,
        tenant_id=user.tenant_id,
        user=user,
        method=method,
        ip=origin.ip,
        user_agent=origin.user_agent[:200],
    )
    session.start(now)
    return session


def open_session(
    user: User, origin: ClientInfo, method: AuthSession.Method, terminal: Terminal | None
) -> AuthSession:
    """Create a session and lock the user until the end of the caller's transaction.

    Raises InvalidCredentials if password, role or activation changed since the check, as that
    change ended all sessions and must not miss this one.
    """
    now = timezone.now()
    with connection.cursor() as cursor:
        cursor.execute(*user.log_in_statement(now))
        unchanged = cursor.rowcount
    if not unchanged:
        raise InvalidCredentials
    session = build_session(user, origin, method, now)
    structlog.contextvars.bind_contextvars(session=str(session.pk))
    if terminal is not None:
        with tenant_context(terminal.tenant):
            bind_session_to_terminal(terminal, session)
    with across_tenants():
        session.save(force_insert=True)
    return session


def refresh(token: str, *, tenant: str | None = None) -> TokenPair:
    """Exchange a refresh token for the next pair; `tenant` as in `authenticate_token`.

    Of concurrent requests with one token one wins, and the others get the same pair for some
    seconds. An older token ends the session, as it must have been copied.
    """
    claims = read_refresh(token)
    structlog.contextvars.bind_contextvars(session=str(claims.session))
    _count_refresh(claims)
    if tenant is not None:
        _ensure_same_tenant(tenant, _find_session(claims))
    now = timezone.now()
    session = _replace_in_one_message(claims, now)
    if session is None:
        with across_tenants():
            session = _replace_refresh_token(claims, now)
    if session is None:
        raise TokenNotValid
    REFRESHES.inc()
    return issue_pair(session)


def _count_refresh(claims: Claims) -> None:
    for wait in count_attempt([policies.bucket_for_refresh(claims.session)]):
        session = _find_session(claims)
        if session is not None:
            record_session_event("too_many_attempts", session, **build_lockout_facts(wait))


def refresh_statement(claims: Claims, now: datetime) -> Statement:
    """Return the statement that replaces a refresh token, if it is the current one of a session
    that has not ended."""
    at, ends = map(
        connection.ops.adapt_datetimefield_value, (now, now + settings.SESSION_IDLE_LIFETIME)
    )
    ids = map(to_db_id, (claims.tenant, claims.session, claims.user, claims.jti))
    return REFRESH_SQL, [to_db_id(uuid.uuid4()), at, at, ends, *ids, at, at]


def _replace_in_one_message(claims: Claims, now: datetime) -> AuthSession | None:
    """Do what `_replace_refresh_token` does, with one message to PostgreSQL.

    Returns None where more is to be decided, such as for a token that was replaced before.
    """
    if not pipeline.is_available():
        return None
    named = TENANT_SESSION_QUERY.prepare(tenant=claims.tenant, pk=claims.session)
    try:
        _, replaced, rows = pipeline.send(
            (SCOPE, [str(claims.tenant).encode()]),
            to_call(refresh_statement(claims, now)),
            named.call,
        )
    except ConnectionLost:
        raise
    except PipelineFailed:
        return None
    if not replaced.affected:
        return None
    (session,) = named.build_instances(rows)
    return session if is_user_active(session.user) else None


@atomic_with_retry
def _replace_refresh_token(claims: Claims, now: datetime) -> AuthSession | None:
    """Replace the refresh token; return its session, or None if the token is no longer valid.

    Returns instead of raising, so that the end of a stolen session is committed.
    """
    with connection.cursor() as cursor:
        cursor.execute(*refresh_statement(claims, now))
        won = cursor.rowcount
    session = _find_session(claims)
    if session is None or not session.is_live(now):
        return None
    if not _claims_match(claims, session):
        record_session_event("token_mismatch", session)
        return None
    if not won and not session.is_in_grace(claims.jti, now):
        _select(session).end(AuthSession.EndReason.REFRESH_REUSE)
        record_session_event("refresh_reuse", session)
        REUSES.inc()
        return None
    return session if is_user_active(session.user) else None


def _select(session: AuthSession) -> Any:
    """Return the session as a queryset, which names its tenant in the scope of all tenants too."""
    return AuthSession.objects.filter(tenant=session.tenant_id, pk=session.pk)


@atomic_with_retry
def end_own_session(*, session_id: uuid.UUID, by: User) -> None:
    """End one of the user's own sessions. Raises NotFound."""
    own = AuthSession.objects.live().visible_to(by)
    if not own.filter(pk=session_id).end(AuthSession.EndReason.REVOKED):
        raise NotFound
    audit.record("session_ended", actor=by, target=AuthSession(pk=session_id, user=by))


@atomic_with_retry
def log_out(session: AuthSession) -> None:
    """End the session; its tokens are rejected from the next request on."""
    idempotency.save_key()
    with across_tenants():
        if _select(session).end(AuthSession.EndReason.LOGOUT):
            record_session_event("log_out", session)


@atomic_with_retry
def log_out_everywhere(session: AuthSession) -> None:
    if idempotency.is_resumed():
        return
    idempotency.save_key()
    ended = end_sessions(session.user, AuthSession.EndReason.LOGOUT_ALL)
    record_session_event("log_out_everywhere", session, sessions=ended)


def end_sessions(user: User, reason: str, *, but: AuthSession | None = None) -> int:
    """End all sessions of a user except `but`; return how many."""
    if user.tenant is None:
        return 0
    with tenant_context(user.tenant):
        sessions = AuthSession.objects.filter(user=user)
        return (sessions.exclude(pk=but.pk) if but else sessions).end(reason)


def revoke(token: str) -> None:
    """End the session of this token; ignore invalid tokens (RFC 7009)."""
    claims = parse_token(token)
    if claims is not None:
        structlog.contextvars.bind_contextvars(session=str(claims.session))
        _end_claimed_session(claims)


def parse_token(token: str) -> Claims | None:
    for read in (read_refresh, read_access):
        try:
            return read(token)
        except TokenNotValid:
            continue
    return None


@atomic_with_retry
def _end_claimed_session(claims: Claims) -> None:
    session = find_session_by_claims(claims)
    if session is None:
        return
    with across_tenants():
        if _select(session).live().end(AuthSession.EndReason.LOGOUT):
            record_session_event("log_out", session, way="revoked")
