"""Gateway failures: timeouts, late answers and crashes lose no payment."""

from datetime import timedelta

import pytest
import time_machine
from django.utils import timezone

from orders.models import Payment
from tenants.scope import tenant_scope
from tests.factories.tenants import RegisterFactory
from tests.support.gateway import CAPTURED, DECLINED, TIMED_OUT
from tests.support.till import (
    Till,
    card,
    cash,
    ensure_books_balance,
    get_stock_level,
    line,
    resolve_payment,
)


def test_gateway_error_leaves_an_unknown_payment_that_can_be_resolved(
    till, manager_client, product, store, shop, gateway
):
    gateway.answers = [ConnectionResetError("gone")]
    body = till.order(line(product, "2"), payments=[card("5.00")])

    first = till.post("orders/", body)
    again = till.post("orders/", body)

    assert (first.status_code, again.status_code) == (201, 200)
    assert first.json() == again.json()
    assert (first.json()["status"], first.json()["payments"][0]["status"]) == ("open", "unknown")
    assert len(gateway.charges) == 1, "an unknown payment must be looked up, not charged again"
    assert get_stock_level(product, store) == (10, 2)

    done = resolve_payment(manager_client, again.json())
    assert (done.status_code, done.json()["status"]) == (200, "completed")
    assert [charge.key for charge in gateway.look_ups] == [gateway.charges[0].key]
    assert get_stock_level(product, store) == (8, 0)
    ensure_books_balance(shop)


def test_payment_cannot_be_resolved_while_it_is_being_charged(
    till, manager_client, product, store, gateway, problem
):
    """A look-up would find nothing yet, and a capture after it would be lost."""
    early_answers = []

    def resolve_too_early(charge):
        gateway.found = [DECLINED]
        early_answers.append(manager_client.post(f"payments/{charge.key}/resolve/"))
        return CAPTURED

    gateway.answers = [resolve_too_early]

    order = till.sold(line(product), payments=[card("2.50")])

    refused = problem(early_answers[0], 409, "payment_underway")
    assert int(early_answers[0]["Retry-After"]) == refused["retry_after"] > 0
    assert (order["status"], order["payments"][0]["status"]) == ("completed", "captured")
    assert get_stock_level(product, store) == (9, 0)


@pytest.mark.parametrize("found", [CAPTURED, DECLINED, TIMED_OUT])
def test_look_up_settles_an_unknown_card(till, manager_client, product, store, gateway, found):
    gateway.answers, gateway.found = [TIMED_OUT], [found]
    order = till.sold(line(product, "2"), payments=[card("5.00")])

    shown = resolve_payment(manager_client, order).json()

    assert shown["payments"][0]["status"] == found.outcome
    assert (shown["status"], get_stock_level(product, store)) == {
        CAPTURED: ("completed", (8, 0)),
        DECLINED: ("open", (10, 0)),
        TIMED_OUT: ("open", (10, 2)),
    }[found]


@pytest.mark.parametrize("payment", [cash("2.50"), card("2.50")])
def test_settled_payment_is_not_looked_up(till, manager_client, product, gateway, problem, payment):
    order = till.sold(line(product), payments=[payment])

    refused = problem(resolve_payment(manager_client, order), 409, "payment_settled")

    assert refused["payment_status"] == "captured"
    assert gateway.look_ups == []


@pytest.mark.django_db(transaction=True)
def test_no_transaction_is_open_during_gateway_calls(till, manager_client, product, gateway):
    gateway.answers = [CAPTURED, TIMED_OUT]
    till.sold(line(product), payments=[card("2.50")])
    order = till.sold(line(product), payments=[cash("1.00")])

    paid = till.pay(order, card("1.50")).json()
    payment = paid["payments"][1]["id"]
    assert manager_client.post(f"payments/{payment}/resolve/").json()["status"] == "completed"

    assert gateway.in_transaction == [False] * 3


# --- the simulated gateway -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("price", "status", "resolved"),
    [
        ("1.90", "captured", None),
        ("1.91", "declined", None),
        ("1.92", "unknown", "captured"),
        ("1.93", "unknown", "declined"),
    ],
)
def test_simulated_gateway_answers_by_amount(
    till, manager_client, make_product, price, status, resolved
):
    order = till.sold(line(make_product(price)), payments=[card(price)])

    assert order["payments"][0]["status"] == status
    if resolved:
        assert resolve_payment(manager_client, order).json()["payments"][0]["status"] == resolved


@pytest.mark.parametrize(("timeout", "status"), [(10, "captured"), (1, "unknown")])
def test_simulated_gateway_answers_late_within_the_timeout(
    till, make_product, settings, monkeypatch, timeout, status
):
    waited = []
    monkeypatch.setattr("time.sleep", waited.append)
    settings.PAYMENT_GATEWAY_TIMEOUT = timeout

    order = till.sold(line(make_product("1.94")), payments=[card("1.94")])

    assert order["payments"][0]["status"] == status
    assert waited == [min(2, timeout)]


def test_order_with_an_unknown_card_is_shown_at_another_register(
    till, cashier, shop, store, product, gateway
):
    gateway.answers = [TIMED_OUT]
    order = till.sold(line(product), payments=[card("2.50")])
    second = Till(cashier, RegisterFactory(tenant=shop, store=store, number=2))

    assert second.shown(order) == order


@pytest.fixture
def order_after_crash(till, product, gateway, shop):
    """Return the body of an order whose process crashed before the charge."""
    gateway.answers = [TIMED_OUT]
    body = till.order(line(product, "2"), payments=[card("3.00")])
    order = till.post("orders/", body).json()
    with tenant_scope(shop):
        Payment.objects.filter(order_id=order["id"]).update(status="pending", reason="")
    gateway.charges.clear()
    return body


def test_next_payment_does_not_charge_a_card_left_pending(
    till, gateway, order_after_crash, store, product
):
    paid = till.pay(order_after_crash, cash("1.00")).json()

    assert gateway.charges == []
    assert [payment["status"] for payment in paid["payments"]] == ["pending", "captured"]
    assert get_stock_level(product, store) == (10, 2)


def test_repeated_order_looks_up_a_card_left_pending(till, gateway, order_after_crash, shop):
    early = till.post("orders/", order_after_crash).json()
    with time_machine.travel(timezone.now() + timedelta(minutes=5), tick=True):
        later = till.post("orders/", order_after_crash).json()

    assert (early["payments"][0]["status"], later["payments"][0]["status"]) == (
        "pending",
        "captured",
    )
    assert (len(gateway.charges), len(gateway.look_ups)) == (0, 1)
    ensure_books_balance(shop)
