"""Rate limiter: count attempts per bucket before credentials are checked.

Lockouts are always temporary. Only addresses are counted across tenants.
"""

import hmac
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from django.conf import settings

from accounts.exceptions import TooManyAttempts
from accounts.security.rate_limits import stores
from accounts.security.rate_limits.algorithm import Backoff, Rule, Window
from accounts.security.rate_limits.stores import ReadCounters, apply_buckets
from tenants.database.postgres.pipeline import Call, Result

__all__ = [
    "Backoff",
    "Bucket",
    "Lockout",
    "Rule",
    "Window",
    "count_attempt",
    "find_locked_out",
    "reset_attempts",
]


@dataclass(frozen=True, slots=True)
class Bucket:
    """Counter of one rule for one subject, such as a user, address or terminal."""

    rule: Rule
    subject: tuple[str, ...]

    @property
    def key(self) -> str:
        """Return the storage key, a keyed hash: a typed username may be a password."""
        text = "\0".join((self.rule.name, *self.subject))
        return hmac.digest(settings.SECRET_KEY.encode(), text.encode(), "sha256").hex()


@dataclass(frozen=True, slots=True)
class Lockout:
    """Bucket that rejects attempts until a time, unless this attempt succeeds."""

    bucket: Bucket
    until: datetime


def count_attempt(buckets: Sequence[Bucket], counters: ReadCounters | None = None) -> list[Lockout]:
    """Count an attempt in all buckets, or in none and raise TooManyAttempts.

    Return the lockouts that start with this attempt. `counters` are those of these buckets, if
    they have been read already.
    """
    by_key = {bucket.key: bucket for bucket in buckets}
    wait, states = apply_buckets({key: bucket.rule for key, bucket in by_key.items()}, counters)
    if wait > 0:
        raise TooManyAttempts(retry_after=math.ceil(wait))
    return [
        Lockout(by_key[key], datetime.fromtimestamp(state.free_at, tz=UTC))
        for key, state in states.items()
        if state.free_at
    ]


def find_locked_out(buckets: Iterable[Bucket]) -> set[Bucket]:
    """Return the buckets that reject attempts now."""
    by_key = {bucket.key: bucket for bucket in buckets}
    return {by_key[key] for key in stores.find_locked_out(by_key)}


def reset_attempts(*, forget: Sequence[Bucket] = (), give_back: Sequence[Bucket] = ()) -> None:
    """Clear the counters of `forget` and uncount the last attempt of `give_back`."""
    stores.reset_attempts(
        forget=[bucket.key for bucket in forget], give_back=[bucket.key for bucket in give_back]
    )


def prepare_counters(buckets: Iterable[Bucket]) -> Call | None:
    """Return the statement that reads the counters, or None if they are not in the database."""
    return None if settings.REDIS_URL else ReadCounters.prepare(bucket.key for bucket in buckets)


def read_counters(buckets: Iterable[Bucket], result: Result) -> ReadCounters:
    return ReadCounters({bucket.key for bucket in buckets}, result)


def prepare_reset(
    counters: ReadCounters, *, forget: Sequence[Bucket], give_back: Sequence[Bucket]
) -> Call | None:
    """Return the statement of `reset_attempts`, or None if the counters have changed."""
    return stores.prepare_reset(
        counters,
        forget=[bucket.key for bucket in forget],
        give_back=[bucket.key for bucket in give_back],
    )
