import pytest

from tests.support.refunds import (
    snapshot_refund_rows,
)


@pytest.fixture
def refused_by_limit(shop, problem):
    """`refused_by_limit(call)`: assert that a call needs approval and changes no rows."""

    def check(call, code="approval_required"):
        before = snapshot_refund_rows(shop)
        answer = problem(call(), 403, code)
        assert snapshot_refund_rows(shop) == before
        return answer

    return check
