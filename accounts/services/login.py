"""Log-in by password, and reauthentication within a session."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime

import structlog
from django.db import connection
from django.utils import timezone

from accounts.backends import CredentialCheck
from accounts.exceptions import InvalidCredentials, TerminalNotPaired, TokenNotValid
from accounts.models import AuthSession, Terminal, User
from accounts.models.terminal import reopen_pin_statement
from accounts.security.tokens import TokenPair, issue_access, issue_pair
from accounts.services.log_in_counters import PASSWORD, counted_log_in
from accounts.services.login_attempts import LogInAttempt, rate_limited_log_in
from accounts.services.login_lookup import find_tenant, look_up_log_in
from accounts.services.pins import verify_pin
from accounts.services.sessions import (
    ClientInfo,
    build_session,
    open_session,
    record_session_event,
)
from tenants import audit, idempotency
from tenants.database.bulk_insert import mark_as_saved, prepare_rows
from tenants.database.postgres import pipeline
from tenants.database.postgres.pipeline import SCOPE, Call, ConnectionLost, PipelineFailed
from tenants.database.prepared_statements import require_rows, to_call, to_inserts
from tenants.exceptions import Invalid
from tenants.scope import across_tenants, atomic_with_retry, tenant_context


def log_in(
    *,
    tenant: str,
    username: str,
    password: str,
    origin: ClientInfo,
    terminal: Terminal | None = None,
) -> tuple[AuthSession, TokenPair]:
    """Log a user in; with a terminal the session is bound to its register.

    On PostgreSQL it takes two messages before the hash and one after it.
    """
    with attempted_log_in(tenant, username, origin, terminal) as attempt:
        user = attempt.authenticate(password)
        session = _open_and_reset(user, origin, attempt) if terminal is None else None
    if session is not None:
        return session, issue_pair(session)
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
    with attempted_log_in(tenant, username, origin, terminal) as attempt:
        return attempt.authenticate(password)


@contextmanager
def attempted_log_in(
    tenant: str, username: str, origin: ClientInfo, terminal: Terminal | None
) -> Iterator[LogInAttempt]:
    """Look up shop and user, and count the attempt. Raises TerminalNotPaired."""
    device = terminal.pk if terminal else None
    lookup = look_up_log_in(tenant, username, origin.ip, device)
    shop = lookup.shop if lookup else find_tenant(tenant)
    if terminal is not None and terminal.tenant != shop:
        raise TerminalNotPaired
    with (
        counted_log_in(PASSWORD),
        rate_limited_log_in(
            shop, tenant=tenant, username=username, ip=origin.ip, terminal=device, lookup=lookup
        ) as attempt,
    ):
        yield attempt


def open_password_session(
    user: User, origin: ClientInfo, *, terminal: Terminal | None = None
) -> tuple[AuthSession, TokenPair]:
    """Open a session after a password was checked; return it with its tokens."""
    session = _open_in_one_message(user, origin) if terminal is None else None
    if session is None:
        session = _open_password_session(user, origin, terminal)
    return session, issue_pair(session)


@atomic_with_retry
def _open_password_session(
    user: User, origin: ClientInfo, terminal: Terminal | None
) -> AuthSession:
    session = open_session(user, origin, AuthSession.Method.PASSWORD, terminal)
    reset_pin_attempts(user, session.auth_time)
    record_session_event("log_in_ok", session, method=session.method)
    return session


def _open_and_reset(user: User, origin: ClientInfo, attempt: LogInAttempt) -> AuthSession | None:
    """Open a session and reset the counters of its log-in, both or neither; or return None."""
    reset = attempt.prepare_reset()
    session = _open_in_one_message(user, origin, reset) if reset else None
    attempt.is_reset = session is not None
    return session


def _open_in_one_message(user: User, origin: ClientInfo, *also: Call) -> AuthSession | None:
    """Do what `_open_password_session` does, in one message together with `also`.

    Returns None if nothing was written, for instance because the user has changed.
    """
    if user.tenant is None or not pipeline.is_available():
        return None
    now = timezone.now()
    session = build_session(user, origin, AuthSession.Method.PASSWORD, now)
    structlog.contextvars.bind_contextvars(session=str(session.pk))
    with tenant_context(user.tenant):
        event = audit.build("log_in_ok", actor=user, method=session.method)
    prepare_rows([[session], [event]], now)
    sql, params = user.log_in_statement(now)
    locked = require_rows(sql, expected="1", otherwise="the user has changed"), params
    try:
        pipeline.send(
            (SCOPE, [str(user.tenant_id).encode()]),
            to_call(locked),
            *to_inserts([[session]]),
            to_call(reopen_pin_statement(user, now)),
            *to_inserts([[event]]),
            *also,
        )
    except ConnectionLost as lost:
        if lost.may_have_committed:
            raise
        return None
    except PipelineFailed:
        return None
    mark_as_saved([[session], [event]])
    audit.log_saved([event])
    return session


def reset_pin_attempts(user: User, at: datetime) -> None:
    """Reset the counters of wrong PINs after the password was shown."""
    with across_tenants(), connection.cursor() as cursor:
        cursor.execute(*reopen_pin_statement(user, at))


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
        return terminals.get(tenant=session.tenant_id, pk=session.terminal_id)


@atomic_with_retry
def _record_authentication(session: AuthSession, method: AuthSession.Method) -> None:
    """Update time and method of the session's authentication."""
    now = timezone.now()
    idempotency.save_key()
    with across_tenants():
        sessions = AuthSession.objects.live().filter(tenant=session.tenant_id, pk=session.pk)
        if not sessions.update(auth_time=now, method=method, updated_at=now):
            raise TokenNotValid
    if method == AuthSession.Method.PASSWORD:
        reset_pin_attempts(session.user, now)
    record_session_event("reauth_ok", session, method=method)
    session.auth_time, session.method = now, method
