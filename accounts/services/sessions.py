"""Logging in, staying logged in, logging out."""

import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.contrib.auth import authenticate
from django.db.models import F
from django.utils import timezone

from accounts.exceptions import ForeignTenant, InvalidCredentials, TokenNotValid
from accounts.hashers import spend_one_hash
from accounts.limiter import reserve
from accounts.limits import of_session
from accounts.models import AuthSession, User
from accounts.services.attempts import counted_log_in
from accounts.tokens import (
    Claims,
    TokenPair,
    issue_access,
    issue_pair,
    read_access,
    read_refresh,
)
from tenants import idempotency
from tenants.exceptions import Invalid, NotFound
from tenants.models import Tenant
from tenants.prepared import Prepared
from tenants.scope import across_tenants, deed, tenant_context

# Writing on every request would cost more than knowing to the minute is worth.
LAST_USED_STEP = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a log-in comes from, as far as the connection tells."""

    ip: str | None = None
    user_agent: str = ""


def find_tenant(name: str) -> Tenant | None:
    """By slug or by id, as terminals have one and people type the other."""
    try:
        return Tenant.objects.filter(pk=uuid.UUID(name)).first()
    except ValueError:
        return Tenant.objects.filter(slug=name).first()


def log_in(
    *, tenant: str, username: str, password: str, origin: Origin
) -> tuple[AuthSession, TokenPair]:
    """Open a session. Every reason for a no looks alike and takes as long."""
    shop = find_tenant(tenant)
    with counted_log_in(shop, tenant=tenant, username=username, ip=origin.ip):
        if shop is None:
            spend_one_hash(password)
            raise InvalidCredentials
        user = authenticate(username=username, password=password, tenant=shop)
        if not isinstance(user, User):
            raise InvalidCredentials
    return start_session(user, origin)


@deed
def start_session(user: User, origin: Origin) -> tuple[AuthSession, TokenPair]:
    """Open a session for somebody who has just shown who they are.

    Refused where a new password, role or deactivation came between: it has ended all sessions,
    and must not miss this one.
    """
    now = timezone.now()
    with across_tenants():
        unchanged = User.objects.filter(
            pk=user.pk, is_active=True, token_version=user.token_version
        ).update(last_login=now)
    if not unchanged:
        raise InvalidCredentials
    session = AuthSession(
        tenant_id=user.tenant_id, user=user, ip=origin.ip, user_agent=origin.user_agent[:200]
    )
    session.start(now)
    with across_tenants():
        session.save(force_insert=True)
    return session, issue_pair(session)


def session_of(token: str, *, tenant: str | None = None) -> AuthSession:
    """Whose request this is, in one query, with everything that must hold for it now.

    `tenant` is what the client believes to be its shop; another one is refused.
    """
    claims = read_access(token)
    session = _find(claims)
    now = timezone.now()
    if session is None or not _holds(claims, session, now):
        raise TokenNotValid
    _ensure_names(tenant, session)
    if now - session.last_used_at >= LAST_USED_STEP:
        _touch(session, now)
    return session


# Asked by every request, before anybody knows which shop it belongs to.
SESSION = Prepared(
    lambda pk: AuthSession.objects.select_related("user", "user__tenant").filter(pk=pk)
)


def _find(claims: Claims) -> AuthSession | None:
    return SESSION.first(pk=claims.session)


def _holds(claims: Claims, session: AuthSession, now: datetime) -> bool:
    user, tenant = session.user, session.user.tenant
    return bool(
        session.is_live(now)
        and user.is_active
        and tenant is not None
        and tenant.is_active
        and (claims.user, claims.tenant) == (user.pk, tenant.pk)
        and claims.token_version == user.token_version
    )


def _ensure_names(tenant: str | None, session: AuthSession | None) -> None:
    """Refuse a request for another shop than the one of the token."""
    shop = session.user.tenant if session else None
    if tenant is not None and shop and tenant.lower() not in {shop.slug, str(shop.pk)}:
        raise ForeignTenant


def _touch(session: AuthSession, now: datetime) -> None:
    with across_tenants():
        AuthSession.objects.filter(pk=session.pk, last_used_at__lte=now - LAST_USED_STEP).update(
            last_used_at=now
        )


def refresh(token: str, *, tenant: str | None = None) -> TokenPair:
    """Exchange a refresh token for the next pair; `tenant` as in `session_of`.

    Of several that come with the same token one wins, and the others get its answer again for
    some seconds. A token from before that ends the session: somebody else has a copy of it.
    """
    claims = read_refresh(token)
    reserve([of_session(claims.session)])
    if tenant is not None:
        _ensure_names(tenant, _find(claims))
    with across_tenants():
        session = _rotate(claims, timezone.now())
    if session is None:
        raise TokenNotValid
    return issue_pair(session)


@deed
def _rotate(claims: Claims, now: datetime) -> AuthSession | None:
    """The session after this refresh; None when there is no more to be had from the token.

    Returns instead of raising, because the end of a stolen session must be committed.
    """
    won = (
        AuthSession.objects.live()
        .filter(pk=claims.session, current_jti=claims.jti)
        .update(
            previous_jti=F("current_jti"),
            current_jti=uuid.uuid4(),
            rotated_at=now,
            last_used_at=now,
            idle_expires_at=now + settings.SESSION_IDLE_LIFETIME,
        )
    )
    session = _find(claims)
    if session is None or not session.is_live(now):
        return None
    if not won and not session.is_in_grace(claims.jti, now):
        AuthSession.objects.filter(pk=session.pk).end(AuthSession.Ended.REFRESH_REUSE)
        return None
    return session if _may_stay(claims, session) else None


def _may_stay(claims: Claims, session: AuthSession) -> bool:
    user, tenant = session.user, session.user.tenant
    return bool(
        user.is_active
        and tenant is not None
        and tenant.is_active
        and (claims.user, claims.tenant) == (user.pk, tenant.pk)
    )


def reauthenticate(session: AuthSession, *, password: str, ip: str | None) -> str:
    """A new access token for somebody who shows again who they are; counted like a log-in."""
    user, shop = session.user, session.user.tenant
    with counted_log_in(shop, tenant=str(user.tenant_id), username=user.username, ip=ip):
        if not user.check_password(password):
            raise Invalid.field("password", "This is not your password.", code="wrong_password")
    _note_authentication(session)
    return issue_access(session)


@deed
def _note_authentication(session: AuthSession) -> None:
    now = timezone.now()
    idempotency.note()
    with across_tenants():
        sessions = AuthSession.objects.live().filter(pk=session.pk)
        if not sessions.update(auth_time=now, updated_at=now):
            raise TokenNotValid
    session.auth_time = now


@deed
def end_own_session(*, session_id: uuid.UUID, by: User) -> None:
    """End a log-in of one's own, also one on a device that is out of reach."""
    own = AuthSession.objects.live().visible_to(by)
    if not own.filter(pk=session_id).end(AuthSession.Ended.REVOKED):
        raise NotFound


@deed
def log_out(session: AuthSession) -> None:
    """End this session; its access token is dead with the next request."""
    idempotency.note()
    with across_tenants():
        AuthSession.objects.filter(pk=session.pk).end(AuthSession.Ended.LOGOUT)


@deed
def log_out_everywhere(user: User) -> None:
    idempotency.note()
    end_sessions(user, AuthSession.Ended.LOGOUT_ALL)


def end_sessions(user: User, reason: str, *, but: AuthSession | None = None) -> int:
    """End what this person has open, in the transaction of whatever is the reason."""
    if user.tenant is None:
        return 0
    with tenant_context(user.tenant):
        sessions = AuthSession.objects.filter(user=user)
        return (sessions.exclude(pk=but.pk) if but else sessions).end(reason)
