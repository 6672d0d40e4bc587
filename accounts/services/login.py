"""Logging in with a password, and what every log-in begins with."""

import uuid
from dataclasses import dataclass
from datetime import datetime

import structlog
from django.utils import timezone

from accounts.exceptions import InvalidCredentials, TerminalNotPaired
from accounts.models import AuthSession, Pin, Terminal, User
from accounts.security.tokens import TokenPair, issue_pair
from accounts.services.login_attempts import rate_limited_log_in
from accounts.services.sessions import record_session_event
from accounts.services.terminals import bind_session_to_terminal
from tenants.models import Tenant
from tenants.scope import across_tenants, atomic_with_retry, tenant_context


@dataclass(frozen=True, slots=True)
class ClientInfo:
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
    *,
    tenant: str,
    username: str,
    password: str,
    origin: ClientInfo,
    terminal: Terminal | None = None,
) -> tuple[AuthSession, TokenPair]:
    """Open a session for any client of the API, bound to the paired terminal where it is one."""
    user = authenticate_by_password(
        tenant=tenant, username=username, password=password, origin=origin, terminal=terminal
    )
    return open_password_session(user, origin, terminal=terminal)


def authenticate_by_password(
    *,
    tenant: str,
    username: str,
    password: str,
    origin: ClientInfo,
    terminal: Terminal | None = None,
) -> User:
    """Whose name and password these are. Every reason for a no looks alike and takes as long."""
    shop = find_tenant(tenant)
    if terminal is not None and terminal.tenant != shop:
        raise TerminalNotPaired
    with rate_limited_log_in(
        shop,
        tenant=tenant,
        username=username,
        ip=origin.ip,
        terminal=terminal.pk if terminal else None,
    ) as attempt:
        return attempt.authenticate(password)


@atomic_with_retry
def open_password_session(
    user: User, origin: ClientInfo, *, terminal: Terminal | None = None
) -> tuple[AuthSession, TokenPair]:
    """Open a session for somebody who has just shown their password, at a terminal or anywhere."""
    session = open_session(user, origin, AuthSession.Method.PASSWORD, terminal)
    reset_pin_attempts(user, session.auth_time)
    record_session_event("log_in_ok", session, method=session.method)
    return session, issue_pair(session)


def open_session(
    user: User, origin: ClientInfo, method: AuthSession.Method, terminal: Terminal | None
) -> AuthSession:
    """The session of a log-in, in its transaction; the person is held still until its end.

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
        tenant_id=user.tenant_id,
        user=user,
        method=method,
        ip=origin.ip,
        user_agent=origin.user_agent[:200],
    )
    session.start(now)
    structlog.contextvars.bind_contextvars(session=str(session.pk))
    if terminal is not None:
        with tenant_context(terminal.tenant):
            bind_session_to_terminal(terminal, session)
    with across_tenants():
        session.save(force_insert=True)
    return session


def reset_pin_attempts(user: User, at: datetime) -> None:
    """Whoever has shown their password may try their PIN again, at every terminal."""
    with across_tenants():
        Pin.objects.filter(user=user).update(opened_at=at)
