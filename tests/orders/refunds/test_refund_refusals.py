"""Refunds that are none: refused, with everything as it was."""

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
    """Two for 5.00 in cash."""
    return till.sold(line(make_product("2.50"), "2"), payments=[cash("5.00")])


@pytest.fixture
def other_sale(till, make_product):
    return till.sold(line(make_product("2.50")), payments=[cash("2.50")])


@pytest.fixture
def theirs(foreign, client_of):
    """A cashier and a manager of another shop."""
    return client_of(foreign.cashier), client_of(foreign.manager)


@pytest.fixture
def unchanged(shop, problem):
    """`unchanged(call, 409, "code")`: refused, and nothing is written but that it was denied."""

    def check(call, *expected):
        before = snapshot_refund_rows(shop)
        told = problem(call(), *expected)
        assert snapshot_refund_rows(shop) == before
        return told

    return check


# --- what cannot be refunded ---------------------------------------------------------------------


@pytest.mark.parametrize("status", ["open", "held", "voided", "half paid"])
def test_only_a_sale_is_refunded(status, till, manager_client, make_product, unchanged):
    payments = [cash("1.00")] if status == "half paid" else []
    order = till.sold(line(make_product("2.50")), payments=payments)
    if status == "held":
        till.post(f"orders/{order['id']}/hold/")
    if status == "voided":
        manager_client.post(f"orders/{order['id']}/void/", {"reason": "Gone"})

    for body in ({}, {"amount": "1.00"}, {"lines": build_refund_lines(order)}):
        unchanged(
            lambda body=body: request_refund(manager_client, order, **body),
            409,
            "illegal_transition",
        )


def test_a_refund_is_never_refunded(manager_client, sold, unchanged):
    given_back = create_refund(manager_client, sold, amount="1.00")

    unchanged(lambda: request_refund(manager_client, given_back), 404, "not_found")


def test_what_is_refunded_has_nothing_left(manager_client, sold, unchanged):
    create_refund(manager_client, sold)

    for body in ({}, {"amount": "0.01"}, {"lines": build_refund_lines(sold)}):
        unchanged(
            lambda body=body: request_refund(manager_client, sold, **body),
            409,
            "illegal_transition",
        )


def test_a_line_of_another_order_is_no_line_of_this_one(
    manager_client, till, make_product, sold, unchanged
):
    other = till.sold(line(make_product("2.50")), payments=[cash("2.50")])

    for lines in (build_refund_lines(other), [{"line": new_id(), "quantity": 1}]):
        call = lambda lines=lines: request_refund(manager_client, sold, lines=lines)  # noqa: E731
        unchanged(call, 400, "invalid", {"lines[0].line": "does_not_exist"})


def test_another_shops_order_is_none(foreign, sold, client_of, unchanged):
    unchanged(lambda: request_refund(client_of(foreign.admin), sold), 404, "not_found")


