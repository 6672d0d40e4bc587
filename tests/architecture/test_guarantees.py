"""Every promise of docs/guarantees.md is held by tests that there are."""

import ast
import re

import pytest

from tests.support.discovery import ROOT

PROMISED = re.compile(r"`(tests/[a-z_/]+\.py)(?:::(test_\w+))?`")
ROWS = [
    line
    for line in (ROOT / "docs" / "guarantees.md").read_text("utf-8").splitlines()
    if line.startswith("| ") and "Held by" not in line
]


def test_the_page_promises_something():
    assert len(ROWS) > 20


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row[2:50])
def test_a_promise_is_held_by_a_test(row):
    held = PROMISED.findall(row)

    assert held
    for path, name in held:
        tree = ast.parse((ROOT / path).read_text("utf-8"))
        tests = {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}
        assert name in tests if name else any(each.startswith("test_") for each in tests)
