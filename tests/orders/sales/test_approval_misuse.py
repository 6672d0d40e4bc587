"""Approvals that do not match: the order is refused, and approval and shop stay unchanged."""

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
def ensure_refused(shop, problem):
    """Return a function that asserts the refusal, and that nothing changed."""

    def refused(till, body, approval, code="approval_not_valid"):
        before = snapshot_approval({"id": approval})
        answer = problem(till.post("orders/", body | {"approval": approval}), 403, code)
        assert snapshot_approval({"id": approval}) == before
        assert assert_no_orders(shop)
        ensure_books_balance(shop)
        return answer

    return refused


def test_119_approval_is_valid_for_one_order_action_and_amount(
    till, make_product, manager_client, ensure_refused
):
    product = make_product("10.00")
    body = build_half_off_order(till, product)
    order_object = {"order": body["id"]}
    for action, changes in [
        ("discount", {}),
        ("price_override", {"object": order_object, "amount": "10.00"}),
        ("refund", {"object": order_object, "amount": "10.00"}),
        ("void", {"object": order_object}),
        ("discount", {"object": order_object, "amount": "9.99"}),
    ]:
        approval = grant_approval(manager_client, request_approval(till, action, **changes))["id"]

        ensure_refused(till, body, approval)


def test_119_discount_approval_does_not_cover_a_price_override(
    till, make_product, manager_client, ensure_refused
):
    body = till.order(line(make_product("10.00"), unit_price="9.00"))
    approval = grant_approval(
        manager_client, request_approval(till, object={"order": body["id"]}, amount="10.00")
    )["id"]

    ensure_refused(till, body, approval)


def test_119_approval_does_not_cover_lines_added_later(
    till, make_product, get_approval, ensure_refused
):
    product = make_product("10.00")
    body = build_half_off_order(till, product)
    approval = get_approval(body)
    body["lines"].append(line(product, discounts=[percent("50")]))

    ensure_refused(till, body, approval)


def test_119_approval_cannot_be_used_by_another_cashier(
    till, make_product, manager_client, shop, register, ensure_refused
):
    body = build_half_off_order(till, make_product("10.00"))
    approval = grant_approval(
        manager_client, request_approval(till, object={"order": body["id"]}, amount="10.00")
    )["id"]
    colleague = Till(UserFactory(tenant=shop), register)

    ensure_refused(colleague, body, approval)


def test_119_approval_cannot_be_used_at_another_terminal(
    cashier, make_product, manager_client, tills, register, ensure_refused
):
    """Nor outside of a terminal: the manager approved what this terminal showed."""
    here, there = (
        log_in_at_paired_register(cashier, each) for each in (register, tills[0].register)
    )
    product = make_product("10.00")
    body = build_half_off_order(here, product)
    del body["register"]
    approval = grant_approval(
        manager_client, request_approval(here, object={"order": body["id"]}, amount="10.00")
    )["id"]

    ensure_refused(there, body, approval)
    ensure_refused(Till(cashier, register), body | {"register": str(register.pk)}, approval)
    assert here.post("orders/", body | {"approval": approval}).status_code == 201


def test_119_approval_of_another_shop_is_answered_like_an_unknown_one(
    till, make_product, foreign, client_of, ensure_refused, problem, shop
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
def test_approval_that_is_pending_denied_or_expired_is_refused(
    till, cashier, manager, make_product, ensure_refused, status
):
    body = build_half_off_order(till, make_product("10.00"))
    now = timezone.now()
    decision = {"decided_by": manager, "decided_at": now}
    more = {
        "pending": {},
        "denied": {"status": "denied", **decision},
        "expired": {"status": "approved", **decision, "expires_at": now},
    }[status]
    row = ApprovalFactory(
        requested_by=cashier, object={"order": body["id"]}, amount="10.00", **more
    )

    ensure_refused(till, body, str(row.pk))


@pytest.mark.parametrize("how", ["deactivated", "demoted"])
def test_120_approver_must_still_be_an_active_manager(
    till, manager_client, admin_client, make_product, get_approval, ensure_refused, how
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

    ensure_refused(till, body, approval)


def test_approval_is_limited_by_the_limits_of_the_approver(
    till, shop, configure_shop, make_product, get_approval, ensure_refused
):
    shop.limits["manager"] |= {"line_discount_percent": "40"}
    configure_shop(limits=shop.limits)
    body = build_half_off_order(till, make_product("10.00"))
    approval = get_approval(body)

    again = ensure_refused(till, body, approval, code="approval_required")

    assert again["object"] == {"order": body["id"]}


@pytest.mark.parametrize("approval", ["1", None, 5, "", ["x"]])
def test_malformed_approval_id_is_refused(till, make_product, shop, problem, approval):
    response = till.post(
        "orders/", build_half_off_order(till, make_product("10.00")) | {"approval": approval}
    )

    code = "null" if approval is None else "invalid"
    problem(response, 400, "invalid", {"approval": code})
    assert assert_no_orders(shop)
