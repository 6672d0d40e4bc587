"""The error codes of each operation are current, known and possible."""

import re

from config.openapi_errors import ERROR_CODES, FILE, load_codes
from tests.architecture.test_schema import document
from tests.support.discovery import ROOT
from tests.tools.error_codes.search import GENERAL, render_codes

ROW = re.compile(r"^\| \d+ \| `([a-z_]+)` \|", re.M)


def list_operations():
    return {
        operation["operationId"]: operation
        for operations in document()["paths"].values()
        for operation in operations.values()
    }


def test_codes_are_those_of_the_source():
    """If not, run `python -m tests.tools.error_codes`."""
    assert FILE.read_text("utf-8") == render_codes()


def test_document_has_the_codes_by_status():
    operations = list_operations()

    assert {
        name: operation[ERROR_CODES]
        for name, operation in operations.items()
        if ERROR_CODES in operation
    } == load_codes()
    for name, codes in load_codes().items():
        assert codes.keys() <= operations[name]["responses"].keys(), name
    assert "; 409 `currency_changed`, `id_conflict`" in operations["shifts.open"]["description"]


def test_every_code_is_explained_and_none_is_general():
    explained = set(ROW.findall((ROOT / "docs/errors.md").read_text("utf-8")))
    listed = {code for codes in load_codes().values() for each in codes.values() for code in each}

    assert len(listed) > 50
    assert listed <= explained
    assert listed & GENERAL == set()


def test_codes_of_some_operations():
    codes = load_codes()

    assert codes["shifts.open"]["409"] == ["currency_changed", "id_conflict", "shift_already_open"]
    assert codes["products.create"]["409"] == [
        *("already_exists", "barcode_taken", "options_taken", "plu_taken", "sku_taken"),
    ]
    assert {"approval_required", "approval_not_valid"} <= set(codes["orders.create"]["403"])
    assert {"insufficient_stock", "no_open_shift"} <= set(codes["orders.create"]["409"])
    assert "approval_required" in codes["orders.refunds.create"]["403"]
    assert codes["categories.create"] == {"409": ["already_exists"]}
    assert codes["customers.erase"]["403"] == ["password_required"]
    assert "categories.list" not in codes
