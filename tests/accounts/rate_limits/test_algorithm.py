"""Waits between attempts under backoff and window rules."""

import pytest

from accounts.security.rate_limits.algorithm import (
    Backoff,
    State,
    Window,
    apply_attempt,
    uncount_attempt,
)

NOW = 1_000_000.0
BACKOFF = Backoff("guesses", free_attempts=3, max_wait=60.0, lifetime=600.0)
WINDOW = Window("calls", limit=3, seconds=60.0)


class Attempts:
    """Count attempts under some rules and keep their states."""

    def __init__(self, *rules):
        self.rules = {rule.name: rule for rule in rules}
        self.kept = dict.fromkeys(self.rules)
        self.now = NOW

    def attempt(self, after=0.0):
        self.now += after
        wait, changes = apply_attempt(self.rules, self.kept, self.now)
        self.kept |= changes
        return wait

    def attempt_times(self, count, after=0.0):
        return [self.attempt(after) for _ in range(count)]


# --- backoff -----------------------------------------------------------------------------------


def test_attempts_above_the_free_ones_wait():
    assert Attempts(BACKOFF).attempt_times(4) == [0, 0, 0, 2]


def test_each_further_attempt_doubles_the_wait_up_to_the_maximum():
    attempts = Attempts(BACKOFF)
    attempts.attempt_times(3)

    waits = []
    for _ in range(8):
        waits.append(attempts.attempt())
        assert attempts.attempt(after=waits[-1]) == 0

    assert waits == [2, 4, 8, 16, 32, 60, 60, 60]


def test_attempt_before_the_end_of_the_wait_is_refused():
    attempts = Attempts(BACKOFF)
    attempts.attempt_times(3)

    assert attempts.attempt(after=1.75) == 0.25
    assert attempts.attempt(after=0.25) == 0


@pytest.mark.parametrize("rule", [BACKOFF, WINDOW])
def test_clock_set_back_does_not_extend_a_wait(rule):
    attempts = Attempts(rule)
    assert attempts.attempt_times(4)[3] > 0

    assert attempts.attempt(after=-30) > 0, "clocks may differ by that much"
    assert attempts.attempt(after=-3600) == 0


def test_hundred_thousand_attempts_wait_no_longer_than_the_maximum():
    assert BACKOFF.next_state(100_000, NOW, None).free_at == NOW + 60


def test_attempts_are_forgotten_after_their_lifetime():
    attempts = Attempts(BACKOFF)
    attempts.attempt_times(3)

    assert attempts.attempt(after=600) == 0
    assert attempts.kept["guesses"].count == 1


def test_lifetime_starts_at_the_last_attempt():
    attempts = Attempts(BACKOFF)
    attempts.attempt_times(3, after=599)

    assert attempts.attempt(after=1) == 1


def test_refused_attempt_is_not_counted():
    attempts = Attempts(BACKOFF)
    attempts.attempt_times(3)
    before = dict(attempts.kept)

    assert all(attempts.attempt_times(50))
    assert attempts.kept == before
    assert attempts.attempt(after=2) == 0


# --- window ------------------------------------------------------------------------------------


def test_attempts_above_the_window_limit_wait_for_its_end():
    attempts = Attempts(WINDOW)

    assert attempts.attempt_times(3, after=10) == [0, 0, 0]
    assert attempts.attempt(after=10) == 30


def test_window_starts_with_its_first_attempt():
    attempts = Attempts(WINDOW)
    attempts.attempt_times(3)

    assert attempts.attempt(after=59.5) == 0.5
    assert attempts.attempt_times(4, after=0.5) == [0, 0, 0, 58.5]


def test_steady_attempts_do_not_extend_a_window():
    attempts = Attempts(WINDOW)

    assert attempts.attempt_times(13, after=20) == [0] * 13


# --- several rules at once --------------------------------------------------------------------


def test_longest_wait_of_several_rules_applies():
    attempts = Attempts(BACKOFF, WINDOW)
    attempts.attempt_times(3)

    assert attempts.attempt() == 60


def test_attempt_refused_by_one_rule_is_counted_under_no_rule():
    attempts = Attempts(BACKOFF, Window("patient", limit=100, seconds=60))
    attempts.attempt_times(3)
    attempts.attempt_times(20)

    assert attempts.kept["patient"].count == 3


def test_attempt_without_rules_is_free():
    assert Attempts().attempt() == 0


# --- uncounted attempts ------------------------------------------------------------------------


@pytest.mark.parametrize("rule", [BACKOFF, WINDOW])
def test_uncounted_attempt_may_be_made_again(rule):
    attempts = Attempts(rule)
    attempts.attempt_times(3)

    attempts.kept[rule.name] = uncount_attempt(attempts.kept[rule.name])

    assert attempts.attempt() == 0
    assert attempts.attempt() > 0


def test_uncounting_stops_at_zero():
    assert uncount_attempt(State(0, 0.0, NOW)) == State(0, 0.0, NOW)


def test_uncounting_does_not_extend_a_window():
    assert uncount_attempt(State(3, NOW + 60, NOW + 60)) == State(2, 0.0, NOW + 60)
