"""Who says yes or no to a request: somebody logged in, or somebody who comes to the till."""

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
    """What a manager types at somebody else's till."""

    username: str
    password: str


@dataclass(frozen=True, slots=True)
class PinCredentials:
    """The same in digits, which count at the paired terminal that asks and nowhere else."""

    user: uuid.UUID
    pin: str


Credentials = PasswordCredentials | PinCredentials | None


def identify_approver(
    approval: Approval, credentials: Credentials, session: AuthSession, ip: str | None
) -> User:
    """Whoever has shown who they are; not yet whether they may decide.

    Outside of any transaction: what was tried is counted and noted although it is refused.
    """
    if credentials is None:
        return _identify_by_session(session)
    if isinstance(credentials, PinCredentials):
        return _identify_by_pin(approval, credentials, session)
    return _identify_by_password(approval, credentials, session, ip)


def _identify_by_session(session: AuthSession) -> User:
    """Whoever is logged in, if they have shown lately who they are."""
    if not session.user.may_approve():
        raise NotPermitted
    session.ensure_fresh(timezone.now())
    return session.user


def _identify_by_password(
    approval: Approval, given: PasswordCredentials, session: AuthSession, ip: str | None
) -> User:
    """Whose name and password these are; counted like a log-in at this till."""
    by, shop = session.user, session.user.tenant
    with rate_limited_log_in(
        shop,
        tenant=str(by.tenant_id),
        username=given.username,
        ip=ip,
        terminal=session.terminal_id,
    ):
        verdict = check_credentials(shop, given.username, given.password)
        if verdict.user is None or verdict.reason:
            named = str(verdict.user.pk) if verdict.user else audit.hash_name(given.username)
            _record_failure(approval, by, named=named, reason=verdict.reason)
            raise InvalidCredentials
    return verdict.user


def _identify_by_pin(approval: Approval, given: PinCredentials, session: AuthSession) -> User:
    """Whose PIN this is; its guesses are counted apart from those at a password."""
    if session.terminal_id is None or session.terminal_id != approval.terminal_id:
        detail = "A PIN counts at the paired terminal that asks, and nowhere else."
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
    """At whose till it was, and who was to be believed; a name of nobody may be a password."""
    facts = approval.facts | {"named": named, "reason": reason}
    audit.record("approval_failed", actor=by, target=approval, **facts)
