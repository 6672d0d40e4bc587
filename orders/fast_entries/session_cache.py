"""Sessions of recent requests, with their users and tenants, kept in the memory of the process.

PostgreSQL confirms a kept session in the message that it is used for: see `CachedSession.matches`.
"""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from accounts.models import AuthSession, User
from accounts.services.session_check import (
    CheckedSession,
    VerifiedToken,
    check_session,
    remember,
)
from tenants.api.compiled_input import NotReadable
from tenants.database.postgres import pipeline
from tenants.database.postgres.pipeline import SCOPE
from tenants.models import Tenant


@dataclass(frozen=True, slots=True)
class CachedSession:
    """A session as it was last read. Shared between requests: never change it."""

    checked: CheckedSession
    user: User
    tenant: Tenant
    session: AuthSession

    def matches(self, checked: CheckedSession) -> bool:
        """Return whether the rows of user, tenant and session are unchanged."""
        cached_row = self.checked.row._replace(is_use_due=False)
        return checked.row._replace(is_use_due=False) == cached_row


class SessionChanged(NotReadable):
    """The database rows of the session, user or tenant differ from the cached ones."""

    def __init__(self, checked: CheckedSession) -> None:
        super().__init__()
        self.checked = checked


_sessions: dict[UUID, CachedSession] = {}


def find(token: VerifiedToken, now: datetime) -> CachedSession | None:
    """Return the session of the token, from the database if it is not cached."""
    cached = _sessions.get(token.claims.session)
    if cached is None:
        _, result = pipeline.send((SCOPE, (token.tenant,)), token.build_call(now))
        checked = check_session(token, result)
        cached = checked and store(token, checked)
    return cached


def store(token: VerifiedToken, checked: CheckedSession) -> CachedSession:
    cached = build_cached_session(checked)
    remember(_sessions, token.claims.session, cached)
    return cached


def drop(token: VerifiedToken) -> None:
    _sessions.pop(token.claims.session, None)


def build_cached_session(checked: CheckedSession) -> CachedSession:
    user, tenant, row = checked.build_user(), checked.known.tenant, checked.row
    user.tenant = tenant
    session = AuthSession(
        id=UUID(row.id),
        tenant_id=tenant.pk,
        user=user,
        store_id=to_uuid(row.store_id),
        register_id=to_uuid(row.register_id),
        terminal_id=to_uuid(row.terminal_id),
        method=row.method,
    )
    return CachedSession(checked, user, tenant, session)


def to_uuid(text: str | None) -> UUID | None:
    return UUID(text) if text else None
