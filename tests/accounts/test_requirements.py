"""Every requirement about users and log-ins has an existing test or file."""

import pytest

from tests.accounts.requirements import REQUIREMENTS
from tests.support.discovery import ROOT, list_tests

NUMBERS = {"A": 27, "B": 12, "C": 24, "D": 15, "E": 12}
TESTS = frozenset(name for _, name in list_tests())


@pytest.mark.parametrize("number", REQUIREMENTS)
def test_tests_and_files_of_a_requirement_exist(number):
    for name in REQUIREMENTS[number]:
        exists = name in TESTS if name.startswith("test_") else (ROOT / name).exists()
        assert exists, f"{number}: {name} does not exist"


def test_all_requirements_are_listed():
    every = {f"{letter}{n}" for letter, last in NUMBERS.items() for n in range(1, last + 1)}

    assert set(REQUIREMENTS) == every
