"""Metrics of users and log-ins."""

from collections import Counter
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.db.models import Count, Q
from django.utils import timezone

from accounts.models import AuthSession, Role, User
from accounts.security.rate_limits import policies
from accounts.security.rate_limits.limiter import find_locked_out
from accounts.services.login_lookup import KNOWN_ADDRESS_LIFETIME
from tenants.models import AuditEvent
from tenants.scope import current_tenant_id

RECENT_PERIOD = timedelta(hours=24)
COUNTED_EVENTS = ("log_in_ok", "log_in_failed", "refresh_reuse")


@dataclass(frozen=True, slots=True)
class Metrics:
    """Users and log-ins of the current tenant."""

    at: datetime
    users: dict[str, dict[str, int]]
    active_sessions: int
    log_ins_24h: dict[str, int]
    locked_now: int
    refresh_reuse: dict[str, int]
    access_token_seconds: int


def compute_metrics() -> Metrics:
    """Compute the metrics with five queries."""
    now = timezone.now()
    people = list(
        User.objects.get_queryset().people().values_list("username_key", "role", "is_active")
    )
    lately, ever = count_events(now - RECENT_PERIOD)
    counts = Counter((role, active) for _, role, active in people)
    return Metrics(
        at=now,
        users={
            role.value: {"active": counts[role, True], "inactive": counts[role, False]}
            for role in Role
        },
        active_sessions=AuthSession.objects.live().filter(user__is_active=True).count(),
        log_ins_24h={"ok": lately["log_in_ok"], "failed": lately["log_in_failed"]},
        locked_now=count_locked([name for name, _, _ in people], now),
        refresh_reuse={"last_24h": lately["refresh_reuse"], "total": ever["refresh_reuse"]},
        access_token_seconds=int(settings.ACCESS_TOKEN_LIFETIME.total_seconds()),
    )


def count_events(since: datetime) -> tuple[Counter[str], Counter[str]]:
    """Count events since a time, and `refresh_reuse` also in total."""
    rows = (
        AuditEvent.objects.filter(event__in=COUNTED_EVENTS)
        .filter(Q(created_at__gte=since) | Q(event="refresh_reuse"))
        .values_list("event")
        .annotate(lately=Count("pk", filter=Q(created_at__gte=since)), ever=Count("pk"))
    )
    lately, ever = Counter[str](), Counter[str]()
    for event, recent, total in rows:
        lately[event], ever[event] = recent, total
    return lately, ever


def count_locked(names: list[str], now: datetime) -> int:
    """Count the users who are locked out at some address or terminal."""
    shop = str(current_tenant_id())
    owners = {
        bucket_for(shop, name): name
        for name in names
        for bucket_for in (policies.bucket_for_user, policies.bucket_for_strangers)
    }
    lately = AuthSession.objects.filter(created_at__gte=now - KNOWN_ADDRESS_LIFETIME)
    for name, ip, terminal in lately.values_list("user__username_key", "ip", "terminal").distinct():
        owners[policies.bucket_for_user(shop, name, known_at=ip, terminal=terminal)] = name
    return len({owners[claim] for claim in find_locked_out(owners)})
