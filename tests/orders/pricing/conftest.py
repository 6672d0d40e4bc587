import pytest

from tests.support.approvals import grant_approval, request_approval
from tests.support.till import line, new_id, percent


@pytest.fixture
def edit(till):
    """`edit(order, "post", "discounts/", body)`: edit the order at any version."""

    def send(order, method, rest, body=None, by=till):
        more = {"If_Match": "*"} if method == "patch" else {}
        if rest == "discounts/":
            body = {"id": new_id()} | body
        return getattr(by, method)(f"orders/{order['id']}/{rest}", body, **more)

    return send


@pytest.fixture
def approve(till, manager_client):
    """`approve(refused)`: request and grant the approval that a refusal names; return its id."""

    def get(refused, giver=manager_client, **changes):
        request = {name: refused[name] for name in ("action", "object", "amount")} | changes
        return grant_approval(giver, request_approval(till, **request))["id"]

    return get


@pytest.fixture
def order_at_half_price(till, edit, approve, make_product, problem):
    """Return an order of 10.00 with a discount of 5.00 by an approval for 5.00."""
    order = till.sold(line(make_product("10.00", stock="500")))
    refused = problem(
        edit(order, "post", "discounts/", percent("50", line=order["lines"][0]["id"])),
        403,
        "approval_required",
    )
    assert refused["amount"] == "5.00"
    body = percent("50", line=order["lines"][0]["id"], approval=approve(refused))
    answer = edit(order, "post", "discounts/", body)
    assert answer.status_code == 200, answer.content
    return answer.json()
