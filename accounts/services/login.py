"""Log-in by password, and opening sessions."""

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
    """IP address and user agent of a request."""

    ip: str | None = None
    user_agent: str = ""


def find_tenant(name: str) -> Tenant | None:
    """Return the tenant by id or slug, or None."""
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
    """Log a user in; with a terminal the session is bound to its register."""
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
    """Return the user of these credentials. Every failure raises InvalidCredentials."""
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
    """Open a session after a password was checked; return it with its tokens."""
    session = open_session(user, origin, AuthSession.Method.PASSWORD, terminal)
    reset_pin_attempts(user, session.auth_time)
    record_session_event("log_in_ok", session, method=session.method)
    return session, issue_pair(session)


def open_session(
    user: User, origin: ClientInfo, method: AuthSession.Method, terminal: Terminal | None
) -> AuthSession:
    """Create a session and lock the user until the end of the caller's transaction.

    Raises InvalidCredentials if password, role or activation changed since the check, as that
    change ended all sessions and must not miss this one.
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
    """Reset the counters of wrong PINs after the password was shown."""
    with across_tenants():
        Pin.objects.filter(user=user).update(opened_at=at)
