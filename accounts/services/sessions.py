"""Staying logged in, and logging out."""

import uuid
from datetime import datetime, timedelta
from typing import Any

import structlog
from django.conf import settings
from django.db.models import F
from django.utils import timezone

from accounts.exceptions import ForeignTenant, TokenNotValid
from accounts.models import AuthSession, User
from accounts.security.rate_limits import policies
from accounts.security.rate_limits.limiter import count_attempt
from accounts.security.tokens import Claims, TokenPair, issue_pair, read_access, read_refresh
from accounts.services.denied_access_log import record_denied_access
from accounts.services.login_attempts import build_lockout_facts
from tenants import audit, idempotency
from tenants.database.compiled_queries import CompiledQuery
from tenants.exceptions import NotFound
from tenants.scope import across_tenants, atomic_with_retry, tenant_context

# Writing on every request would cost more than knowing to the minute is worth.
LAST_USED_PRECISION = timedelta(minutes=1)


def record_session_event(event: str, session: AuthSession, **facts: Any) -> None:
    """What somebody did with their own log-in, in the transaction of doing it."""
    if session.user.tenant is not None:
        with tenant_context(session.user.tenant):
            audit.record(event, actor=session.user, **facts)


def authenticate_token(token: str, *, tenant: str | None = None) -> AuthSession:
    """Whose request this is, in one query, with everything that must hold for it now.

    `tenant` is what the client believes to be its shop; another one is refused.
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
        _record_use(session, now)
    return session


# Before anybody knows which shop it belongs to.
SESSION_QUERY = CompiledQuery(
    lambda pk: AuthSession.objects.select_related("user", "user__tenant").filter(pk=pk)
)
# Asked by every request: where shops are spread over machines, only the one of this shop answers.
TENANT_SESSION_QUERY = CompiledQuery(
    lambda tenant, pk: AuthSession.objects.select_related("user", "user__tenant").filter(
        tenant=tenant, pk=pk
    )
)


def _find_session(claims: Claims) -> AuthSession | None:
    """Also where the token names a shop that is not the session's, for whoever notes that down."""
    with across_tenants():
        named = TENANT_SESSION_QUERY.first(tenant=claims.tenant, pk=claims.session)
        return named or SESSION_QUERY.first(pk=claims.session)


def find_session_by_claims(claims: Claims) -> AuthSession | None:
    """The session of a token, if it is one of the person whom the token names."""
    session = _find_session(claims)
    return session if session is not None and _claims_match(claims, session) else None


def _claims_match(claims: Claims, session: AuthSession) -> bool:
    """Else we have signed what we never say: somebody has our key."""
    return (claims.user, claims.tenant) == (session.user_id, session.tenant_id)


def _is_valid(claims: Claims, session: AuthSession, now: datetime) -> bool:
    return (
        session.is_live(now)
        and _is_user_active(session.user)
        and claims.token_version == session.user.token_version
    )


def _is_user_active(user: User) -> bool:
    return bool(user.is_active and user.tenant is not None and user.tenant.is_active)


def _ensure_same_tenant(tenant: str | None, session: AuthSession | None) -> None:
    """Refuse a request for another shop than the one of the token."""
    shop = session.user.tenant if session else None
    if session and tenant is not None and shop:
        if tenant.lower() in {shop.slug, str(shop.pk)}:
            return
        record_denied_access("tenant_mismatch", session, named=tenant[:63])
        raise ForeignTenant


def _record_use(session: AuthSession, now: datetime) -> None:
    changes = {"last_used_at": now}
    if session.is_pin_session:
        changes["idle_expires_at"] = now + session.idle_lifetime
    with across_tenants():
        same = AuthSession.objects.filter(
            pk=session.pk, last_used_at__lte=now - LAST_USED_PRECISION
        )
        same.update(**changes)


def refresh(token: str, *, tenant: str | None = None) -> TokenPair:
    """Exchange a refresh token for the next pair; `tenant` as in `session_of`.

    Of several that come with the same token one wins, and the others get its answer again for
    some seconds. A token from before that ends the session: somebody else has a copy of it.
    """
    claims = read_refresh(token)
    structlog.contextvars.bind_contextvars(session=str(claims.session))
    _count_refresh(claims)
    if tenant is not None:
        _ensure_same_tenant(tenant, _find_session(claims))
    with across_tenants():
        session = _rotate(claims, timezone.now())
    if session is None:
        raise TokenNotValid
    return issue_pair(session)


def _count_refresh(claims: Claims) -> None:
    for wait in count_attempt([policies.bucket_for_refresh(claims.session)]):
        session = _find_session(claims)
        if session is not None:
            record_session_event("too_many_attempts", session, **build_lockout_facts(wait))


@atomic_with_retry
def _rotate(claims: Claims, now: datetime) -> AuthSession | None:
    """The session after this refresh; None when there is no more to be had from the token.

    Returns instead of raising, because the end of a stolen session must be committed.
    """
    won = (
        AuthSession.objects.live()
        .filter(
            pk=claims.session,
            current_jti=claims.jti,
            user_id=claims.user,
            tenant_id=claims.tenant,
        )
        .update(
            previous_jti=F("current_jti"),
            current_jti=uuid.uuid4(),
            rotated_at=now,
            last_used_at=now,
            idle_expires_at=now + settings.SESSION_IDLE_LIFETIME,
        )
    )
    session = _find_session(claims)
    if session is None or not session.is_live(now):
        return None
    if not _claims_match(claims, session):
        record_session_event("token_mismatch", session)
        return None
    if not won and not session.is_in_grace(claims.jti, now):
        AuthSession.objects.filter(pk=session.pk).end(AuthSession.EndReason.REFRESH_REUSE)
        record_session_event("refresh_reuse", session)
        return None
    return session if _is_user_active(session.user) else None


@atomic_with_retry
def end_own_session(*, session_id: uuid.UUID, by: User) -> None:
    """End a log-in of one's own, also one on a device that is out of reach."""
    own = AuthSession.objects.live().visible_to(by)
    if not own.filter(pk=session_id).end(AuthSession.EndReason.REVOKED):
        raise NotFound
    audit.record("session_ended", actor=by, target=AuthSession(pk=session_id, user=by))


@atomic_with_retry
def log_out(session: AuthSession) -> None:
    """End this session; its access token is dead with the next request."""
    idempotency.save_key()
    with across_tenants():
        if AuthSession.objects.filter(pk=session.pk).end(AuthSession.EndReason.LOGOUT):
            record_session_event("log_out", session)


@atomic_with_retry
def log_out_everywhere(session: AuthSession) -> None:
    if idempotency.is_resumed():
        return
    idempotency.save_key()
    ended = end_sessions(session.user, AuthSession.EndReason.LOGOUT_ALL)
    record_session_event("log_out_everywhere", session, sessions=ended)


def end_sessions(user: User, reason: str, *, but: AuthSession | None = None) -> int:
    """End what this person has open, in the transaction of whatever is the reason."""
    if user.tenant is None:
        return 0
    with tenant_context(user.tenant):
        sessions = AuthSession.objects.filter(user=user)
        return (sessions.exclude(pk=but.pk) if but else sessions).end(reason)
