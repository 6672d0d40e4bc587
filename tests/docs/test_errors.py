"""docs/errors.md lists every error code with a remedy and is current."""

import re

import pytest

from tests.support.discovery import ROOT
from tests.tools.error_reference.page import (
    DELIVERY_RESULTS,
    FIELDS,
    PAGE,
    REMEDIES,
    build_page,
    errors,
    field_codes,
)

pytestmark = pytest.mark.once


def test_error_reference_is_current():
    """Otherwise run `python -m tests.tools.error_reference`."""
    assert PAGE.read_text("utf-8") == build_page()


def test_error_codes_and_remedies_match():
    assert {error.code for error in errors()} == set(REMEDIES)


def test_every_field_code_is_explained():
    known = set(FIELDS) | set(REMEDIES) | DELIVERY_RESULTS

    assert field_codes() - known == set()


def test_codes_of_the_parsers_are_listed():
    raised = re.compile(r'raise \w+\(\s*"([a-z_]+)",')
    codes = set(raised.findall((ROOT / "tenants/api/parsers.py").read_text("utf-8")))

    assert codes
    assert codes <= set(REMEDIES)
