"""Retry delays and the circuit breaker of the relay."""

import random
import time
from collections import Counter
from datetime import timedelta

FIRST_PAUSE = timedelta(seconds=5)
MAX_PAUSE = timedelta(hours=8)
# With the delays in between, retries last about three days.
MAX_ATTEMPTS = 17
# After this, another relay retries the delivery of a crashed one. Longer than any attempt.
LEASE = timedelta(minutes=5)


def retry_delay(attempts: int, *, longest: timedelta = MAX_PAUSE) -> timedelta:
    """Return the delay after a number of attempts: exponential, limited, with 20 % jitter.

    Jitter spreads the retries of deliveries that failed at the same time.
    """
    pause = min(FIRST_PAUSE * float(3 ** min(attempts - 1, 20)), longest)
    return pause * random.uniform(0.8, 1.2)  # noqa: S311


class CircuitBreaker:
    """Suspends subscribers that fail repeatedly, as a slow failure would delay all others."""

    FAILURES = 3
    SECONDS = 60.0

    def __init__(self) -> None:
        self.failures: Counter[str] = Counter()
        self.until: dict[str, float] = {}

    @property
    def open_circuits(self) -> list[str]:
        now = time.monotonic()
        return [name for name, until in self.until.items() if now < until]

    def record_success(self, name: str) -> None:
        self.failures.pop(name, None)
        self.until.pop(name, None)

    def record_failure(self, name: str) -> None:
        self.failures[name] += 1
        if self.failures[name] >= self.FAILURES:
            self.until[name] = time.monotonic() + self.SECONDS
