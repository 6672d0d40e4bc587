"""Labels of documents in every language."""

import ast
import re
from pathlib import Path

import pytest

from orders.models import Payment
from orders.services.documents import labels as labels_module
from orders.services.documents.labels import LOCALES, load_labels
from tests.tools.message_catalogs import compile_catalog, list_catalogs, parse_catalog

pytestmark = pytest.mark.once

DOCUMENTS = Path(labels_module.__file__).parent
TRANSLATORS = {"labels", "mark"}
PLACEHOLDER = re.compile(r"\{\w+\}")
LANGUAGES = sorted(path.name for path in LOCALES.iterdir())


def list_labels():
    """Return all labels in the code: the constants in calls of `labels(...)` and `mark(...)`."""
    found = set(Payment.Method.labels)
    for path in DOCUMENTS.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Call) and get_name(node.func) in TRANSLATORS:
                found |= {each.value for each in node.args if isinstance(each, ast.Constant)}
    return found


def get_name(function):
    return getattr(function, "attr", getattr(function, "id", ""))


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_label_has_a_translation_and_no_other(language):
    path = LOCALES / language / "LC_MESSAGES" / "receipts.po"
    messages = parse_catalog(path.read_text("utf-8"))
    del messages[""]

    assert set(messages) == list_labels()
    for source, target in messages.items():
        assert target.strip(), source
        assert sorted(PLACEHOLDER.findall(source)) == sorted(PLACEHOLDER.findall(target)), source


@pytest.mark.parametrize("language", LANGUAGES)
def test_labels_are_read_from_the_compiled_catalog(language):
    path = LOCALES / language / "LC_MESSAGES" / "receipts.po"
    labels = load_labels(language)

    assert labels.language == language
    for source, target in parse_catalog(path.read_text("utf-8")).items():
        if source:
            assert labels(source) == target


def test_compiled_catalogs_are_those_of_their_sources():
    """`python -m tests.tools.message_catalogs` writes them."""
    for path in list_catalogs():
        assert path.with_suffix(".mo").read_bytes() == compile_catalog(path.read_text("utf-8"))


def test_english_labels_are_those_of_the_code():
    assert {load_labels("en")(label) for label in list_labels()} == list_labels()


@pytest.mark.parametrize("text", ['msgid "a"\nmsgstr "b"\nmsgid "a"\nmsgstr "c"'])
def test_message_that_occurs_twice_is_refused(text):
    with pytest.raises(ValueError, match="occurs twice"):
        parse_catalog(text)
