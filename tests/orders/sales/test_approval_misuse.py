"""Leave that does not fit: the sale is refused, and approval and shop stay as they were."""

import pytest
from django.utils import timezone

from tests.factories.accounts import ApprovalFactory, UserFactory
from tests.support.approvals import grant_approval, new_id, request_approval, snapshot_approval
from tests.support.order_approvals import (
    assert_no_orders,
    build_half_off_order,
    get_approval_state,
    log_in_at_paired_register,
)
from tests.support.till import Till, ensure_books_balance, line, percent

pytestmark = pytest.mark.once


@pytest.fixture
def admin_client(admin, client_of):
    return client_of(admin)


@pytest.fixture
def ensure_unsold(shop, problem):
    """The sale is refused, and leaves approval and shop as they were."""

    def refused(till, body, approval, code="approval_not_valid"):
        before = snapshot_approval({"id": approval})
        answer = problem(till.post("orders/", body | {"approval": approval}), 403, code)
        assert snapshot_approval({"id": approval}) == before
        assert assert_no_orders(shop)
        ensure_books_balance(shop)
        return answer

    return refused


def test_119_an_approval_is_for_one_order_one_action_and_so_much(
    till, make_product, manager_client, ensure_unsold
):
    product = make_product("10.00")
    body = build_half_off_order(till, product)
    about = {"order": body["id"]}
    for action, changes in [
        ("discount", {}),
        ("price_override", {"object": about, "amount": "10.00"}),
        ("refund", {"object": about, "amount": "10.00"}),
        ("void", {"object": about}),
        ("discount", {"object": about, "amount": "9.99"}),
    ]:
        approval = grant_approval(manager_client, request_approval(till, action, **changes))["id"]

        ensure_unsold(till, body, approval)


def test_119_leave_for_a_discount_is_none_for_a_price(
    till, make_product, manager_client, ensure_unsold
):
    body = till.order(line(make_product("10.00"), unit_price="9.00"))
    approval = grant_approval(
        manager_client, request_approval(till, object={"order": body["id"]}, amount="10.00")
    )["id"]

    ensure_unsold(till, body, approval)


def test_119_a_basket_that_grew_meanwhile_needs_more(
    till, make_product, get_approval, ensure_unsold
):
    product = make_product("10.00")
    body = build_half_off_order(till, product)
    approval = get_approval(body)
    body["lines"].append(line(product, discounts=[percent("50")]))

    ensure_unsold(till, body, approval)


def test_119_nobody_else_uses_it(till, make_product, manager_client, shop, register, ensure_unsold):
    body = build_half_off_order(till, make_product("10.00"))
    approval = grant_approval(
        manager_client, request_approval(till, object={"order": body["id"]}, amount="10.00")
    )["id"]
    colleague = Till(UserFactory(tenant=shop), register)

    ensure_unsold(colleague, body, approval)


def test_119_it_is_not_used_at_another_till(
    cashier, make_product, manager_client, tills, register, ensure_unsold
):
    """Nor away from any: leave was given for what the manager saw on this one."""
    here, there = (
        log_in_at_paired_register(cashier, each) for each in (register, tills[0].register)
    )
    product = make_product("10.00")
    body = build_half_off_order(here, product)
    del body["register"]
    approval = grant_approval(
        manager_client, request_approval(here, object={"order": body["id"]}, amount="10.00")
    )["id"]

    ensure_unsold(there, body, approval)
    ensure_unsold(Till(cashier, register), body | {"register": str(register.pk)}, approval)
    assert here.post("orders/", body | {"approval": approval}).status_code == 201


def test_119_that_of_another_shop_is_like_one_that_nobody_has(
    till, make_product, foreign, client_of, ensure_unsold, problem, shop
):
    body = build_half_off_order(till, make_product("10.00"))
    them = client_of(foreign.cashier)
    theirs = request_approval(them, object={"order": body["id"]}, amount="10.00")
    grant_approval(client_of(foreign.manager), theirs)
    answers = [
        till.post("orders/", body | {"approval": each}, X_Request_ID="same")
        for each in (theirs["id"], new_id())
    ]

    problem(answers[0], 403, "approval_not_valid")
    assert answers[0].content == answers[1].content
    assert get_approval_state(theirs["id"]) == "approved"
    assert assert_no_orders(shop)


@pytest.mark.parametrize("status", ["pending", "denied", "expired"])
def test_only_leave_that_was_given_and_still_stands_counts(
    till, cashier, manager, make_product, ensure_unsold, status
):
    body = build_half_off_order(till, make_product("10.00"))
    now = timezone.now()
    decided = {"decided_by": manager, "decided_at": now}
    more = {
        "pending": {},
        "denied": {"status": "denied", **decided},
        "expired": {"status": "approved", **decided, "expires_at": now},
    }[status]
    row = ApprovalFactory(
        requested_by=cashier, object={"order": body["id"]}, amount="10.00", **more
    )

    ensure_unsold(till, body, str(row.pk))


@pytest.mark.parametrize("how", ["deactivated", "demoted"])
def test_120_who_gave_it_must_still_be_a_manager(
    till, manager_client, admin_client, make_product, get_approval, ensure_unsold, how
):
    body = build_half_off_order(till, make_product("10.00"))
    approval = get_approval(body)
    path = f"users/{manager_client.user.pk}/"
    answer = (
        admin_client.delete(f"{path}activation/")
        if how == "deactivated"
        else admin_client.put(f"{path}role/", {"role": "cashier"}, If_Match="*")
    )
    assert answer.status_code == 200

    ensure_unsold(till, body, approval)


def test_whoever_gave_it_has_limits_as_well(
    till, shop, configure_shop, make_product, get_approval, ensure_unsold
):
    shop.limits["manager"] |= {"line_discount_percent": "40"}
    configure_shop(limits=shop.limits)
    body = build_half_off_order(till, make_product("10.00"))
    approval = get_approval(body)

    again = ensure_unsold(till, body, approval, code="approval_required")

    assert again["object"] == {"order": body["id"]}


@pytest.mark.parametrize("approval", ["1", None, 5, "", ["x"]])
def test_what_is_no_id_is_no_approval(till, make_product, shop, problem, approval):
    response = till.post(
        "orders/", build_half_off_order(till, make_product("10.00")) | {"approval": approval}
    )

    code = "null" if approval is None else "invalid"
    problem(response, 400, "invalid", {"approval": code})
    assert assert_no_orders(shop)
