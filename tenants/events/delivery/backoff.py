"""When what failed is tried again."""

import random
import time
from collections import Counter
from datetime import timedelta

FIRST_PAUSE = timedelta(seconds=5)
MAX_PAUSE = timedelta(hours=8)
# With the pauses in between these are about three days.
MAX_ATTEMPTS = 17
# A crashed relay's delivery is tried again after this: longer than any delivery takes.
LEASE = timedelta(minutes=5)


def retry_delay(attempts: int, *, longest: timedelta = MAX_PAUSE) -> timedelta:
    """Three times longer after each failure, up to a longest; a fifth more or less.

    What failed at one moment is so not tried again at one moment.
    """
    pause = min(FIRST_PAUSE * float(3 ** min(attempts - 1, 20)), longest)
    return pause * random.uniform(0.8, 1.2)  # noqa: S311


class CircuitBreaker:
    """Leaves whoever fails again and again alone for a while.

    A mail server that takes ten seconds to say nothing would else hold up everybody else.
    """

    FAILURES = 3
    SECONDS = 60.0

    def __init__(self) -> None:
        self.failures: Counter[str] = Counter()
        self.until: dict[str, float] = {}

    @property
    def resting(self) -> list[str]:
        now = time.monotonic()
        return [name for name, until in self.until.items() if now < until]

    def record_success(self, name: str) -> None:
        self.failures.pop(name, None)
        self.until.pop(name, None)

    def record_failure(self, name: str) -> None:
        self.failures[name] += 1
        if self.failures[name] >= self.FAILURES:
            self.until[name] = time.monotonic() + self.SECONDS
