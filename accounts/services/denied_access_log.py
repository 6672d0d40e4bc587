"""Audit events for denied access of logged-in users."""

from typing import Any

import structlog

from accounts.exceptions import TooManyAttempts
from accounts.models import AuthSession
from accounts.security.rate_limits import policies
from accounts.security.rate_limits.limiter import count_attempt
from tenants import audit
from tenants.scope import tenant_context

log = structlog.get_logger("till.refusals")


def record_denied_access(event: str, session: AuthSession, **facts: Any) -> None:
    """Record denied access; beyond a limit per minute it is only logged.

    Call it outside of a transaction, as denied requests are rolled back.
    """
    user = session.user
    try:
        count_attempt([policies.bucket_for_denied_access(session.pk)])
    except TooManyAttempts:
        log.warning(event, user=str(user.pk), tenant=str(user.tenant_id), **facts)
        return
    if user.tenant is not None:
        with tenant_context(user.tenant):
            audit.record(event, actor=user, **facts)
