"""Identify the approver of a request: by session, password or PIN."""

import uuid
from dataclasses import dataclass

from django.utils import timezone

from accounts.backends import check_credentials
from accounts.exceptions import InvalidCredentials
from accounts.models import Approval, AuthSession, Terminal, User
from accounts.services.login_attempts import rate_limited_log_in
from accounts.services.pins import verify_pin
from tenants import audit
from tenants.exceptions import Invalid, NotPermitted


@dataclass(frozen=True, slots=True)
class PasswordCredentials:
    """Username and password of an approver at the requester's device."""

    username: str
    password: str


@dataclass(frozen=True, slots=True)
class PinCredentials:
    """User id and PIN of an approver, valid only at the requesting terminal."""

    user: uuid.UUID
    pin: str


Credentials = PasswordCredentials | PinCredentials | None


def identify_approver(
    approval: Approval, credentials: Credentials, session: AuthSession, ip: str | None
) -> User:
    """Return the authenticated approver; whether they may decide is checked later.

    Call it outside of a transaction, so that failed attempts are counted and recorded.
    """
    if credentials is None:
        return _identify_by_session(session)
    if isinstance(credentials, PinCredentials):
        return _identify_by_pin(approval, credentials, session)
    return _identify_by_password(approval, credentials, session, ip)


def _identify_by_session(session: AuthSession) -> User:
    """Return the session's user if the authentication is recent."""
    if not session.user.may_approve():
        raise NotPermitted
    session.ensure_fresh(timezone.now())
    return session.user


def _identify_by_password(
    approval: Approval, given: PasswordCredentials, session: AuthSession, ip: str | None
) -> User:
    """Check name and password, counted like a log-in at this terminal."""
    by, shop = session.user, session.user.tenant
    with rate_limited_log_in(
        shop,
        tenant=str(by.tenant_id),
        username=given.username,
        ip=ip,
        terminal=session.terminal_id,
    ):
        check = check_credentials(shop, given.username, given.password)
        if check.user is None or check.reason:
            named = str(check.user.pk) if check.user else audit.hash_name(given.username)
            _record_failure(approval, by, named=named, reason=check.reason)
            raise InvalidCredentials
    return check.user


def _identify_by_pin(approval: Approval, given: PinCredentials, session: AuthSession) -> User:
    """Check user id and PIN; wrong PINs are counted apart from passwords."""
    if session.terminal_id is None or session.terminal_id != approval.terminal_id:
        detail = "A PIN is accepted only at the paired terminal of the request."
        raise Invalid.field("pin", detail, code="not_at_a_terminal")
    terminals = Terminal.objects.select_related("register__store", "tenant")
    try:
        return verify_pin(
            terminals.get(pk=session.terminal_id), given.user, given.pin, way="approval"
        )
    except InvalidCredentials:
        _record_failure(approval, session.user, named=str(given.user), reason="wrong_pin")
        raise


def _record_failure(approval: Approval, by: User, *, named: str, reason: str) -> None:
    """Record a failed approval; an unknown name is hashed, as it may be a password."""
    facts = approval.facts | {"named": named, "reason": reason}
    audit.record("approval_failed", actor=by, target=approval, **facts)
