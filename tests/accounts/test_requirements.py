"""That every promise about people and log-ins is held by a test that is there."""

import pytest

from tests.accounts.requirements import PROMISES
from tests.attacks.test_catalog import names_of_tests
from tests.support.discovery import ROOT

NUMBERS = {"A": 27, "B": 12, "C": 24, "D": 15, "E": 12}
TESTS = frozenset(names_of_tests())


@pytest.mark.parametrize("number", PROMISES)
def test_a_promise_is_held_by_what_is_there(number):
    for name in PROMISES[number]:
        there = name in TESTS if name.startswith("test_") else (ROOT / name).exists()
        assert there, f"{number}: there is no {name}"


def test_no_promise_is_left_out():
    every = {f"{letter}{n}" for letter, last in NUMBERS.items() for n in range(1, last + 1)}

    assert set(PROMISES) == every
