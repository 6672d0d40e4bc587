"""Cancellation of payments of open orders."""

from datetime import timedelta

import pytest
import time_machine
from django.utils import timezone

from orders.services.reconciliation import PaymentReconciliation
from tests.support.api import Person
from tests.support.approvals import grant_approval, request_approval
from tests.support.gateway import CAPTURED, DECLINED, TIMED_OUT
from tests.support.order_approvals import get_approval_state
from tests.support.order_relay import relay_all
from tests.support.refunds import (
    create_refund,
    credit_payment,
    ensure_refunds_consistent,
    get_store_credit_code,
    snapshot_refund_rows,
)
from tests.support.shifts import cancel_payment, close_shift, fetch_shift_report, open_shift
from tests.support.till import card, cash, get_stock_level, line


@pytest.fixture
def half_paid(till, make_product, gateway):
    """Return an order of 10.00 of which a card has paid 4.00."""
    return till.sold(line(make_product("10.00", stock="1")), payments=[card("4.00")])


def test_order_is_not_completed_while_a_card_is_being_canceled(
    till, manager_client, half_paid, gateway, shop
):
    """The rest is paid in cash during the gateway call; the order waits for its answer."""
    reconcile_during_cancellation = []

    def pay_the_rest(charge):
        reconcile_during_cancellation.append(till.pay(half_paid, cash("6.00")).json())
        return DECLINED

    gateway.answers = [pay_the_rest]

    canceled = cancel_payment(manager_client, half_paid).json()

    assert (
        reconcile_during_cancellation[0]["status"],
        reconcile_during_cancellation[0]["payments"][0]["status"],
    ) == ("open", "unknown")
    assert (canceled["status"], canceled["due"], canceled["paid_total"]) == ("open", "4.00", "6.00")
    assert [each["status"] for each in canceled["payments"]] == ["canceled", "captured"]
    ensure_refunds_consistent(shop)


def test_cancellation_refused_by_the_gateway_completes_the_paid_order(
    till, manager_client, half_paid, gateway, shop, problem
):
    gateway.answers = [lambda charge: till.pay(half_paid, cash("6.00")) and CAPTURED]

    refusal = problem(cancel_payment(manager_client, half_paid), 409, "payment_settled")

    assert "cannot be canceled" in refusal["detail"]
    assert refusal["payment_status"] == "captured"
    assert till.shown(half_paid)["status"] == "completed"
    ensure_refunds_consistent(shop)


@pytest.mark.parametrize("found", [CAPTURED, DECLINED])
def test_cancellation_with_unknown_outcome_is_reconciled(
    found, till, manager_client, half_paid, gateway, shop, make_product
):
    """The goods are sold meanwhile, which must not prevent the cancellation."""
    shift = open_shift(till, "0.00")
    till.sold(build_line(half_paid), payments=[cash("10.00")])
    gateway.answers, gateway.found = [TIMED_OUT], [found]
    unknown = cancel_payment(manager_client, half_paid).json()
    assert (unknown["payments"][0]["status"], unknown["paid_total"]) == ("unknown", "0.00")

    with time_machine.travel(timezone.now() + timedelta(minutes=3), tick=False):
        relay_all()

    now = till.shown(half_paid)
    assert (now["payments"][0]["status"], now["due"]) == {
        CAPTURED: ("captured", "6.00"),
        DECLINED: ("canceled", "10.00"),
    }[found]
    canceled_by_method = {
        each["method"]: each["canceled"]
        for each in fetch_shift_report(manager_client, shift)["payments"]
    }
    assert canceled_by_method.get("card", "0.00") == ("0.00" if found == CAPTURED else "4.00")
    ensure_refunds_consistent(shop)


def build_line(order):
    return {"product": order["lines"][0]["product"], "quantity": 1}


def test_cashier_needs_approval_to_cancel_a_captured_payment(
    till, manager_client, half_paid, gateway, shop, problem
):
    gateway.answers = [DECLINED]
    before = snapshot_refund_rows(shop)
    refusal = problem(cancel_payment(till, half_paid), 403, "approval_required")
    other_approval = grant_approval(
        manager_client, request_approval(till, "void", object={"order": till.order()["id"]})
    )["id"]
    problem(cancel_payment(till, half_paid, approval=other_approval), 403, "approval_not_valid")
    assert without_audit_events(snapshot_refund_rows(shop)) == without_audit_events(before)

    approval = grant_approval(
        manager_client,
        request_approval(till, refusal["action"], object=refusal["object"], amount=None),
    )["id"]
    canceled = cancel_payment(till, half_paid, approval=approval).json()

    assert (canceled["payments"][0]["status"], get_approval_state(approval)) == ("canceled", "used")
    problem(cancel_payment(till, half_paid, approval=approval), 409, "payment_settled")
    ensure_refunds_consistent(shop)


