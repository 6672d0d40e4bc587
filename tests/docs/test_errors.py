"""docs/errors.md lists every error code of the code, with a remedy, and is current."""

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


def test_the_page_is_current():
    """Otherwise run `python -m tests.tools.error_reference`."""
    assert PAGE.read_text("utf-8") == build_page()


def test_every_code_has_a_remedy_and_every_remedy_a_code():
    assert {error.code for error in errors()} == set(REMEDIES)


def test_every_code_of_a_field_is_explained():
    known = set(FIELDS) | set(REMEDIES) | DELIVERY_RESULTS

    assert field_codes() - known == set()


def test_every_unreadable_body_is_listed():
    raised = re.compile(r'raise \w+\(\s*"([a-z_]+)",')
    codes = set(raised.findall((ROOT / "tenants/api/parsers.py").read_text("utf-8")))

    assert codes
    assert codes <= set(REMEDIES)
