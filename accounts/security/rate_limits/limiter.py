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
from accounts.security.rate_limits.stores import take

__all__ = ["Backoff", "Claim", "Rule", "Wait", "Window", "forgive", "reserve", "waiting"]


@dataclass(frozen=True, slots=True)
class Claim:
    """One try, counted under one rule: whose, from where, or at what."""

    rule: Rule
    subject: tuple[str, ...]

    @property
    def key(self) -> str:
        """Keyed: what people type where a name belongs may be a password, and is not kept."""
        text = "\0".join((self.rule.name, *self.subject))
        return hmac.new(settings.SECRET_KEY.encode(), text.encode(), hashlib.sha256).hexdigest()


@dataclass(frozen=True, slots=True)
class Wait:
    """Until when there is no further try under a claim, unless this one is forgiven."""

    claim: Claim
    until: datetime


def reserve(claims: Sequence[Claim]) -> list[Wait]:
    """Count a try under every rule, or refuse it, counted under none.

    Returns the waits that begin with this try: each of them once, when it begins.
    """
    by_key = {claim.key: claim for claim in claims}
    wait, states = take({key: claim.rule for key, claim in by_key.items()})
    if wait > 0:
        raise TooManyAttempts(retry_after=math.ceil(wait))
    return [
        Wait(by_key[key], datetime.fromtimestamp(state.free_at, tz=UTC))
        for key, state in states.items()
        if state.free_at
    ]


def waiting(claims: Iterable[Claim]) -> set[Claim]:
    """Those of which the wait has not ended."""
    by_key = {claim.key: claim for claim in claims}
    return {by_key[key] for key in stores.waiting(by_key)}


def forgive(*, forget: Sequence[Claim] = (), give_back: Sequence[Claim] = ()) -> None:
    """Begin anew with those who have shown who they are; uncount a try that was no failure."""
    stores.forgive(
        forget=[claim.key for claim in forget], give_back=[claim.key for claim in give_back]
    )
