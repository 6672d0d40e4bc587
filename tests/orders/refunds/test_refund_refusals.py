"""Refused refunds: each changes nothing."""

from datetime import timedelta

import pytest
from django.utils import timezone

from tests.factories.accounts import ApprovalFactory
from tests.factories.orders import OrderFactory
from tests.support.api import Person
from tests.support.approvals import grant_approval, request_approval
from tests.support.order_approvals import get_approval_state, log_in_at_paired_register
from tests.support.refunds import (
    build_refund_lines,
    create_refund,
    ensure_refunds_consistent,
    request_refund,
    snapshot_refund_rows,
)
from tests.support.till import cash, line, new_id


@pytest.fixture
def sold(till, make_product):
    """Return an order of two units, 5.00 paid in cash."""
    return till.sold(line(make_product("2.50"), "2"), payments=[cash("5.00")])


@pytest.fixture
def other_sale(till, make_product):
    return till.sold(line(make_product("2.50")), payments=[cash("2.50")])


@pytest.fixture
def foreign_clients(foreign, client_of):
    """Return a cashier and a manager of another shop."""
    return client_of(foreign.cashier), client_of(foreign.manager)


@pytest.fixture
def refused(shop, problem):
    """`refused(call, 409, "code")`: assert the refusal, and that no rows changed."""

    def check(call, *expected):
        before = snapshot_refund_rows(shop)
        refusal = problem(call(), *expected)
        assert snapshot_refund_rows(shop) == before
        return refusal

    return check


# --- orders that cannot be refunded --------------------------------------------------------------


@pytest.mark.parametrize("status", ["open", "held", "voided", "half paid"])
def test_only_completed_orders_can_be_refunded(status, till, manager_client, make_product, refused):
    payments = [cash("1.00")] if status == "half paid" else []
    order = till.sold(line(make_product("2.50")), payments=payments)
    if status == "held":
        till.post(f"orders/{order['id']}/hold/")
    if status == "voided":
        manager_client.post(f"orders/{order['id']}/void/", {"reason": "Gone"})

    for body in ({}, {"amount": "1.00"}, {"lines": build_refund_lines(order)}):
        refused(
            lambda body=body: request_refund(manager_client, order, **body),
            409,
            "illegal_transition",
        )


def test_refund_cannot_be_refunded(manager_client, sold, refused):
    given_back = create_refund(manager_client, sold, amount="1.00")

    refused(lambda: request_refund(manager_client, given_back), 404, "not_found")


def test_refunded_order_cannot_be_refunded_again(manager_client, sold, refused):
    create_refund(manager_client, sold)

    for body in ({}, {"amount": "0.01"}, {"lines": build_refund_lines(sold)}):
        refused(
            lambda body=body: request_refund(manager_client, sold, **body),
            409,
            "illegal_transition",
        )


def test_line_of_another_order_is_refused(manager_client, till, make_product, sold, refused):
    other = till.sold(line(make_product("2.50")), payments=[cash("2.50")])

    for lines in (build_refund_lines(other), [{"line": new_id(), "quantity": 1}]):
        call = lambda lines=lines: request_refund(manager_client, sold, lines=lines)  # noqa: E731
        refused(call, 400, "invalid", {"lines[0].line": "does_not_exist"})


def test_refund_of_an_order_of_another_shop_is_not_found(foreign, sold, client_of, refused):
    refused(lambda: request_refund(client_of(foreign.admin), sold), 404, "not_found")


def test_cashier_at_a_paired_register_sees_only_refunds_of_that_store(
    manager_client, other_cashier_client, sold, cashier, tills, make_product
):
    elsewhere = OrderFactory(cashier=cashier).register
    done = create_refund(manager_client, sold)
    there, here = (
        log_in_at_paired_register(cashier, elsewhere),
        log_in_at_paired_register(other_cashier_client.user, tills[0].register),
    )

    assert there.get("refunds/").json()["results"] == []
    assert there.get(f"refunds/{done['id']}/").status_code == 404
    assert [each["id"] for each in here.get("refunds/").json()["results"]] == [done["id"]]


# --- amounts and quantities ----------------------------------------------------------------------

