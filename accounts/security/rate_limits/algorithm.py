"""When the next try is free: pure, so that every store counts alike."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

# Seconds by which the clocks of several machines may differ.
MAX_CLOCK_DIFFERENCE = 60.0


@dataclass(frozen=True, slots=True)
class State:
    """What is kept of one subject under one rule. Times are seconds since the epoch."""

    count: int
    free_at: float
    forgotten_at: float


class Rule(Protocol):
    @property
    def name(self) -> str: ...

    @property
    def lifetime(self) -> float:
        """Seconds after which a try no longer counts."""
        ...

    def next_state(self, count: int, now: float, before: State | None) -> State:
        """What is kept once a try is counted."""
        ...


@dataclass(frozen=True, slots=True)
class Window:
    """So many in so many seconds, counted from the first."""

    name: str
    limit: int
    seconds: float

    @property
    def lifetime(self) -> float:
        return self.seconds

    def next_state(self, count: int, now: float, before: State | None) -> State:
        ends = before.forgotten_at if before else now + self.seconds
        return State(count, ends if count >= self.limit else 0.0, ends)


@dataclass(frozen=True, slots=True)
class Backoff:
    """Some free tries, then a wait that doubles with each up to a longest; never for ever."""

    name: str
    free_attempts: int
    max_wait: float
    lifetime: float

    def next_state(self, count: int, now: float, before: State | None) -> State:
        # Beyond this many doublings the longest wait is reached anyway.
        doublings = min(count - self.free_attempts + 1, 30)
        wait = min(2.0**doublings, self.max_wait) if doublings > 0 else 0.0
        return State(count, now + wait if wait else 0.0, now + self.lifetime)


def apply_attempt(
    rules: Mapping[str, Rule], kept: Mapping[str, State | None], now: float
) -> tuple[float, dict[str, State]]:
    """The seconds to wait, 0 for a try that is free, and what to keep under each key.

    A try that any rule refuses is counted under none: whoever hammers makes nobody wait longer.
    """
    states = {key: _drop_expired(kept[key], rule, now) for key, rule in rules.items()}
    wait = max((state.free_at - now for state in states.values() if state), default=0.0)
    if wait > 0:
        return wait, {}
    return 0.0, {
        key: rule.next_state(state.count + 1 if (state := states[key]) else 1, now, state)
        for key, rule in rules.items()
    }


def _drop_expired(state: State | None, rule: Rule, now: float) -> State | None:
    """Nothing of what is over, nor of a time that only a clock can tell which was set back since:
    nobody waits for that to come again."""
    if state is None or not now < state.forgotten_at <= now + rule.lifetime + MAX_CLOCK_DIFFERENCE:
        return None
    return state


def uncount_attempt(before: State) -> State:
    return State(max(before.count - 1, 0), 0.0, before.forgotten_at)