def test_cashiers_see_no_refunds_of_another_store(
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

AMOUNTS = {
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
QUANTITIES = {
    "0": "zero",
    "-1": "invalid",
    "2.001": "too_much",
    "3": "too_much",
    "0.5": "not_whole",
    "1.0005": "max_decimal_places",
}


def test_123_an_amount_is_one_of_the_currency(manager_client, sold, unchanged):
    for amount, code in AMOUNTS.items():
        call = lambda amount=amount: request_refund(manager_client, sold, amount=amount)  # noqa: E731
        unchanged(call, 400, "invalid", {"amount": code})
    unchanged(
        lambda: request_refund(manager_client, sold, amount="5.01"), 409, "refund_exceeds_paid"
    )


def test_123_nor_is_there_another_currency(manager_client, sold, unchanged):
    call = lambda: request_refund(manager_client, sold, amount="1.00", currency="USD")  # noqa: E731
    unchanged(call, 400, "invalid", {"currency": "unknown_field"})


def test_a_quantity_is_there_whole_and_not_back_yet(manager_client, sold, unchanged):
    for quantity, code in QUANTITIES.items():
        call = lambda quantity=quantity: request_refund(  # noqa: E731
            manager_client, sold, lines=build_refund_lines(sold, quantity)
        )
        unchanged(call, 400, "invalid", {"lines[0].quantity": code})


def test_lines_or_an_amount_and_each_line_once(manager_client, sold, unchanged):
    both = {"lines": build_refund_lines(sold), "amount": "1.00"}
    unchanged(
        lambda: request_refund(manager_client, sold, **both), 400, "invalid", {"amount": "one_of"}
    )
    twice = {"lines": build_refund_lines(sold) * 2}
    unchanged(
        lambda: request_refund(manager_client, sold, **twice),
        400,
        "invalid",
        {"lines": "duplicate"},
    )
    none = {"lines": []}
    unchanged(
        lambda: request_refund(manager_client, sold, **none), 400, "invalid", {"lines": "empty"}
    )


def test_what_no_card_paid_goes_back_to_no_card(manager_client, sold, gateway, unchanged):
    call = lambda: request_refund(manager_client, sold, method="card")  # noqa: E731
    unchanged(call, 400, "invalid", {"method": "not_by_card"})
    assert gateway.refunds == []


def test_a_refund_says_why_and_under_which_id_or_key(manager_client, sold, unchanged):
    path = f"orders/{sold['id']}/refunds/"
    unchanged(
        lambda: manager_client.post(path, {"id": new_id()}), 400, "invalid", {"reason": "required"}
    )
    unchanged(lambda: manager_client.post(path, {"reason": "x"}), 400, "idempotency_key_required")


def test_one_id_is_one_refund(manager_client, till, make_product, sold, unchanged):
    first = create_refund(manager_client, sold, amount="1.00")
    other = till.sold(line(make_product("2.50")), payments=[cash("2.50")])

    for order, amount in ((sold, "2.00"), (other, "1.00")):
        call = lambda order=order, amount=amount: request_refund(  # noqa: E731
            manager_client, order, id=first["id"], amount=amount
        )
        unchanged(call, 409, "id_conflict")


def test_who_is_logged_in_at_a_register_gives_back_at_no_other(manager, sold, tills, unchanged):
    at_the_till = log_in_at_paired_register(manager, tills[0].register)
    elsewhere = str(tills[1].register.pk)

    unchanged(lambda: request_refund(at_the_till, sold, register=elsewhere), 403, "other_register")
    assert create_refund(at_the_till, sold)["register"] == str(tills[0].register.pk)


# --- leave ---------------------------------------------------------------------------------------


def leave(asker, giver, order, most="5.00", action="refund", **about):
    about = about or {"order": order["id"]}
    return grant_approval(giver, request_approval(asker, action, object=about, amount=most))["id"]


def test_117_a_cashier_is_told_what_to_ask_for(till, sold, unchanged):
    told = unchanged(
        lambda: request_refund(till, sold, lines=build_refund_lines(sold)), 403, "approval_required"
    )

    assert told["action"] == "refund"
    assert told["object"] == {"order": sold["id"]}
    assert told["amount"] == "2.50"


def test_119_leave_is_for_one_person_order_action_and_so_much(
    till, manager_client, other_cashier_client, other_sale, sold, theirs, unchanged
):
    misfits = [
        leave(till, manager_client, sold, most="2.49"),
        leave(till, manager_client, other_sale),
        leave(till, manager_client, sold, action="discount"),
        leave(till, manager_client, sold, most=None, action="void"),
        leave(other_cashier_client, manager_client, sold),
        leave(*theirs, sold),
        new_id(),
    ]

    for each in misfits:
        call = lambda each=each: request_refund(  # noqa: E731
            till, sold, lines=build_refund_lines(sold), approval=each
        )
        unchanged(call, 403, "approval_not_valid")

    assert {get_approval_state(each) for each in misfits[:-1]} == {"approved"}


def test_119_leave_counts_at_the_till_where_it_was_asked_for(
    cashier, manager_client, sold, register, tills, unchanged
):
    here, there = (
        log_in_at_paired_register(cashier, each) for each in (register, tills[0].register)
    )
    approval = leave(here, manager_client, sold)

    unchanged(lambda: request_refund(there, sold, approval=approval), 403, "approval_not_valid")
    assert create_refund(here, sold, approval=approval)["status"] == "done"


@pytest.mark.parametrize("how", ["pending", "denied", "expired", "demoted", "limited"])
def test_120_leave_stands_when_it_is_used(  # noqa: PLR0913, PLR0917
    how, till, cashier, manager, admin, client_of, sold, shop, configure_shop, unchanged
):
    now = timezone.now()
    decided = {"decided_by": manager, "decided_at": now, "expires_at": now}
    row = ApprovalFactory(
        requested_by=cashier,
        action="refund",
        object={"order": sold["id"]},
        amount="5.00",
        **{
            "pending": {},
            "denied": {"status": "denied", **decided},
            "expired": {"status": "approved", **decided},
        }.get(how, {"status": "approved", **decided, "expires_at": now + PLENTY}),
    )
    code = "approval_not_valid"
    if how == "demoted":
        path = f"users/{manager.pk}/role/"
        assert client_of(admin).put(path, {"role": "cashier"}, If_Match="*").status_code == 200
    if how == "limited":
        shop.limits["manager"] |= {"refund_amount": "4.99"}
        configure_shop(limits=shop.limits)
        code = "approval_required"

    unchanged(lambda: request_refund(till, sold, approval=str(row.pk)), 403, code)


PLENTY = timedelta(minutes=1)


def test_118_leave_that_was_used_is_used(till, manager_client, sold, shop, problem, unchanged):
    approval = leave(till, manager_client, sold)
    first = create_refund(
        till, sold, id=new_id(), lines=build_refund_lines(sold), approval=approval
    )

    unchanged(lambda: request_refund(till, sold, approval=approval), 403, "approval_not_valid")
    again = request_refund(
        till, sold, id=first["id"], lines=build_refund_lines(sold), approval=approval
    )

    assert (again.status_code, again.json()) == (200, first)
    assert first["approved_by"] == str(manager_client.user.pk)
    ensure_refunds_consistent(shop)


def test_paid_out_takes_leave_of_its_own(till, manager_client, sold, shop, unchanged):
    """That for a refund of so much is none for cash out of the drawer, nor the reverse."""
    opening = {"id": new_id(), "register": str(till.register.pk), "opening_float": "500.00"}
    shift = till.post("shifts/", opening).json()
    body = {"id": new_id(), "type": "paid_out", "amount": "400.00", "reason": "Window"}
    path = f"shifts/{shift['id']}/cash-movements/"
    misfits = [
        leave(till, manager_client, sold, most="400.00"),
        leave(till, manager_client, sold, "399.99", "paid_out", shift=shift["id"]),
        leave(till, manager_client, sold, "400.00", "paid_out", shift=new_id()),
    ]
    for each in misfits:
        call = lambda each=each: till.post(path, body | {"approval": each})  # noqa: E731
        unchanged(call, 403, "approval_not_valid")

    fitting = leave(till, manager_client, sold, "400.00", "paid_out", shift=shift["id"])
    unchanged(lambda: request_refund(till, sold, approval=fitting), 403, "approval_not_valid")
    assert till.post(path, body | {"approval": fitting}).status_code == 201
    again = body | {"id": new_id(), "approval": fitting}
    unchanged(lambda: till.post(path, again), 403, "approval_not_valid")
    assert Person(till.user).get("shifts/").status_code == 200