INVALID_AMOUNTS = {
    "0.00": "zero",
    "-1.00": "invalid",
    "1.005": "max_decimal_places",
    "1e1": "invalid",
    "NaN": "invalid",
    "\u0661.00": "invalid",
    "1.00 EUR": "invalid",
    True: "invalid",
    1.5: "invalid",
}
INVALID_QUANTITIES = {
    "0": "zero",
    "-1": "invalid",
    "2.001": "too_much",
    "3": "too_much",
    "0.5": "not_whole",
    "1.0005": "max_decimal_places",
}


def test_123_invalid_refund_amount_is_refused(manager_client, sold, refused):
    for amount, code in INVALID_AMOUNTS.items():
        call = lambda amount=amount: request_refund(manager_client, sold, amount=amount)  # noqa: E731
        refused(call, 400, "invalid", {"amount": code})
    refused(lambda: request_refund(manager_client, sold, amount="5.01"), 409, "refund_exceeds_paid")


def test_123_refund_accepts_no_currency(manager_client, sold, refused):
    call = lambda: request_refund(manager_client, sold, amount="1.00", currency="USD")  # noqa: E731
    refused(call, 400, "invalid", {"currency": "unknown_field"})


def test_invalid_refund_quantity_is_refused(manager_client, sold, refused):
    for quantity, code in INVALID_QUANTITIES.items():
        call = lambda quantity=quantity: request_refund(  # noqa: E731
            manager_client, sold, lines=build_refund_lines(sold, quantity)
        )
        refused(call, 400, "invalid", {"lines[0].quantity": code})


def test_refund_takes_lines_or_an_amount_and_each_line_once(manager_client, sold, refused):
    both = {"lines": build_refund_lines(sold), "amount": "1.00"}
    refused(
        lambda: request_refund(manager_client, sold, **both), 400, "invalid", {"amount": "one_of"}
    )
    twice = {"lines": build_refund_lines(sold) * 2}
    refused(
        lambda: request_refund(manager_client, sold, **twice),
        400,
        "invalid",
        {"lines": "duplicate"},
    )
    none = {"lines": []}
    refused(
        lambda: request_refund(manager_client, sold, **none), 400, "invalid", {"lines": "empty"}
    )


def test_cash_payment_cannot_be_refunded_to_a_card(manager_client, sold, gateway, refused):
    call = lambda: request_refund(manager_client, sold, method="card")  # noqa: E731
    refused(call, 400, "invalid", {"method": "not_by_card"})
    assert gateway.refunds == []


def test_refund_needs_a_reason_and_an_id_or_key(manager_client, sold, refused):
    path = f"orders/{sold['id']}/refunds/"
    refused(
        lambda: manager_client.post(path, {"id": new_id()}), 400, "invalid", {"reason": "required"}
    )
    refused(lambda: manager_client.post(path, {"reason": "x"}), 400, "idempotency_key_required")


def test_refund_id_used_for_another_refund_is_a_conflict(
    manager_client, till, make_product, sold, refused
):
    first = create_refund(manager_client, sold, amount="1.00")
    other = till.sold(line(make_product("2.50")), payments=[cash("2.50")])

    for order, amount in ((sold, "2.00"), (other, "1.00")):
        call = lambda order=order, amount=amount: request_refund(  # noqa: E731
            manager_client, order, id=first["id"], amount=amount
        )
        refused(call, 409, "id_conflict")


def test_paired_manager_refunds_only_at_the_paired_register(manager, sold, tills, refused):
    at_the_till = log_in_at_paired_register(manager, tills[0].register)
    elsewhere = str(tills[1].register.pk)

    refused(lambda: request_refund(at_the_till, sold, register=elsewhere), 403, "other_register")
    assert create_refund(at_the_till, sold)["register"] == str(tills[0].register.pk)


# --- approvals -----------------------------------------------------------------------------------


def approve(asker, giver, order, amount="5.00", action="refund", **about):
    about = about or {"order": order["id"]}
    return grant_approval(giver, request_approval(asker, action, object=about, amount=amount))["id"]


def test_117_refund_by_a_cashier_names_the_required_approval(till, sold, refused):
    refusal = refused(
        lambda: request_refund(till, sold, lines=build_refund_lines(sold)), 403, "approval_required"
    )

    assert refusal["action"] == "refund"
    assert refusal["object"] == {"order": sold["id"]}
    assert refusal["amount"] == "2.50"


