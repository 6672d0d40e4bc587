import pytest

from tests.support.refunds import (
    snapshot_refund_rows,
)


@pytest.fixture
def set_limits(shop, configure_shop):
    """Return a function that changes limits of roles: `(manager={"refund_amount": "10"})`."""

    def change(**limits_by_role):
        return configure_shop(limits=shop.merge_limits(limits_by_role))

    return change


@pytest.fixture
def refused_by_limit(shop, problem):
    """`refused_by_limit(call)`: assert that a call needs approval and changes no rows."""

    def check(call, code="approval_required"):
        before = snapshot_refund_rows(shop)
        answer = problem(call(), 403, code)
        assert snapshot_refund_rows(shop) == before
        return answer

    return check
