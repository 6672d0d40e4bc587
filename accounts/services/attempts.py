"""Trying to get in, on whichever way: counted first, and forgiven once it succeeds."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

from django.utils import timezone

from accounts import limits
from accounts.exceptions import Busy
from accounts.limiter import forgive, reserve
from accounts.models import AuthSession, username_key
from tenants.models import Tenant
from tenants.scope import tenant_context

# For so long an address from which somebody has logged in is known to be theirs.
KNOWN_FOR = timedelta(days=30)


@contextmanager
def counted_log_in(
    shop: Tenant | None, *, tenant: str, username: str, ip: str | None
) -> Iterator[None]:
    """Count a log-in before its password is looked at; what is raised inside is a failure.

    Names that do not exist are counted as those that do, so that the count tells nothing.
    """
    subject = str(shop.pk) if shop else tenant
    known_at = ip if is_known(shop, username, ip) else None
    user = limits.of_user(subject, username, known_at=known_at)
    failures = limits.failures_from(ip)
    reserve([user, limits.to_tenant(subject), limits.from_address(ip), failures])
    try:
        yield
    except Busy:
        # No password was looked at; a busy hour must not make people wait longer.
        forgive(give_back=[user, failures])
        raise
    forgive(forget=[user], give_back=[failures])


def is_known(shop: Tenant | None, username: str, ip: str | None) -> bool:
    """Whether this person has logged in from this address lately."""
    if shop is None or ip is None:
        return False
    with tenant_context(shop):
        return AuthSession.objects.filter(
            user__username_key=username_key(username),
            ip=ip,
            created_at__gte=timezone.now() - KNOWN_FOR,
        ).exists()
