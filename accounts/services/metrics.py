"""Figures of who is here and who tried to be, counted when they are asked for."""

from collections import Counter
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.db.models import Count, Q
from django.utils import timezone

from accounts.models import AuthSession, Role, User
from accounts.security.rate_limits import policies
from accounts.security.rate_limits.limiter import Claim, waiting
from accounts.services.login_attempts import KNOWN_FOR
from tenants.models import AuditEvent
from tenants.scope import current_tenant_id

LATELY = timedelta(hours=24)
COUNTED = ("log_in_ok", "log_in_failed", "refresh_reuse")


@dataclass(frozen=True, slots=True)
class Metrics:
    """The people of the shop in scope and their log-ins, as they are at this moment."""

    at: datetime
    users: dict[str, dict[str, int]]
    active_sessions: int
    log_ins_24h: dict[str, int]
    locked_now: int
    refresh_reuse: dict[str, int]
    access_token_seconds: int


def measure() -> Metrics:
    """Five questions, however many people there are."""
    now = timezone.now()
    people = list(User.objects.get_queryset().values_list("username_key", "role", "is_active"))
    lately, ever = count_events(now - LATELY)
    return Metrics(
        at=now,
        users=by_role(Counter((role, active) for _, role, active in people)),
        active_sessions=AuthSession.objects.live().filter(user__is_active=True).count(),
        log_ins_24h={"ok": lately["log_in_ok"], "failed": lately["log_in_failed"]},
        locked_now=count_locked([name for name, _, _ in people], now),
        refresh_reuse={"last_24h": lately["refresh_reuse"], "total": ever["refresh_reuse"]},
        access_token_seconds=int(settings.ACCESS_TOKEN_LIFETIME.total_seconds()),
    )


def by_role(counts: Counter[tuple[str, bool]]) -> dict[str, dict[str, int]]:
    return {
        role.value: {"active": counts[role, True], "inactive": counts[role, False]} for role in Role
    }


def count_events(since: datetime) -> tuple[Counter[str], Counter[str]]:
    """How often each happened since then, and, of the rare one alone, ever."""
    rows = (
        AuditEvent.objects.filter(event__in=COUNTED)
        .filter(Q(created_at__gte=since) | Q(event="refresh_reuse"))
        .values_list("event")
        .annotate(lately=Count("pk", filter=Q(created_at__gte=since)), ever=Count("pk"))
    )
    lately, ever = Counter[str](), Counter[str]()
    for event, recent, total in rows:
        lately[event], ever[event] = recent, total
    return lately, ever


def count_locked(names: list[str], now: datetime) -> int:
    """Who has to wait somewhere: away from where they are known, or at their own till."""
    shop = str(current_tenant_id())
    owners = {claim: name for name in names for claim in claims_on(shop, name)}
    lately = AuthSession.objects.filter(created_at__gte=now - KNOWN_FOR)
    for name, ip, terminal in lately.values_list("user__username_key", "ip", "terminal").distinct():
        owners[policies.of_user(shop, name, known_at=ip, terminal=terminal)] = name
    return len({owners[claim] for claim in waiting(owners)})


def claims_on(shop: str, name: str) -> list[Claim]:
    return [policies.of_user(shop, name), policies.of_strangers(shop, name)]
