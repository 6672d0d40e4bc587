"""When what failed is tried again."""

import random
import time
from collections import Counter
from datetime import timedelta

FIRST = timedelta(seconds=5)
LONGEST = timedelta(hours=8)
# With the pauses in between these are about three days.
MOST_ATTEMPTS = 17
# A crashed relay's delivery is tried again after this: longer than any delivery takes.
LEASE = timedelta(minutes=5)


def pause_after(attempts: int, *, longest: timedelta = LONGEST) -> timedelta:
    """Three times longer after each failure, up to a longest; a fifth more or less.

    What failed at one moment is so not tried again at one moment.
    """
    pause = min(FIRST * float(3 ** min(attempts - 1, 20)), longest)
    return pause * random.uniform(0.8, 1.2)  # noqa: S311


class Patience:
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

    def note_success(self, name: str) -> None:
        self.failures.pop(name, None)
        self.until.pop(name, None)

    def note_failure(self, name: str) -> None:
        self.failures[name] += 1
        if self.failures[name] >= self.FAILURES:
            self.until[name] = time.monotonic() + self.SECONDS
