"""Rate-limited log-in attempts: count first, then reset on success or record the failure."""

import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from django.core.exceptions import ValidationError
from django.db import connection
from django.utils import timezone

from accounts.backends import CredentialCheck, check_password_of, find_user
from accounts.exceptions import Busy, InvalidCredentials
from accounts.models import User, build_username_key
from accounts.security.rate_limits import policies
from accounts.security.rate_limits.limiter import (
    Bucket,
    Lockout,
    count_attempt,
    prepare_reset,
    reset_attempts,
)
from accounts.services.log_in_counters import LOCKOUTS
from accounts.services.login_lookup import (
    KNOWN_ADDRESS_LIFETIME,
    LogInLookup,
    known_address_statement,
)
from tenants import audit
from tenants.api.formats import format_datetime
from tenants.database.postgres.pipeline import Call
from tenants.exceptions import DomainError
from tenants.ids import to_db_id
from tenants.models import AuditEvent, Tenant
from tenants.scope import across_tenants, tenant_context

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
    # What was read before, if it was read in one message.
    lookup: LogInLookup | None = None
    check: CredentialCheck | None = None
    # Where a failure is counted, what a success resets of it, and whether that has been done.
    failures: Sequence[Bucket] = ()
    cleared: Sequence[Bucket] = ()
    given_back: Sequence[Bucket] = ()
    is_reset: bool = False

    @property
    def place(self) -> Tenant | None:
        """Return the tenant in which the username is looked up; None for the platform."""
        return None if self.tenant == PLATFORM else self.shop or UNKNOWN_TENANT

    def authenticate(self, password: str) -> User:
        """Return the user if the password is correct. Raises InvalidCredentials."""
        self.check = check_password_of(self.find_user(), password)
        if self.check.user is None or self.check.reason:
            raise InvalidCredentials
        return self.check.user

    def find_user(self) -> User | None:
        return self.lookup.user if self.lookup else find_user(self.place, self.username)

    def is_known_at(self, ip: str | None) -> bool:
        """Return whether the user has logged in from this address recently."""
        if self.lookup:
            return self.lookup.is_known_address
        return self.terminal is None and is_known_address(self.place, self.username, ip)

    def count(self, ip: str | None) -> list[Lockout]:
        """Count the attempt; return the lockouts that it starts. Raises TooManyAttempts."""
        subject = str(self.shop.pk) if self.shop else self.tenant
        of_user = policies.buckets_for_user(
            subject, self.username, ip, self.terminal, is_known=self.is_known_at(ip)
        )
        tries, of_location = policies.buckets_for_location(subject, ip, self.terminal)
        self.failures = [*of_user, of_location]
        self.cleared = list({*of_user, policies.bucket_for_strangers(subject, self.username)})
        self.given_back = [of_location]
        counters = self.lookup.counters if self.lookup else None
        return count_attempt([*of_user, *tries, of_location], counters)

    def prepare_reset(self) -> Call | None:
        """Return the statement that resets the counters after a success, if there is one.

        The caller that sends it sets `is_reset`.
        """
        if self.lookup is None or self.lookup.counters is None:
            return None
        return prepare_reset(self.lookup.counters, forget=self.cleared, give_back=self.given_back)

    @property
    def reason(self) -> str:
        if self.place is UNKNOWN_TENANT:
            return "unknown_tenant"
        return self.check.reason if self.check else ""

    def record_event(self, event: str, **facts: Any) -> None:
        """Record an audit event of the user, or of a hashed name if there is none."""
        user = self.check.user if self.check else self.find_user()
        if user is None:
            audit.record_anonymous(event, tenant=self.shop, name=self.username, **facts)
        elif self.shop is None:
            audit.record_for_platform(event, actor=user, **facts)
        else:
            with tenant_context(self.shop):
                audit.record(event, actor=user, **facts)

    def record_lockouts(self, waits: Sequence[Lockout]) -> None:
        LOCKOUTS.inc(len(waits))
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
    lookup: LogInLookup | None = None,
) -> Iterator[LogInAttempt]:
    """Count a log-in attempt before the body checks the password; an error is a failure.

    Unknown names are counted like known ones. Use it outside of a transaction, so that counters
    and audit events survive a failure. Raises TooManyAttempts.

    An attempt stays counted if the database fails before its result is written: it ends by
    itself, or with the next success.
    """
    attempt = LogInAttempt(shop, tenant, username, way, terminal, lookup)
    waits = attempt.count(ip)
    try:
        yield attempt
    except Busy:
        # The password was not checked, so the attempt does not count.
        reset_attempts(give_back=attempt.failures)
        raise
    except (DomainError, ValidationError):
        if attempt.check:
            attempt.record_event(f"{way}_failed", reason=attempt.reason)
        attempt.record_lockouts(waits)
        raise
    if not attempt.is_reset:
        reset_attempts(forget=attempt.cleared, give_back=attempt.given_back)
    over = {*attempt.cleared, *attempt.given_back}
    attempt.record_lockouts([wait for wait in waits if wait.bucket not in over])


def is_known_address(place: Tenant | None, username: str, ip: str | None) -> bool:
    """Return whether the user has logged in from this address recently."""
    if ip is None:
        return False
    if place is None:
        return is_known_platform_address(username, ip)
    with tenant_context(place), connection.cursor() as cursor:
        cursor.execute(
            *known_address_statement(
                to_db_id(place.pk),
                build_username_key(username),
                ip,
                timezone.now(),
                named_by="%s",
            )
        )
        return cursor.fetchone() is not None


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
