"""Every attack of the catalog has a test, and every number in a test name is an attack."""

import re

import pytest

from tests.attacks.catalog import NAMED_OTHERWISE, SECTIONS
from tests.support.discovery import list_tests

NUMBERED = re.compile(r"test_(?:[a-z]+_){0,2}((?:[01]\d\d_)+)")


def group_by_number():
    """Return the test names by their attack numbers."""
    found = {}
    for _, name in list_tests():
        if match := NUMBERED.match(name):
            for number in match[1].rstrip("_").split("_"):
                found.setdefault(int(number), []).append(name)
    return found


NAMES = frozenset(name for _, name in list_tests())
TESTS = group_by_number()
CATALOGED = [number for section in SECTIONS.values() for number in section]
# All known attacks; a missing number was merged into another one.
# fmt: off
KNOWN_ATTACKS = frozenset({
      1,   2,   3,   5,   6,   7,   8,   9,  11,  12,  14,  15,  17,  18,  19,  20,  21,  23,
     24,  26,  27,  29,  30,  32,  33,  35,  36,  38,  39,  41,  42,  44,  45,  47,  48,  49,
     50,  51,  53,  54,  56,  57,  59,  60,  62,  63,  65,  66,  68,  69,  71,  72,  74,  75,
     77,  78,  80,  81,  83,  84,  86,  87,  89,  90,  92,  93,  95,  96,  98,  99, 101, 102,
    104, 105, 107, 108, 109, 110, 111, 113, 114, 115, 116, 117, 118, 119, 120, 122, 123, 125,
    126, 128, 129, 131, 132, 134, 135, 137, 138, 140, 141, 143, 144, 145, 146, 147, 149, 150,
    152, 153, 155, 156, 157, 158, 159, 161, 162, 163, 164, 165, 167, 168, 170, 171, 173, 174,
    176, 177, 178, 179, 180, 181, 182, 183, 184, 185,
})
# fmt: on
ATTACKS = [
    pytest.param(number, id=f"{number} {what}")
    for section in SECTIONS.values()
    for number, what in section.items()
]


@pytest.mark.parametrize("number", ATTACKS)
def test_every_attack_has_a_test(number):
    named = NAMED_OTHERWISE.get(number)

    assert TESTS.get(number) or named in NAMES, f"no test is named test_attack_{number:03d}_..."


def test_every_known_attack_is_cataloged():
    assert set(CATALOGED) == KNOWN_ATTACKS


def test_numbers_in_test_names_are_attacks():
    assert set(TESTS) <= KNOWN_ATTACKS


def test_attacks_are_in_one_section_in_order():
    assert len(CATALOGED) == len(set(CATALOGED))
    for section in SECTIONS.values():
        assert list(section) == sorted(section)
