"""Token revocation (RFC 7009)."""

import structlog

from accounts.exceptions import TokenNotValid
from accounts.models import AuthSession
from accounts.security.tokens import Claims, read_access, read_refresh
from accounts.services.sessions import find_session_by_claims, record_session_event
from tenants.scope import across_tenants, atomic_with_retry


def revoke(token: str) -> None:
    """End the session of this token; ignore invalid tokens (RFC 7009)."""
    claims = parse_token(token)
    if claims is not None:
        structlog.contextvars.bind_contextvars(session=str(claims.session))
        _end(claims)


def parse_token(token: str) -> Claims | None:
    for read in (read_refresh, read_access):
        try:
            return read(token)
        except TokenNotValid:
            continue
    return None


@atomic_with_retry
def _end(claims: Claims) -> None:
    session = find_session_by_claims(claims)
    if session is None:
        return
    with across_tenants():
        if AuthSession.objects.live().filter(pk=session.pk).end(AuthSession.EndReason.LOGOUT):
            record_session_event("log_out", session, way="revoked")
