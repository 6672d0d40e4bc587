"""Rate-limit rules as pure functions, shared by all counter stores."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

# Tolerated clock difference between machines, in seconds.
MAX_CLOCK_DIFFERENCE = 60.0


@dataclass(frozen=True, slots=True)
class State:
    """Counter of one bucket. Times are seconds since the epoch."""

    count: int
    free_at: float
    forgotten_at: float


class Rule(Protocol):
    @property
    def name(self) -> str: ...

    @property
    def lifetime(self) -> float:
        """Return the seconds after which an attempt no longer counts."""
        ...

    def next_state(self, count: int, now: float, before: State | None) -> State:
        """Return the state after an attempt."""
        ...


@dataclass(frozen=True, slots=True)
class Window:
    """Fixed window: `limit` attempts in `seconds`, counted from the first."""

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
    """Exponential backoff: after some free attempts the wait doubles up to `max_wait`."""

    name: str
    free_attempts: int
    max_wait: float
    lifetime: float

    def next_state(self, count: int, now: float, before: State | None) -> State:
        # Avoids overflow; `max_wait` is reached long before.
        doublings = min(count - self.free_attempts + 1, 30)
        wait = min(2.0**doublings, self.max_wait) if doublings > 0 else 0.0
        return State(count, now + wait if wait else 0.0, now + self.lifetime)


def apply_attempt(
    rules: Mapping[str, Rule], kept: Mapping[str, State | None], now: float
) -> tuple[float, dict[str, State]]:
    """Return the seconds to wait (0 if allowed) and the new states by key.

    An attempt that one rule rejects is counted under none, so rejected attempts extend no wait.
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
    """Return the state, or None if it has expired or lies too far in the future, which
    happens after a clock was set back."""
    if state is None or not now < state.forgotten_at <= now + rule.lifetime + MAX_CLOCK_DIFFERENCE:
        return None
    return state


def uncount_attempt(before: State) -> State:
    return State(max(before.count - 1, 0), 0.0, before.forgotten_at)
