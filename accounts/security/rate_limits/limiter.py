"""How often somebody may try: counted before the password is looked at, on every way in.

Nothing here locks anybody out for good, and nothing counts across tenants but the address.
"""

import hashlib
import hmac
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from django.conf import settings

from accounts.exceptions import TooManyAttempts
from accounts.security.rate_limits import stores
from accounts.security.rate_limits.algorithm import Backoff, Rule, Window
from accounts.security.rate_limits.stores import apply_buckets

__all__ = [
    "Backoff",
    "Bucket",
    "Lockout",
    "Rule",
    "Window",
    "count_attempt",
    "find_locked",
    "reset_attempts",
]


@dataclass(frozen=True, slots=True)
class Bucket:
    """One try, counted under one rule: whose, from where, or at what."""

    rule: Rule
    subject: tuple[str, ...]

    @property
    def key(self) -> str:
        """Keyed: what people type where a name belongs may be a password, and is not kept."""
        text = "\0".join((self.rule.name, *self.subject))
        return hmac.new(settings.SECRET_KEY.encode(), text.encode(), hashlib.sha256).hexdigest()


@dataclass(frozen=True, slots=True)
class Lockout:
    """Until when there is no further try under a claim, unless this one is forgiven."""

    claim: Bucket
    until: datetime


def count_attempt(claims: Sequence[Bucket]) -> list[Lockout]:
    """Count a try under every rule, or refuse it, counted under none.

    Returns the waits that begin with this try: each of them once, when it begins.
    """
    by_key = {claim.key: claim for claim in claims}
    wait, states = apply_buckets({key: claim.rule for key, claim in by_key.items()})
    if wait > 0:
        raise TooManyAttempts(retry_after=math.ceil(wait))
    return [
        Lockout(by_key[key], datetime.fromtimestamp(state.free_at, tz=UTC))
        for key, state in states.items()
        if state.free_at
    ]


def find_locked(claims: Iterable[Bucket]) -> set[Bucket]:
    """Those of which the wait has not ended."""
    by_key = {claim.key: claim for claim in claims}
    return {by_key[key] for key in stores.find_locked(by_key)}


def reset_attempts(*, forget: Sequence[Bucket] = (), give_back: Sequence[Bucket] = ()) -> None:
    """Begin anew with those who have shown who they are; uncount a try that was no failure."""
    stores.reset_attempts(
        forget=[claim.key for claim in forget], give_back=[claim.key for claim in give_back]
    )
