"""How often somebody may try: counted before the password is looked at, on every way in.

Nothing here locks anybody out for good, and nothing counts across tenants but the address.
"""

import hashlib
import hmac
import math
from collections.abc import Sequence
from dataclasses import dataclass

from django.conf import settings

from accounts.exceptions import TooManyAttempts
from accounts.limiter import stores
from accounts.limiter.stores import take
from accounts.pacing import Backoff, Rule, Window

__all__ = ["Backoff", "Claim", "Rule", "Window", "forgive", "reserve"]


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


def reserve(claims: Sequence[Claim]) -> None:
    """Count a try under every rule, or refuse it, counted under none."""
    wait = take({claim.key: claim.rule for claim in claims})
    if wait > 0:
        raise TooManyAttempts(retry_after=math.ceil(wait))


def forgive(*, forget: Sequence[Claim] = (), give_back: Sequence[Claim] = ()) -> None:
    """Begin anew with those who have shown who they are; uncount a try that was no failure."""
    stores.forgive(
        forget=[claim.key for claim in forget], give_back=[claim.key for claim in give_back]
    )
