"""Log-in by password, and reauthentication within a session."""

import uuid
from datetime import datetime

from django.utils import timezone

from accounts.backends import CredentialCheck
from accounts.exceptions import InvalidCredentials, TerminalNotPaired, TokenNotValid
from accounts.models import AuthSession, Pin, Terminal, User
from accounts.security.tokens import TokenPair, issue_access, issue_pair
from accounts.services.login_attempts import rate_limited_log_in
from accounts.services.pins import verify_pin
from accounts.services.sessions import ClientInfo, open_session, record_session_event
from tenants import idempotency
from tenants.database.compiled_queries import CompiledQuery
from tenants.exceptions import Invalid
from tenants.models import Tenant
from tenants.scope import across_tenants, atomic_with_retry, tenant_context

TENANT_QUERY = CompiledQuery(lambda slug: Tenant.objects.filter(slug=slug))


def find_tenant(name: str) -> Tenant | None:
    """Return the tenant by id or slug, or None."""
    try:
        return Tenant.objects.filter(pk=uuid.UUID(name)).first()
    except ValueError:
        with across_tenants():
            return TENANT_QUERY.first(slug=name)


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


def reset_pin_attempts(user: User, at: datetime) -> None:
    """Reset the counters of wrong PINs after the password was shown."""
    with across_tenants():
        Pin.objects.filter(user=user).update(opened_at=at)


def reauthenticate(session: AuthSession, *, password: str, ip: str | None) -> str:
    """Check the password again and return a new access token; counted like a log-in."""
    user, shop = session.user, session.user.tenant
    with rate_limited_log_in(
        shop,
        tenant=str(user.tenant_id),
        username=user.username,
        ip=ip,
        way="reauth",
        terminal=session.terminal_id,
    ) as attempt:
        if not user.check_password(password):
            attempt.check = CredentialCheck(user, "wrong_password")
            raise Invalid.field("password", "Wrong password.", code="wrong_password")
    _record_authentication(session, AuthSession.Method.PASSWORD)
    return issue_access(session)


def reauthenticate_by_pin(session: AuthSession, *, pin: str) -> str:
    """Check the PIN again at the session's terminal and return a new access token."""
    terminal = _load_terminal(session)
    with tenant_context(terminal.tenant):
        try:
            verify_pin(terminal, session.user_id, pin, way="reauth")
        except InvalidCredentials:
            raise Invalid.field("pin", "Wrong PIN.", code="wrong_pin") from None
    _record_authentication(session, AuthSession.Method.PIN)
    return issue_access(session)


def _load_terminal(session: AuthSession) -> Terminal:
    if session.terminal_id is None:
        detail = "A PIN is accepted only in a session at a paired terminal."
        raise Invalid.field("pin", detail, code="not_at_a_terminal")
    with across_tenants():
        terminals = Terminal.objects.select_related("register__store", "tenant")
        return terminals.get(pk=session.terminal_id)


@atomic_with_retry
def _record_authentication(session: AuthSession, method: AuthSession.Method) -> None:
    """Update time and method of the session's authentication."""
    now = timezone.now()
    idempotency.save_key()
    with across_tenants():
        sessions = AuthSession.objects.live().filter(pk=session.pk)
        if not sessions.update(auth_time=now, method=method, updated_at=now):
            raise TokenNotValid
    if method == AuthSession.Method.PASSWORD:
        reset_pin_attempts(session.user, now)
    record_session_event("reauth_ok", session, method=method)
    session.auth_time, session.method = now, method
