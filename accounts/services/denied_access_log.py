"""Writing down what somebody who is logged in was refused."""

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
    """Remember for good that somebody tried; of many in a minute the rest is only in the log.

    Outside of any transaction: what is refused is rolled back, and this must not be.
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
