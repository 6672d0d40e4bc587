"""Trying to get in, on whichever way: counted first, then forgiven, or written down."""

import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.core.exceptions import ValidationError
from django.utils import timezone

from accounts.backends import Verdict, find, judge
from accounts.exceptions import Busy, InvalidCredentials
from accounts.models import AuthSession, User, username_key
from accounts.security.rate_limits import policies
from accounts.security.rate_limits.limiter import Claim, Wait, forgive, reserve
from tenants import audit
from tenants.api.formats import format_datetime
from tenants.exceptions import DomainError
from tenants.models import AuditEvent, Tenant
from tenants.scope import across_tenants, tenant_context

# For so long an address from which somebody has logged in is known to be theirs.
KNOWN_FOR = timedelta(days=30)
# The platform is no shop, and no shop can have this name.
PLATFORM = ""
# A shop that does not exist is asked for its people like one that does.
NOWHERE = Tenant(pk=uuid.UUID(int=0), is_active=False)


@dataclass(slots=True)
class Attempt:
    """One try to get in: where, under which name, on which way, and what became of it."""

    shop: Tenant | None
    tenant: str
    username: str
    way: str = "log_in"
    # The paired device at which it happens, if it is one.
    terminal: uuid.UUID | None = None
    verdict: Verdict | None = None

    @property
    def place(self) -> Tenant | None:
        """Where the name is looked for; None is the platform."""
        return None if self.tenant == PLATFORM else self.shop or NOWHERE

    def admit(self, password: str) -> User:
        """The person whose password this is. Every no is the same, and costs the same."""
        self.verdict = judge(self.place, self.username, password)
        if self.verdict.user is None or self.verdict.reason:
            raise InvalidCredentials
        return self.verdict.user

    @property
    def reason(self) -> str:
        if self.place is NOWHERE:
            return "unknown_tenant"
        return self.verdict.reason if self.verdict else ""

    def write_down(self, event: str, **facts: Any) -> None:
        """Under the name of the person, or of a stranger where there is none of that name."""
        user = self.verdict.user if self.verdict else find(self.place, self.username)
        if user is None:
            audit.record_anonymous(event, tenant=self.shop, name=self.username, **facts)
        elif self.shop is None:
            audit.record_for_platform(event, actor=user, **facts)
        else:
            with tenant_context(self.shop):
                audit.record(event, actor=user, **facts)

    def write_down_waits(self, waits: Sequence[Wait]) -> None:
        for wait in waits:
            self.write_down("too_many_attempts", **facts_of(wait))


@contextmanager
def counted_log_in(
    shop: Tenant | None,
    *,
    tenant: str,
    username: str,
    ip: str | None,
    way: str = "log_in",
    terminal: uuid.UUID | None = None,
) -> Iterator[Attempt]:
    """Count a log-in before its password is looked at; what is raised inside is a failure.

    Names that do not exist are counted as those that do, so that the count tells nothing. Nothing
    of it is part of a transaction: what was tried is remembered although it is refused.
    """
    attempt = Attempt(shop, tenant, username, way, terminal)
    subject = str(shop.pk) if shop else tenant
    guesses = guesses_at(attempt, subject, ip)
    tries, failures = policies.at_place(subject, ip, terminal)
    waits = reserve([*guesses, *tries, failures])
    try:
        yield attempt
    except Busy:
        # No password was looked at; a busy hour must not make people wait longer.
        forgive(give_back=[*guesses, failures])
        raise
    except (DomainError, ValidationError):
        if attempt.verdict:
            attempt.write_down(f"{way}_failed", reason=attempt.reason)
        attempt.write_down_waits(waits)
        raise
    forgiven = {*guesses, policies.of_strangers(subject, username)}
    forgive(forget=list(forgiven), give_back=[failures])
    attempt.write_down_waits([wait for wait in waits if wait.claim not in {*forgiven, failures}])


def guesses_at(attempt: Attempt, subject: str, ip: str | None) -> list[Claim]:
    """What counts at this person: from a known place apart, and without an end of the month."""
    if attempt.terminal is not None:
        return [policies.of_user(subject, attempt.username, terminal=attempt.terminal)]
    if is_known(attempt.place, attempt.username, ip):
        return [policies.of_user(subject, attempt.username, known_at=ip)]
    return [
        policies.of_user(subject, attempt.username),
        policies.of_strangers(subject, attempt.username),
    ]


def is_known(place: Tenant | None, username: str, ip: str | None) -> bool:
    """Whether this person has logged in from this address lately."""
    if ip is None:
        return False
    since = timezone.now() - KNOWN_FOR
    if place is None:
        return is_known_to_platform(username, ip)
    with tenant_context(place):
        return AuthSession.objects.filter(
            user__username_key=username_key(username), ip=ip, created_at__gte=since
        ).exists()


def is_known_to_platform(username: str, ip: str) -> bool:
    """The people of the platform have no sessions of the API; what they did is written down."""
    named = User.objects.filter(tenant=None, username_key=username_key(username))
    with across_tenants():
        return AuditEvent.objects.filter(
            tenant=None,
            event="log_in_ok",
            created_at__gte=timezone.now() - KNOWN_FOR,
            actor__in=named.values("pk"),
            ip=ip,
        ).exists()


def forgive_guesses(tenant: str, username: str) -> None:
    """Begin anew with somebody who gets a new password: a thousand wrong ones say nothing of it."""
    forgive(forget=[policies.of_user(tenant, username), policies.of_strangers(tenant, username)])


def count_try(claim: Claim, user: User, **facts: Any) -> None:
    """Count what somebody tries who is logged in; where a wait begins by it, write that down."""
    for wait in reserve([claim]):
        if user.tenant is not None:
            with tenant_context(user.tenant):
                audit.record("too_many_attempts", actor=user, **facts_of(wait), **facts)


def count_sign_up(ip: str | None) -> None:
    for wait in reserve([policies.sign_up_from(ip)]):
        name = policies.network(ip)
        audit.record_anonymous("too_many_attempts", tenant=None, name=name, **facts_of(wait))


def facts_of(wait: Wait) -> dict[str, Any]:
    return {"limit": wait.claim.rule.name, "waits_until": format_datetime(wait.until)}
