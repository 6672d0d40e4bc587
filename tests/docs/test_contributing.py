"""Examples in CONTRIBUTING.md use names of the code."""

import ast
import re

import pytest

from tests.docs.pages import blocks
from tests.support.discovery import OURS, ROOT

pytestmark = pytest.mark.once

PAGE = ROOT / "CONTRIBUTING.md"
CODE = "\n".join(
    path.read_text("utf-8") for folder in OURS for path in (ROOT / folder).rglob("*.py")
)
# Names that the reader adds.
NEW = re.compile(r"Brand\w*")
EXAMPLES = [block for block in blocks(PAGE) if block.language == "python"]
# Names in backticks that look like classes, constants or attributes of the code.
NAME = re.compile(r"`([A-Z]\w*[a-z]\w*|SECRETS|[a-z]+(?:_[a-z]+)+)`")


def is_known(name: str) -> bool:
    return bool(NEW.fullmatch(name) or re.search(rf"\b{name}\b", CODE))


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda block: block.place)
def test_example_uses_names_of_the_code(example):
    nodes = list(ast.walk(ast.parse(example.text)))
    names = {node.id for node in nodes if isinstance(node, ast.Name)}

    assert names
    assert [name for name in sorted(names) if not is_known(name)] == []


def test_text_uses_names_of_the_code():
    names = set(NAME.findall(PAGE.read_text("utf-8"))) - {"Idempotency"}

    assert {"TenantScopedViewSet", "SECRETS"} <= names
    assert [name for name in sorted(names - {"store_credit"}) if not is_known(name)] == []
