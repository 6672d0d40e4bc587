"""That every attack of the catalog is a test, and every number in a test's name an attack."""

import ast
import re

import pytest

from tests.architecture.walks import ROOT, files
from tests.attacks.catalog import SECTIONS

NUMBERED = re.compile(r"test_(?:h\d+_)*attack_((?:\d{3}_)+)")
# Sections that are not in the catalog yet; their tests may carry numbers all the same.
BEYOND = frozenset(range(92, 200))


def by_number():
    """The names of the tests by the numbers that they carry."""
    found = {}
    for name in names_of_tests():
        if match := NUMBERED.match(name):
            for number in match[1].rstrip("_").split("_"):
                found.setdefault(int(number), []).append(name)
    return found


def names_of_tests():
    for path in files(".py"):
        if path.is_relative_to(ROOT / "tests"):
            for node in ast.walk(ast.parse(path.read_text("utf-8"))):
                if isinstance(node, ast.FunctionDef) and node.name.startswith("test_"):
                    yield node.name


TESTS = by_number()
ATTACKS = [
    pytest.param(number, id=f"{number} {what}")
    for section in SECTIONS.values()
    for number, what in section.items()
]


@pytest.mark.parametrize("number", ATTACKS)
def test_every_attack_is_a_test(number):
    assert TESTS.get(number), f"no test is named test_attack_{number:03d}_..."


def test_every_number_is_an_attack():
    known = {number for section in SECTIONS.values() for number in section}

    assert {number for number in TESTS if number not in known and number not in BEYOND} == set()


def test_no_attack_stands_in_two_sections():
    numbers = [number for section in SECTIONS.values() for number in section]

    assert len(numbers) == len(set(numbers))
    assert numbers == sorted(numbers)
