"""Names of tests are the same in every process, because pytest-xdist compares them."""

import ast
from pathlib import Path

import pytest

TESTS = Path(__file__).parents[1]


def find_sets_in_ids(tree):
    """Return the lines of sets that `ids=str` or `ids=repr` would write in order of hashes."""
    lines = []
    for call in ast.walk(tree):
        if not isinstance(call, ast.Call) or getattr(call.func, "attr", "") != "parametrize":
            continue
        ids = next((keyword.value for keyword in call.keywords if keyword.arg == "ids"), None)
        if getattr(ids, "id", "") in {"str", "repr"}:
            lines += [
                node.lineno
                for node in ast.walk(call)
                if isinstance(node, ast.Set) and len(node.elts) > 1
            ]
    return lines


def test_no_test_is_named_by_the_order_of_a_set():
    found = []
    for path in sorted(TESTS.rglob("test_*.py")):
        source = path.read_text()
        if "ids=" in source:
            found += [
                f"{path.relative_to(TESTS)}:{line}" for line in find_sets_in_ids(ast.parse(source))
            ]
    assert not found, "The order of a set differs between processes: use a list."


@pytest.mark.parametrize(("ids", "lines"), [("str", [1]), ("repr", [1]), ("['a']", [])])
def test_set_in_an_id_is_found(ids, lines):
    source = f"mark.parametrize('a', [{{1, 2}}, {{3}}], ids={ids})"
    assert find_sets_in_ids(ast.parse(source)) == lines
