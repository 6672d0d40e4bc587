"""Names that a rename has forgotten: in docstrings and comments, and in calls of `super()`."""

import ast
import importlib
import io
import re
import tokenize
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.discovery import OURS, ROOT, files, subclasses

IN_BACKTICKS = re.compile(r"`([a-z]+(?:_[a-z0-9]+)+)(?:\(\))?`")
WORD = re.compile(r"\w+")
# Names of other programs, and examples.
FOREIGN = {"is_global", "load_middleware", "store_added", "store_changed"}
MODULES = [
    path
    for path in files(".py")
    if path.relative_to(ROOT).parts[0] in OURS and "migrations" not in path.parts
]


def read_comments(path: Path) -> Iterator[str]:
    """Yield the docstrings and comments."""
    source = path.read_text("utf-8")
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef):
            yield ast.get_docstring(node) or ""
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type == tokenize.COMMENT:
            yield token.string


def read_code(path: Path) -> str:
    """Return the source without docstrings and comments."""
    tree = ast.parse(path.read_text("utf-8"))
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef) and ast.get_docstring(
            node
        ):
            node.body[0] = ast.Pass()
    return ast.unparse(tree)


@pytest.mark.slow
def test_names_in_backticks_exist():
    known = FOREIGN.union(*(WORD.findall(read_code(path)) for path in MODULES))

    stale = {
        f"{path.relative_to(ROOT)}: {name}"
        for path in MODULES
        for comment in read_comments(path)
        for name in IN_BACKTICKS.findall(comment)
        if name not in known
    }

    assert not stale


def list_super_calls(node: ast.ClassDef) -> set[str]:
    """Return the names that methods of the class look up in `super()`."""
    return {
        found.attr
        for found in ast.walk(node)
        if isinstance(found, ast.Attribute)
        and isinstance(found.value, ast.Call)
        and isinstance(found.value.func, ast.Name)
        and found.value.func.id == "super"
    }


def find_super_calls() -> Iterator[tuple[type[Any], str]]:
    """Yield each class with a name that one of its methods looks up in `super()`."""
    for path in MODULES:
        module = ".".join(path.relative_to(ROOT).with_suffix("").parts)
        for node in ast.parse(path.read_text("utf-8")).body:
            for name in list_super_calls(node) if isinstance(node, ast.ClassDef) else ():
                yield getattr(importlib.import_module(module), node.name), name


def has_parent_with(owner: type[Any], name: str) -> bool:
    """Return whether `super()` finds the name, in the class or in one of its subclasses."""
    return any(
        name in vars(parent)
        for each in {owner, *subclasses(owner)}
        for parent in each.__mro__[each.__mro__.index(owner) + 1 :]
    )


def test_methods_called_by_super_exist():
    """The type checker does not see it in mixins, whose `self` is anything."""
    calls = list(find_super_calls())

    missing = [
        f"{each.__qualname__}.{name}" for each, name in calls if not has_parent_with(each, name)
    ]

    assert calls
    assert not missing
