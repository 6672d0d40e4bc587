"""Every guarantee of docs/guarantees.md names existing tests."""

import ast
import re

import pytest

from tests.support.discovery import ROOT

TEST_REFERENCE = re.compile(r"`(tests/[a-z_/]+\.py)(?:::(test_\w+))?`")
ROWS = [
    line
    for line in (ROOT / "docs" / "guarantees.md").read_text("utf-8").splitlines()
    if line.startswith("| ") and "Held by" not in line
]


def test_guarantees_are_found():
    assert len(ROWS) > 20


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row[2:50])
def test_tests_of_a_guarantee_exist(row):
    references = TEST_REFERENCE.findall(row)

    assert references
    for path, name in references:
        tree = ast.parse((ROOT / path).read_text("utf-8"))
        tests = {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}
        assert name in tests if name else any(each.startswith("test_") for each in tests)
