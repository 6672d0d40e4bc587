"""Prometheus counters of log-ins, without names of shops and users.

They are for all shops and all processes of one server: see config/metrics.py.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from django.core.exceptions import ValidationError
from prometheus_client import Counter

from accounts.exceptions import Busy, TooManyAttempts
from tenants.exceptions import DomainError

PASSWORD, PIN = "password", "pin"
OUTCOMES = ("ok", "failed", "refused")

LOG_INS = Counter(
    "till_log_ins",
    "Log-ins by method and outcome; `refused` were not checked, after too many attempts.",
    ["method", "outcome"],
)
REFRESHES = Counter("till_token_refreshes", "Refresh tokens that were exchanged.")
REUSES = Counter("till_token_reuses", "Sessions that ended because a refresh token was reused.")
LOCKOUTS = Counter("till_lockouts", "Lockouts that began after too many attempts.")

# Known from the start, so that a rate can be computed from the first one.
for method in (PASSWORD, PIN):
    for outcome in OUTCOMES:
        LOG_INS.labels(method, outcome)


@contextmanager
def counted_log_in(method: str) -> Iterator[None]:
    """Count the outcome of the log-in that runs in the `with` block."""
    try:
        yield
    except (TooManyAttempts, Busy):
        LOG_INS.labels(method, "refused").inc()
        raise
    except (DomainError, ValidationError):
        LOG_INS.labels(method, "failed").inc()
        raise
    LOG_INS.labels(method, "ok").inc()
