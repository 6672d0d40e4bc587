"""When the next try is free."""

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


class Notebook:
    """Tries under some rules, one after the other."""

    def __init__(self, *rules):
        self.rules = {rule.name: rule for rule in rules}
        self.kept = dict.fromkeys(self.rules)
        self.now = NOW

    def take(self, after=0.0):
        self.now += after
        wait, changes = apply_attempt(self.rules, self.kept, self.now)
        self.kept |= changes
        return wait

    def takes(self, count, after=0.0):
        return [self.take(after) for _ in range(count)]


# --- tries that wait longer and longer --------------------------------------------------------


def test_some_tries_are_free_and_the_next_one_waits():
    assert Notebook(BACKOFF).takes(4) == [0, 0, 0, 2]


def test_each_try_after_those_doubles_the_wait_up_to_the_longest():
    book = Notebook(BACKOFF)
    book.takes(3)

    waits = []
    for _ in range(8):
        waits.append(book.take())
        assert book.take(after=waits[-1]) == 0

    assert waits == [2, 4, 8, 16, 32, 60, 60, 60]


def test_a_moment_too_early_is_too_early():
    book = Notebook(BACKOFF)
    book.takes(3)

    assert book.take(after=1.75) == 0.25
    assert book.take(after=0.25) == 0


@pytest.mark.parametrize("rule", [BACKOFF, WINDOW])
def test_a_clock_that_is_set_back_makes_nobody_wait_for_the_hour_to_come_again(rule):
    book = Notebook(rule)
    assert book.takes(4)[3] > 0

    assert book.take(after=-30) > 0, "clocks differ by as much"
    assert book.take(after=-3600) == 0


def test_a_hundred_thousand_tries_wait_no_longer_than_the_longest():
    assert BACKOFF.next_state(100_000, NOW, None).free_at == NOW + 60


def test_what_was_tried_long_ago_is_forgotten():
    book = Notebook(BACKOFF)
    book.takes(3)

    assert book.take(after=600) == 0
    assert book.kept["guesses"].count == 1


def test_it_is_forgotten_so_long_after_the_last_try_not_the_first():
    book = Notebook(BACKOFF)
    book.takes(3, after=599)

    assert book.take(after=1) == 1


def test_a_refused_try_is_not_counted():
    book = Notebook(BACKOFF)
    book.takes(3)
    before = dict(book.kept)

    assert all(book.takes(50))
    assert book.kept == before
    assert book.take(after=2) == 0


# --- so many in so long -----------------------------------------------------------------------


def test_a_window_lets_so_many_through_and_the_rest_wait_for_its_end():
    book = Notebook(WINDOW)

    assert book.takes(3, after=10) == [0, 0, 0]
    assert book.take(after=10) == 30


def test_a_window_begins_with_its_first_try_and_ends_on_time():
    book = Notebook(WINDOW)
    book.takes(3)

    assert book.take(after=59.5) == 0.5
    assert book.takes(4, after=0.5) == [0, 0, 0, 58.5]


def test_steady_tries_do_not_make_a_window_longer():
    book = Notebook(WINDOW)

    assert book.takes(13, after=20) == [0] * 13


# --- several rules at once --------------------------------------------------------------------


def test_of_several_rules_the_longest_wait_counts():
    book = Notebook(BACKOFF, WINDOW)
    book.takes(3)

    assert book.take() == 60


def test_what_one_rule_refuses_is_counted_under_none():
    book = Notebook(BACKOFF, Window("patient", limit=100, seconds=60))
    book.takes(3)
    book.takes(20)

    assert book.kept["patient"].count == 3


def test_a_try_under_no_rule_is_free():
    assert Notebook().take() == 0


# --- what was no failure ----------------------------------------------------------------------


@pytest.mark.parametrize("rule", [BACKOFF, WINDOW])
def test_a_try_that_is_given_back_may_be_made_again(rule):
    book = Notebook(rule)
    book.takes(3)

    book.kept[rule.name] = uncount_attempt(book.kept[rule.name])

    assert book.take() == 0
    assert book.take() > 0


def test_nobody_gets_back_more_than_was_taken():
    assert uncount_attempt(State(0, 0.0, NOW)) == State(0, 0.0, NOW)


def test_giving_back_does_not_make_a_window_longer():
    assert uncount_attempt(State(3, NOW + 60, NOW + 60)) == State(2, 0.0, NOW + 60)
