"""What every file of the project has to keep to."""

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from tests.support.discovery import OURS, ROOT, files

# SQL that would outlast its transaction, and so meet the next user of a pooled connection.
SESSION_SETTING = re.compile(
    r"(?:^|;)\s*SET\s+(?!LOCAL\b|CONSTRAINTS\b)[a-zA-Z_.]+|(?i:set\s+session\b)"
    r"|(?i:set_config\([^)]*,\s*false\s*\))"
)
# One person's machine, in pieces so that this page is not one of them.
MACHINE = re.compile("|".join([r"/wor" r"k/", r"/hom" r"e/\w", r"/roo" r"t\b", r"/User" r"s/\w"]))
# Where packages come from is the business of whoever installs them.
PACKAGE_HOST = re.compile("|".join([r"py" r"pi\.", r"pythonhos" r"ted\.", r"npm" r"js\."]))
TEXT = {".py", ".md", ".toml", ".txt", ".yml", ".yaml", ".html", ".css", ".js", ".cfg", ".sh", ""}


@cache
def tree_of(path: Path) -> ast.Module:
    return ast.parse(path.read_text("utf-8"))


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def python(*folders: str) -> list[Path]:
    """The project's own Python; migrations are written by a machine."""
    ours = [path for path in files(".py") if "migrations" not in path.parts]
    return [path for path in ours if not folders or name_of(path).split("/")[0] in folders]


def calls(path: Path, function: str) -> Iterator[int]:
    for node in ast.walk(tree_of(path)):
        if isinstance(node, ast.Call) and getattr(node.func, "id", None) == function:
            yield node.lineno


def strings(path: Path) -> Iterator[str]:
    for node in ast.walk(tree_of(path)):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value


def test_the_project_is_found():
    names = {name_of(path) for path in python()}

    assert {"manage.py", "orders/models/order.py", "tests/conftest.py"} <= names
    assert not any(name.startswith(".venv") for name in names)


def test_imports_say_where_from():
    relative = [
        f"{name_of(path)}:{node.lineno}"
        for path in python()
        for node in ast.walk(tree_of(path))
        if isinstance(node, ast.ImportFrom) and node.level
    ]

    assert relative == []


def test_imports_stand_at_the_top():
    inside = [
        f"{name_of(path)}:{node.lineno}"
        for path in python()
        for function in ast.walk(tree_of(path))
        if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef)
        for node in ast.walk(function)
        if isinstance(node, ast.Import | ast.ImportFrom)
    ]

    assert inside == []


def test_only_commands_print():
    printing = [
        f"{name_of(path)}:{line}"
        for path in python(*OURS)
        if "commands" not in path.parts
        for line in calls(path, "print")
    ]

    assert printing == []


def test_no_setting_of_the_database_outlasts_its_transaction():
    found = [
        f"{name_of(path)}: {text}"
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
def test_the_search_for_such_settings_finds_them(sql, outlasts):
    assert bool(SESSION_SETTING.search(sql)) == outlasts


def test_transactions_are_opened_where_they_are_read():
    """A request as one transaction would undo what must be remembered of a refusal."""
    named = [
        name_of(path)
        for path in python(*OURS)
        for node in ast.walk(tree_of(path))
        if isinstance(node, ast.Constant | ast.Name | ast.keyword)
        and "ATOMIC_REQUESTS"
        in {getattr(node, "value", None), getattr(node, "id", None), getattr(node, "arg", None)}
    ]

    assert named == []


def test_nothing_listens_to_signals():
    """What happens is called by name, where one can read it."""
    listening = [
        name_of(path)
        for path in python(*OURS)
        for node in ast.walk(tree_of(path))
        if isinstance(node, ast.ImportFrom) and (node.module or "").endswith("signals")
    ]

    assert listening == []


@pytest.mark.parametrize("word", [MACHINE, PACKAGE_HOST], ids=["machine", "package host"])
def test_no_file_knows_where_it_was_written(word):
    knowing = [
        name_of(path)
        for path in files()
        if path.suffix in TEXT and word.search(path.read_text("utf-8"))
    ]

    assert knowing == []
