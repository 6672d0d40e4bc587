"""How long a payment or refund in progress cannot be resolved, canceled or looked up."""

from datetime import timedelta

import pytest
import time_machine
from django.utils import timezone

from orders.models import Payment, Payout
from orders.models.payment import LOOK_UP_DELAY
from orders.services.reconciliation import PaymentReconciliation, PayoutReconciliation
from tenants.scope import tenant_scope
from tests.support.gateway import TIMED_OUT
from tests.support.refunds import create_refund, request_refund, resolve_refund
from tests.support.rows import assert_no_row_changes
from tests.support.shifts import cancel_payment
from tests.support.till import card, cash, line, resolve_payment

TIMEOUT = 7
INSTANT = 0.001

# Position of the card among the payments, seconds since the charge began, and seconds to wait:
# twice the time-out, and the time-out again for each payment that is charged before it.
WAITS = [
    (0, 0, 14),
    (0, 0.2, 14),
    (0, 1, 13),
    (0, 13.5, 1),
    (0, 14 - INSTANT, 1),
    (0, 14, None),
    (1, 0, 21),
    (1, 14, 7),
    (1, 21 - INSTANT, 1),
    (1, 21, None),
]


@pytest.fixture(autouse=True)
def timeout(settings):
    settings.PAYMENT_GATEWAY_TIMEOUT = TIMEOUT


@pytest.fixture
def clock():
    with time_machine.travel(timezone.now(), tick=False) as traveller:
        yield traveller


@pytest.fixture
def set_pending(shop, clock, gateway):
    """`set_pending(Payment, 3)`: as after a crash before the gateway call, 3 seconds ago."""

    def update(model, since):
        with tenant_scope(shop):
            model.objects.filter(method="card").update(status="pending")
        clock.shift(timedelta(seconds=since))
        gateway.charges.clear()
        gateway.refunds.clear()

    return update


@pytest.fixture
def refused_for(problem):
    """`refused_for(call, "code", 7)`: assert a refusal for 7 seconds that changes nothing."""

    def check(call, code, left):
        with assert_no_row_changes():
            response = call()
        refused = problem(response, 409, code)
        assert (refused["retry_after"], response["Retry-After"]) == (left, str(left))

    return check


@pytest.fixture
def order_with_card_at(till, make_product, gateway):
    """`order_with_card_at(1)`: an order with an unknown card at that payment position."""

    def sell(place):
        gateway.answers = [TIMED_OUT]
        before = [cash("1.00")] * place
        return till.sold(line(make_product("10.00")), payments=[*before, card("4.00")])

    return sell


@pytest.mark.parametrize("action", [resolve_payment, cancel_payment])
@pytest.mark.parametrize("wait", WAITS)
def test_payment_in_progress_is_refused_with_the_seconds_to_wait(
    action, wait, order_with_card_at, set_pending, refused_for, manager_client, gateway
):
    place, since, left = wait
    order = order_with_card_at(place)
    set_pending(Payment, since)

    if left is None:
        assert action(manager_client, order, place).status_code == 200
    else:
        refused_for(lambda: action(manager_client, order, place), "payment_underway", left)
        assert gateway.look_ups == gateway.charges == []


@pytest.mark.parametrize(("since", "looked_up"), [(14 - INSTANT, 0), (14, 1)])
def test_repeated_sale_looks_up_its_card_after_the_wait(
    since, looked_up, till, make_product, gateway, set_pending
):
    gateway.answers = [TIMED_OUT]
    body = till.order(line(make_product("4.00")), payments=[card("4.00")])
    till.post("orders/", body)
    set_pending(Payment, since)

    again = till.post("orders/", body).json()

    assert again["status"] == ("completed" if looked_up else "open")
    assert (len(gateway.charges), len(gateway.look_ups)) == (0, looked_up)


# Number of cards, seconds since the refund began, and seconds to wait.
REFUND_WAITS = [
    (1, 0, 14),
    (1, 13.5, 1),
    (1, 14 - INSTANT, 1),
    (1, 14, None),
    (2, 0, 21),
    (2, 20.5, 1),
    (2, 21, None),
]


@pytest.fixture
def refund_to_cards(till, manager_client, make_product, gateway):
    """`refund_to_cards(2)`: a sale and its refund to cash and two cards that time out."""

    def create(cards):
        payments = [cash("1.00"), *(card("2.00") for _ in range(cards))]
        sold = till.sold(line(make_product(f"{1 + 2 * cards}.00")), payments=payments)
        gateway.returns = [TIMED_OUT] * cards
        return sold, create_refund(manager_client, sold)

    return create


@pytest.mark.parametrize("wait", REFUND_WAITS)
def test_refund_in_progress_is_refused_with_the_seconds_to_wait(
    wait, refund_to_cards, set_pending, refused_for, manager_client, gateway
):
    """Cash payouts need no gateway and add no wait."""
    cards, since, left = wait
    _, pending = refund_to_cards(cards)
    set_pending(Payout, since)

    if left is None:
        assert resolve_refund(manager_client, pending).json()["status"] == "done"
    else:
        refused_for(lambda: resolve_refund(manager_client, pending), "refund_underway", left)
        assert gateway.refunds == []


@pytest.mark.parametrize(("since", "status"), [(14 - INSTANT, "pending"), (14, "done")])
def test_repeated_refund_is_looked_up_after_the_wait(
    since, status, refund_to_cards, set_pending, manager_client
):
    sold, pending = refund_to_cards(1)
    set_pending(Payout, since)

    again = request_refund(manager_client, sold, id=pending["id"]).json()

    assert again["status"] == status


@pytest.mark.parametrize("early", [True, False])
def test_reconciliation_waits_two_minutes(
    early, till, manager_client, make_product, gateway, clock
):
    sold = till.sold(line(make_product("4.00")), payments=[card("4.00")])
    gateway.answers = gateway.returns = [TIMED_OUT]
    till.sold(line(make_product("4.00")), payments=[card("4.00")])
    gateway.returns = [TIMED_OUT]
    create_refund(manager_client, sold)
    clock.shift(LOOK_UP_DELAY - timedelta(seconds=INSTANT if early else 0))

    looked_up = [PaymentReconciliation().step(), PayoutReconciliation().step()]

    assert looked_up == [not early] * 2
    assert len(gateway.look_ups) == (0 if early else 1)
