"""Rate-limit counters in the database, for installations without Redis."""

import time
from datetime import UTC, datetime
from typing import Any, ClassVar, NamedTuple

from django.db import models

from accounts.security.rate_limits.algorithm import State


class CounterValues(NamedTuple):
    """The columns of a counter."""

    key: str
    number: int
    free_at: float
    forgotten_at: float

    @classmethod
    def of(cls, key: str, state: State | None) -> "CounterValues":
        """Return the columns for a state; None resets the counter."""
        if state is None:
            return cls(key, 0, 0.0, 0.0)
        return cls(key, state.count, state.free_at, state.forgotten_at)

    @property
    def state(self) -> State | None:
        return State(self.number, self.free_at, self.forgotten_at) if self.number else None


class ThrottleQuerySet(models.QuerySet["Throttle"]):
    def expired(self) -> "ThrottleQuerySet":
        return self.filter(forgotten_at__lte=time.time())


class Throttle(models.Model):
    """Counter of one bucket. Not tenant-owned: one address may try several tenants."""

    key = models.CharField(primary_key=True, max_length=64)
    count = models.PositiveIntegerField(default=0)
    free_at = models.FloatField(default=0.0)
    forgotten_at = models.FloatField(default=0.0)

    objects = ThrottleQuerySet.as_manager()

    class Meta:
        indexes: ClassVar[list[Any]] = [
            models.Index(fields=["forgotten_at"], name="throttle_forgotten"),
        ]

    def __str__(self) -> str:
        return f"{self.count} until {datetime.fromtimestamp(self.forgotten_at, tz=UTC)}"

    @property
    def state(self) -> State | None:
        return CounterValues(self.key, self.count, self.free_at, self.forgotten_at).state

    @classmethod
    def of(cls, key: str, state: State | None) -> "Throttle":
        """Build the row for a state; None resets the counter."""
        values = CounterValues.of(key, state)
        return cls(
            key=key, count=values.number, free_at=values.free_at, forgotten_at=values.forgotten_at
        )
