"""Trying to get in, on whichever way: counted first, then forgiven, or written down."""

import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.core.exceptions import ValidationError
from django.utils import timezone

from accounts.backends import CredentialCheck, check_credentials, find_user
from accounts.exceptions import Busy, InvalidCredentials
from accounts.models import AuthSession, User, build_username_key
from accounts.security.rate_limits import policies
from accounts.security.rate_limits.limiter import Bucket, Lockout, count_attempt, reset_attempts
from tenants import audit
from tenants.api.formats import format_datetime
from tenants.exceptions import DomainError
from tenants.models import AuditEvent, Tenant
from tenants.scope import across_tenants, tenant_context

# For so long an address from which somebody has logged in is known to be theirs.
KNOWN_ADDRESS_LIFETIME = timedelta(days=30)
# The platform is no shop, and no shop can have this name.
PLATFORM = ""
# A shop that does not exist is asked for its people like one that does.
UNKNOWN_TENANT = Tenant(pk=uuid.UUID(int=0), is_active=False)


@dataclass(slots=True)
class LogInAttempt:
    """One try to get in: where, under which name, on which way, and what became of it."""

    shop: Tenant | None
    tenant: str
    username: str
    way: str = "log_in"
    # The paired device at which it happens, if it is one.
    terminal: uuid.UUID | None = None
    verdict: CredentialCheck | None = None

    @property
    def place(self) -> Tenant | None:
        """Where the name is looked for; None is the platform."""
        return None if self.tenant == PLATFORM else self.shop or UNKNOWN_TENANT

    def authenticate(self, password: str) -> User:
        """The person whose password this is. Every no is the same, and costs the same."""
        self.verdict = check_credentials(self.place, self.username, password)
        if self.verdict.user is None or self.verdict.reason:
            raise InvalidCredentials
        return self.verdict.user

    @property
    def reason(self) -> str:
        if self.place is UNKNOWN_TENANT:
            return "unknown_tenant"
        return self.verdict.reason if self.verdict else ""

    def record(self, event: str, **facts: Any) -> None:
        """Under the name of the person, or of a stranger where there is none of that name."""
        user = self.verdict.user if self.verdict else find_user(self.place, self.username)
        if user is None:
            audit.record_anonymous(event, tenant=self.shop, name=self.username, **facts)
        elif self.shop is None:
            audit.record_for_platform(event, actor=user, **facts)
        else:
            with tenant_context(self.shop):
                audit.record(event, actor=user, **facts)

    def record_lockouts(self, waits: Sequence[Lockout]) -> None:
        for wait in waits:
            self.record("too_many_attempts", **build_lockout_facts(wait))


@contextmanager
def rate_limited_log_in(
    shop: Tenant | None,
    *,
    tenant: str,
    username: str,
    ip: str | None,
    way: str = "log_in",
    terminal: uuid.UUID | None = None,
) -> Iterator[LogInAttempt]:
    """Count a log-in before its password is looked at; what is raised inside is a failure.

    Names that do not exist are counted as those that do, so that the count tells nothing. Nothing
    of it is part of a transaction: what was tried is remembered although it is refused.
    """
    attempt = LogInAttempt(shop, tenant, username, way, terminal)
    subject = str(shop.pk) if shop else tenant
    guesses = find_failure_buckets(attempt, subject, ip)
    tries, failures = policies.buckets_for_location(subject, ip, terminal)
    waits = count_attempt([*guesses, *tries, failures])
    try:
        yield attempt
    except Busy:
        # No password was looked at; a busy hour must not make people wait longer.
        reset_attempts(give_back=[*guesses, failures])
        raise
    except (DomainError, ValidationError):
        if attempt.verdict:
            attempt.record(f"{way}_failed", reason=attempt.reason)
        attempt.record_lockouts(waits)
        raise
    forgiven = {*guesses, policies.bucket_for_strangers(subject, username)}
    reset_attempts(forget=list(forgiven), give_back=[failures])
    attempt.record_lockouts([wait for wait in waits if wait.claim not in {*forgiven, failures}])


def find_failure_buckets(attempt: LogInAttempt, subject: str, ip: str | None) -> list[Bucket]:
    """What counts at this person: from a known place apart, and without an end of the month."""
    if attempt.terminal is not None:
        return [policies.bucket_for_user(subject, attempt.username, terminal=attempt.terminal)]
    if is_known_address(attempt.place, attempt.username, ip):
        return [policies.bucket_for_user(subject, attempt.username, known_at=ip)]
    return [
        policies.bucket_for_user(subject, attempt.username),
        policies.bucket_for_strangers(subject, attempt.username),
    ]


def is_known_address(place: Tenant | None, username: str, ip: str | None) -> bool:
    """Whether this person has logged in from this address lately."""
    if ip is None:
        return False
    since = timezone.now() - KNOWN_ADDRESS_LIFETIME
    if place is None:
        return is_known_platform_address(username, ip)
    with tenant_context(place):
        return AuthSession.objects.filter(
            user__username_key=build_username_key(username), ip=ip, created_at__gte=since
        ).exists()


def is_known_platform_address(username: str, ip: str) -> bool:
    """The people of the platform have no sessions of the API; what they did is written down."""
    named = User.objects.filter(tenant=None, username_key=build_username_key(username))
    with across_tenants():
        return AuditEvent.objects.filter(
            tenant=None,
            event="log_in_ok",
            created_at__gte=timezone.now() - KNOWN_ADDRESS_LIFETIME,
            actor__in=named.values("pk"),
            ip=ip,
        ).exists()


def clear_failures(tenant: str, username: str) -> None:
    """Begin anew with somebody who gets a new password: a thousand wrong ones say nothing of it."""
    reset_attempts(
        forget=[
            policies.bucket_for_user(tenant, username),
            policies.bucket_for_strangers(tenant, username),
        ]
    )


def count_attempt_of_user(claim: Bucket, user: User, **facts: Any) -> None:
    """Count what somebody tries who is logged in; where a wait begins by it, write that down."""
    for wait in count_attempt([claim]):
        if user.tenant is not None:
            with tenant_context(user.tenant):
                audit.record("too_many_attempts", actor=user, **build_lockout_facts(wait), **facts)


def count_sign_up_attempt(ip: str | None) -> None:
    for wait in count_attempt([policies.bucket_for_sign_up(ip)]):
        name = policies.normalize_to_network(ip)
        audit.record_anonymous(
            "too_many_attempts", tenant=None, name=name, **build_lockout_facts(wait)
        )


def build_lockout_facts(wait: Lockout) -> dict[str, Any]:
    return {"limit": wait.claim.rule.name, "waits_until": format_datetime(wait.until)}
