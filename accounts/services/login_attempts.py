"""Rate-limited log-in attempts: count first, then reset on success or record the failure."""

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

# How long an address counts as known after a log-in from it.
KNOWN_ADDRESS_LIFETIME = timedelta(days=30)
# Tenant name of platform users; no tenant slug is empty.
PLATFORM = ""
# Stand-in for unknown tenants, so that they take the same queries.
UNKNOWN_TENANT = Tenant(pk=uuid.UUID(int=0), is_active=False)


@dataclass(slots=True)
class LogInAttempt:
    """One log-in attempt and its outcome. `way` is the prefix of its audit event."""

    shop: Tenant | None
    tenant: str
    username: str
    way: str = "log_in"
    # Id of the paired terminal, if any.
    terminal: uuid.UUID | None = None
    check: CredentialCheck | None = None

    @property
    def place(self) -> Tenant | None:
        """Return the tenant in which the username is looked up; None for the platform."""
        return None if self.tenant == PLATFORM else self.shop or UNKNOWN_TENANT

    def authenticate(self, password: str) -> User:
        """Return the user if the password is correct. Raises InvalidCredentials."""
        self.check = check_credentials(self.place, self.username, password)
        if self.check.user is None or self.check.reason:
            raise InvalidCredentials
        return self.check.user

    @property
    def reason(self) -> str:
        if self.place is UNKNOWN_TENANT:
            return "unknown_tenant"
        return self.check.reason if self.check else ""

    def record_event(self, event: str, **facts: Any) -> None:
        """Record an audit event of the user, or of a hashed name if there is none."""
        user = self.check.user if self.check else find_user(self.place, self.username)
        if user is None:
            audit.record_anonymous(event, tenant=self.shop, name=self.username, **facts)
        elif self.shop is None:
            audit.record_for_platform(event, actor=user, **facts)
        else:
            with tenant_context(self.shop):
                audit.record(event, actor=user, **facts)

    def record_lockouts(self, waits: Sequence[Lockout]) -> None:
        for wait in waits:
            self.record_event("too_many_attempts", **build_lockout_facts(wait))


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
    """Count a log-in attempt before the body checks the password; an error is a failure.

    Unknown names are counted like known ones. Use it outside of a transaction, so that counters
    and audit events survive a failure. Raises TooManyAttempts.
    """
    attempt = LogInAttempt(shop, tenant, username, way, terminal)
    subject = str(shop.pk) if shop else tenant
    user_failures = find_failure_buckets(attempt, subject, ip)
    tries, failures = policies.buckets_for_location(subject, ip, terminal)
    waits = count_attempt([*user_failures, *tries, failures])
    try:
        yield attempt
    except Busy:
        # The password was not checked, so the attempt does not count.
        reset_attempts(give_back=[*user_failures, failures])
        raise
    except (DomainError, ValidationError):
        if attempt.check:
            attempt.record_event(f"{way}_failed", reason=attempt.reason)
        attempt.record_lockouts(waits)
        raise
    cleared = {*user_failures, policies.bucket_for_strangers(subject, username)}
    reset_attempts(forget=list(cleared), give_back=[failures])
    attempt.record_lockouts([wait for wait in waits if wait.bucket not in {*cleared, failures}])


def find_failure_buckets(attempt: LogInAttempt, subject: str, ip: str | None) -> list[Bucket]:
    """Return the buckets of failures of this user; known addresses and terminals count apart."""
    if attempt.terminal is not None:
        return [policies.bucket_for_user(subject, attempt.username, terminal=attempt.terminal)]
    if is_known_address(attempt.place, attempt.username, ip):
        return [policies.bucket_for_user(subject, attempt.username, known_at=ip)]
    return [
        policies.bucket_for_user(subject, attempt.username),
        policies.bucket_for_strangers(subject, attempt.username),
    ]


def is_known_address(place: Tenant | None, username: str, ip: str | None) -> bool:
    """Return whether the user has logged in from this address recently."""
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
    """Look up platform users in the audit log, as they have no API sessions."""
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
    """Clear the failure counters of a user whose password was reset."""
    reset_attempts(
        forget=[
            policies.bucket_for_user(tenant, username),
            policies.bucket_for_strangers(tenant, username),
        ]
    )


def count_attempt_of_user(claim: Bucket, user: User, **facts: Any) -> None:
    """Count an attempt of a logged-in user and record a lockout that it starts."""
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
    return {"limit": wait.bucket.rule.name, "waits_until": format_datetime(wait.until)}
