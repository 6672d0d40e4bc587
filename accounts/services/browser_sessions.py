"""Browser sessions of the admin site, named by a cookie instead of tokens."""

import uuid
from dataclasses import replace

from django.conf import settings
from django.utils import timezone

from accounts.exceptions import ManagersOnly
from accounts.models import AuthSession, Role, User
from accounts.services import sessions
from accounts.services.login import authenticate_by_password, open_password_session
from accounts.services.sessions import LAST_USED_PRECISION, ClientInfo
from tenants import audit
from tenants.exceptions import NotFound, NotPermitted
from tenants.scope import across_tenants, atomic_with_retry

# Prefix of the user agent in the list of sessions.
BROWSER = "Browser"


def log_in_browser(*, tenant: str, username: str, password: str, origin: ClientInfo) -> AuthSession:
    """Open an admin session. Raises ManagersOnly for cashiers, after a correct password."""
    user = authenticate_by_password(
        tenant=tenant, username=username, password=password, origin=origin
    )
    if not user.is_at_least(Role.MANAGER):
        raise ManagersOnly
    named = f"{BROWSER}: {origin.user_agent}" if origin.user_agent else BROWSER
    session, _ = open_password_session(user, replace(origin, user_agent=named))
    return session


def find_browser_session(session_id: uuid.UUID, *, token_version: int) -> AuthSession | None:
    """Return the active session of a cookie, or None.

    It ends like tokens: when the session is revoked or the user's token version changes.
    """
    with across_tenants():
        session = sessions.SESSION_QUERY.first(pk=session_id)
    if session is None or not _is_valid(session, token_version):
        return None
    if timezone.now() - session.last_used_at >= LAST_USED_PRECISION:
        _record_use(session)
    return session


def _is_valid(session: AuthSession, token_version: int) -> bool:
    user, shop = session.user, session.user.tenant
    return bool(
        session.is_live(timezone.now())
        and user.is_active
        and shop is not None
        and shop.is_active
        and token_version == user.token_version
    )


def _record_use(session: AuthSession) -> None:
    """Extend the session; browsers have no refresh token."""
    now = timezone.now()
    with across_tenants():
        same = AuthSession.objects.live().filter(
            tenant=session.tenant_id, pk=session.pk, last_used_at__lte=now - LAST_USED_PRECISION
        )
        same.update(last_used_at=now, idle_expires_at=now + settings.SESSION_IDLE_LIFETIME)


@atomic_with_retry
def end_session(*, session: AuthSession, by: User) -> None:
    """End one session of oneself or of a user one may manage."""
    found = AuthSession.objects.live().select_related("user").filter(pk=session.pk).first()
    if found is None:
        raise NotFound
    if not by.may_log_out(found.user):
        raise NotPermitted
    own = found.user_id == by.pk
    reason = AuthSession.EndReason.REVOKED if own else AuthSession.EndReason.BY_STAFF
    AuthSession.objects.filter(pk=found.pk).end(reason)
    audit.record("session_ended", actor=by, target=found)
