"""That every attack of the catalog is a test, and every number in a test's name an attack."""

import ast
import re

import pytest

from tests.attacks.catalog import NAMED_OTHERWISE, SECTIONS
from tests.support.discovery import ROOT, files

NUMBERED = re.compile(r"test_(?:h\d+_)*(?:[a-z]+_){0,2}((?:[01]\d\d_)+)")


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


NAMES = frozenset(names_of_tests())
TESTS = by_number()
CATALOGED = [number for section in SECTIONS.values() for number in section]
# Every attack that was thought of; where a number is missing, another one is about the same.
# fmt: off
THOUGHT_OF = frozenset({
      1,   2,   3,   5,   6,   7,   8,   9,  11,  12,  14,  15,  17,  18,  19,  20,  21,  23,
     24,  26,  27,  29,  30,  32,  33,  35,  36,  38,  39,  41,  42,  44,  45,  47,  48,  49,
     50,  51,  53,  54,  56,  57,  59,  60,  62,  63,  65,  66,  68,  69,  71,  72,  74,  75,
     77,  78,  80,  81,  83,  84,  86,  87,  89,  90,  92,  93,  95,  96,  98,  99, 101, 102,
    104, 105, 107, 108, 109, 110, 111, 113, 114, 115, 116, 117, 118, 119, 120, 122, 123, 125,
    126, 128, 129, 131, 132, 134, 135, 137, 138, 140, 141, 143, 144, 145, 146, 147, 149, 150,
    152, 153, 155, 156, 157, 158, 159, 161, 162, 163, 164, 165, 167, 168, 170, 171, 173, 174,
    176,
})
# fmt: on
ATTACKS = [
    pytest.param(number, id=f"{number} {what}")
    for section in SECTIONS.values()
    for number, what in section.items()
]


@pytest.mark.parametrize("number", ATTACKS)
def test_every_attack_is_a_test(number):
    named = NAMED_OTHERWISE.get(number)

    assert TESTS.get(number) or named in NAMES, f"no test is named test_attack_{number:03d}_..."


def test_every_attack_that_was_thought_of_is_cataloged():
    assert set(CATALOGED) == THOUGHT_OF


def test_every_number_is_an_attack():
    assert set(TESTS) <= THOUGHT_OF


def test_no_attack_stands_in_two_sections():
    assert len(CATALOGED) == len(set(CATALOGED))
    for section in SECTIONS.values():
        assert list(section) == sorted(section)