def test_119_approval_is_valid_for_one_user_order_action_and_amount(
    till, manager_client, other_cashier_client, other_sale, sold, foreign_clients, refused
):
    other_approvals = [
        approve(till, manager_client, sold, amount="2.49"),
        approve(till, manager_client, other_sale),
        approve(till, manager_client, sold, action="discount"),
        approve(till, manager_client, sold, amount=None, action="void"),
        approve(other_cashier_client, manager_client, sold),
        approve(*foreign_clients, sold),
        new_id(),
    ]

    for each in other_approvals:
        call = lambda each=each: request_refund(  # noqa: E731
            till, sold, lines=build_refund_lines(sold), approval=each
        )
        refused(call, 403, "approval_not_valid")

    assert {get_approval_state(each) for each in other_approvals[:-1]} == {"approved"}


def test_119_approval_is_valid_only_at_the_terminal_that_requested_it(
    cashier, manager_client, sold, register, tills, refused
):
    here, there = (
        log_in_at_paired_register(cashier, each) for each in (register, tills[0].register)
    )
    approval = approve(here, manager_client, sold)

    refused(lambda: request_refund(there, sold, approval=approval), 403, "approval_not_valid")
    assert create_refund(here, sold, approval=approval)["status"] == "done"


@pytest.mark.parametrize("how", ["pending", "denied", "expired", "demoted", "limited"])
def test_120_approval_must_be_valid_when_it_is_used(  # noqa: PLR0913, PLR0917
    how, till, cashier, manager, admin, client_of, sold, shop, configure_shop, refused
):
    now = timezone.now()
    decision = {"decided_by": manager, "decided_at": now, "expires_at": now}
    row = ApprovalFactory(
        requested_by=cashier,
        action="refund",
        object={"order": sold["id"]},
        amount="5.00",
        **{
            "pending": {},
            "denied": {"status": "denied", **decision},
            "expired": {"status": "approved", **decision},
        }.get(how, {"status": "approved", **decision, "expires_at": now + PLENTY}),
    )
    code = "approval_not_valid"
    if how == "demoted":
        path = f"users/{manager.pk}/role/"
        assert client_of(admin).put(path, {"role": "cashier"}, If_Match="*").status_code == 200
    if how == "limited":
        shop.limits["manager"] |= {"refund_amount": "4.99"}
        configure_shop(limits=shop.limits)
        code = "approval_required"

    refused(lambda: request_refund(till, sold, approval=str(row.pk)), 403, code)


PLENTY = timedelta(minutes=1)


def test_118_used_approval_cannot_be_used_again(till, manager_client, sold, shop, problem, refused):
    approval = approve(till, manager_client, sold)
    first = create_refund(
        till, sold, id=new_id(), lines=build_refund_lines(sold), approval=approval
    )

    refused(lambda: request_refund(till, sold, approval=approval), 403, "approval_not_valid")
    again = request_refund(
        till, sold, id=first["id"], lines=build_refund_lines(sold), approval=approval
    )

    assert (again.status_code, again.json()) == (200, first)
    assert first["approved_by"] == str(manager_client.user.pk)
    ensure_refunds_consistent(shop)


def test_paid_out_and_refund_approvals_are_not_interchangeable(
    till, manager_client, sold, shop, refused
):
    """The amounts are equal, so only action and object differ."""
    opening = {"id": new_id(), "register": str(till.register.pk), "opening_float": "500.00"}
    shift = till.post("shifts/", opening).json()
    body = {"id": new_id(), "type": "paid_out", "amount": "400.00", "reason": "Window"}
    path = f"shifts/{shift['id']}/cash-movements/"
    other_approvals = [
        approve(till, manager_client, sold, amount="400.00"),
        approve(till, manager_client, sold, "399.99", "paid_out", shift=shift["id"]),
        approve(till, manager_client, sold, "400.00", "paid_out", shift=new_id()),
    ]
    for each in other_approvals:
        call = lambda each=each: till.post(path, body | {"approval": each})  # noqa: E731
        refused(call, 403, "approval_not_valid")

    valid_approval = approve(till, manager_client, sold, "400.00", "paid_out", shift=shift["id"])
    refused(lambda: request_refund(till, sold, approval=valid_approval), 403, "approval_not_valid")
    assert till.post(path, body | {"approval": valid_approval}).status_code == 201
    again = body | {"id": new_id(), "approval": valid_approval}
    refused(lambda: till.post(path, again), 403, "approval_not_valid")
    assert Person(till.user).get("shifts/").status_code == 200
