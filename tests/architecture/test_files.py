"""Rules for every file of the project."""

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from tests.support.discovery import OURS, ROOT, files

# SQL settings that outlast a transaction and so affect the next user of a pooled connection.
SESSION_SETTING = re.compile(
    r"(?:^|;)\s*SET\s+(?!LOCAL\b|CONSTRAINTS\b|TRANSACTION\b)[a-zA-Z_.]+|(?i:set\s+session\b)"
    r"|(?i:set_config\([^)]*,\s*false\s*\))"
)
# Local paths, in pieces so that this file does not match.
MACHINE = re.compile("|".join([r"/wor" r"k/", r"/hom" r"e/\w", r"/roo" r"t\b", r"/User" r"s/\w"]))
# Package hosts; the installer chooses the source of packages.
PACKAGE_HOST = re.compile("|".join([r"py" r"pi\.", r"pythonhos" r"ted\.", r"npm" r"js\."]))
TEXT = {".py", ".md", ".toml", ".txt", ".yml", ".yaml", ".html", ".css", ".js", ".cfg", ".sh", ""}


@cache
def parse(path: Path) -> ast.Module:
    return ast.parse(path.read_text("utf-8"))


def relative_name(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def python(*folders: str) -> list[Path]:
    """Return the Python files of the project without migrations, which are generated."""
    ours = [path for path in files(".py") if "migrations" not in path.parts]
    return [path for path in ours if not folders or relative_name(path).split("/")[0] in folders]


def strings(path: Path) -> Iterator[str]:
    for node in ast.walk(parse(path)):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value


def test_project_files_are_found():
    names = {relative_name(path) for path in python()}

    assert {"manage.py", "orders/models/order.py", "tests/conftest.py"} <= names
    assert not any(name.startswith(".venv") for name in names)


def test_sql_settings_do_not_outlast_their_transaction():
    found = [
        f"{relative_name(path)}: {text}"
        for path in python(*OURS)
        for text in strings(path)
        if SESSION_SETTING.search(text)
    ]

    assert found == []


@pytest.mark.parametrize(
    ("sql", "outlasts"),
    [
        ("SET search_path = x", True),
        ("SELECT 1; SET ROLE till", True),
        ("set session statement_timeout = 1", True),
        ("SELECT set_config('a.b', %s, false)", True),
        ("SET LOCAL a.b = 'c'", False),
        ("SELECT set_config('a.b', %s, true)", False),
        ("UPDATE a SET b = 1", False),
        ("Set by the server.", False),
    ],
)
def test_pattern_finds_sql_settings_that_outlast_a_transaction(sql, outlasts):
    assert bool(SESSION_SETTING.search(sql)) == outlasts


def test_atomic_requests_is_not_used():
    """A transaction per request would undo audit events of refused requests."""
    named = [
        relative_name(path)
        for path in python(*OURS)
        for node in ast.walk(parse(path))
        if isinstance(node, ast.Constant | ast.Name | ast.keyword)
        and "ATOMIC_REQUESTS"
        in {getattr(node, "value", None), getattr(node, "id", None), getattr(node, "arg", None)}
    ]

    assert named == []


@pytest.mark.parametrize("word", [MACHINE, PACKAGE_HOST], ids=["machine", "package host"])
def test_files_contain_no_local_paths_or_package_hosts(word):
    found = [
        relative_name(path)
        for path in files()
        if path.suffix in TEXT and word.search(path.read_text("utf-8"))
    ]

    assert found == []