def without_audit_events(rows):
    """Remove audit events, because approvals are audited."""
    return {name: each for name, each in rows.items() if name != "AuditEvent"}


def test_payment_of_a_completed_order_cannot_be_canceled(
    till, manager_client, make_product, shop, problem
):
    order = till.sold(line(make_product("2.50")), payments=[cash("2.50")])
    before = snapshot_refund_rows(shop)

    refusal = problem(cancel_payment(manager_client, order), 409, "illegal_transition")

    assert refusal["detail"].endswith("it is completed. Refund the order instead.")
    assert snapshot_refund_rows(shop) == before


def test_canceled_store_credit_payment_is_added_back_to_the_balance(
    till, manager_client, make_product, shop, store
):
    product = make_product("5.00")
    sold = till.sold(line(product), payments=[cash("5.00")])
    code = get_store_credit_code(create_refund(manager_client, sold, method="store_credit"))
    order = till.sold(line(product), payments=[credit_payment("3.00", code)])

    cancel_payment(manager_client, order)

    (credit,) = manager_client.get("store-credits/", {"code": code}).json()["results"]
    entries = manager_client.get(f"store-credits/{credit['id']}/entries/").json()["results"]
    assert credit["balance"] == "5.00"
    assert [each["amount"] for each in entries] == ["3.00", "-3.00", "5.00"]
    assert get_stock_level(product, store) == (10, 0)
    ensure_refunds_consistent(shop)


def test_card_of_a_closed_shift_is_canceled_or_completed_in_the_open_shift(
    till, manager_client, half_paid, gateway, shop
):
    """Here the gateway refuses the cancellation, so the order is completed in the open shift."""
    first = open_shift(till, "0.00")
    order = till.sold(build_line(half_paid), payments=[card("1.00")])
    assert close_shift(manager_client, first, "0.00").status_code == 200
    today = open_shift(till, "0.00")
    gateway.answers = [lambda charge: till.pay(order, cash("9.00")) and CAPTURED]

    cancel_payment(manager_client, order)

    now = till.shown(order)
    assert (now["status"], now["shift"]) == ("completed", today["id"])
    assert close_shift(manager_client, today, "9.00").status_code == 200
    ensure_refunds_consistent(shop)


def test_canceled_cash_payment_cancels_its_change(till, manager_client, make_product, shop):
    order = till.sold(line(make_product("10.00")), payments=[cash("4.00", tendered="5.50")])
    assert (order["paid_total"], order["change_total"]) == ("4.00", "1.50")

    canceled = cancel_payment(manager_client, order).json()

    assert (canceled["paid_total"], canceled["change_total"]) == ("0.00", "0.00")
    ensure_refunds_consistent(shop)


def test_unknown_card_found_captured_on_cancellation_completes_the_order(
    till, manager_client, make_product, gateway, shop
):
    """There was nothing to cancel at the time of the request, so it succeeds."""
    gateway.answers = [TIMED_OUT, CAPTURED]
    order = till.sold(line(make_product("4.00")), payments=[card("4.00")])

    answer = cancel_payment(manager_client, order)

    assert (answer.status_code, answer.json()["status"]) == (200, "completed")
    assert answer.json()["payments"][0]["status"] == "captured"
    ensure_refunds_consistent(shop)


def test_reconciliation_skips_a_card_that_is_being_canceled(
    till, manager_client, half_paid, gateway, shop
):
    """The payment is old enough for reconciliation, which would find it captured."""
    looked_up = []

    def reconcile_during_cancellation(charge):
        looked_up.append(PaymentReconciliation().step())
        return DECLINED

    gateway.answers = [reconcile_during_cancellation]
    with time_machine.travel(timezone.now() + timedelta(minutes=10), tick=False):
        canceled = cancel_payment(Person(manager_client.user), half_paid).json()

    assert (looked_up, gateway.look_ups) == ([False], [])
    assert (canceled["payments"][0]["status"], canceled["paid_total"]) == ("canceled", "0.00")
    ensure_refunds_consistent(shop)
