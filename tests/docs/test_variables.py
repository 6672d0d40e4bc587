"""The table of environment variables lists every variable that the configuration reads."""

import re

import pytest

from tests.support.discovery import ROOT

pytestmark = pytest.mark.once

READ = re.compile(r"""\b(?:env(?:\.\w+)?|secret|read_secret)\(\s*["\']([A-Z_]+)["\']""")
ROW = re.compile(r"^\| (`[A-Z_`, ]+`) \|", re.M)


def test_table_lists_the_variables_that_are_read():
    page = (ROOT / "docs/operations/installation.md").read_text("utf-8")
    listed = {name for row in ROW.findall(page) for name in re.findall(r"[A-Z_]+", row)}
    files = [*(ROOT / "config").glob("*.py"), ROOT / "manage.py"]
    read = {name for path in files for name in READ.findall(path.read_text("utf-8"))}

    assert len(read) > 20
    assert listed == read
