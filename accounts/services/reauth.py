"""Reauthentication within a session."""

from django.utils import timezone

from accounts.backends import CredentialCheck
from accounts.exceptions import InvalidCredentials, TokenNotValid
from accounts.models import AuthSession, Terminal
from accounts.security.tokens import issue_access
from accounts.services.login import reset_pin_attempts
from accounts.services.login_attempts import rate_limited_log_in
from accounts.services.pins import verify_pin
from accounts.services.sessions import record_session_event
from tenants import idempotency
from tenants.exceptions import Invalid
from tenants.scope import across_tenants, atomic_with_retry, tenant_context


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
