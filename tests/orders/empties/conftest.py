"""Fixtures for returned goods."""

from typing import Any

import pytest

from tests.support.refunds import snapshot_refund_rows
from tests.support.till import line


@pytest.fixture
def empty(make_product):
    """An empty bottle that is taken back for 0.25, taxed as the bottle."""
    return make_product("0.25", sku="EMPTY", name="Empty bottle", returnable=True)


@pytest.fixture
def empties(empty):
    """`empties("6")`: a line with this many empties."""

    def build(quantity: str = "1", **more: Any):
        return line(empty, f"-{quantity}", **more)

    return build


@pytest.fixture
def unchanged(shop, problem):
    """`unchanged(call, 409, "code")`: assert the refusal, and that no rows changed."""

    def check(call, status, code, errors=None):
        before = snapshot_refund_rows(shop)
        answer = problem(call(), status, code, errors)
        assert snapshot_refund_rows(shop) == before
        return answer

    return check
