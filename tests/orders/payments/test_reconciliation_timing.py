"""How long nobody may ask what became of a card: exactly as long as somebody may be asking."""

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

# The place of the card among the payments, the seconds since, and those that are left: twice the
# time-out for the first payment of an order, and once more for each that is asked for before it.
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
def left_pending(shop, clock, gateway):
    """`left_pending(Payment, 3)`: as a worker leaves it that dies before it asks, 3 seconds ago."""

    def leave(model, since):
        with tenant_scope(shop):
            model.objects.filter(method="card").update(status="pending")
        clock.shift(timedelta(seconds=since))
        gateway.charges.clear()
        gateway.refunds.clear()

    return leave


@pytest.fixture
def told_to_wait(problem):
    """`told_to_wait(call, "code", 7)`: the call is refused for 7 seconds, and changes nothing."""

    def check(call, code, left):
        with assert_no_row_changes():
            response = call()
        refused = problem(response, 409, code)
        assert (refused["retry_after"], response["Retry-After"]) == (left, str(left))

    return check


@pytest.fixture
def at_place(till, make_product, gateway):
    """`at_place(1)`: a card whose outcome nobody knows, with so many payments before it."""

    def sell(place):
        gateway.answers = [TIMED_OUT]
        before = [cash("1.00")] * place
        return till.sold(line(make_product("10.00")), payments=[*before, card("4.00")])

    return sell


@pytest.mark.parametrize("ask", [resolve_payment, cancel_payment])
@pytest.mark.parametrize("wait", WAITS)
def test_who_asks_for_a_payment_too_early_hears_for_how_long(
    ask, wait, at_place, left_pending, told_to_wait, manager_client, gateway
):
    place, since, left = wait
    order = at_place(place)
    left_pending(Payment, since)

    if left is None:
        assert ask(manager_client, order, place).status_code == 200
    else:
        told_to_wait(lambda: ask(manager_client, order, place), "payment_underway", left)
        assert gateway.look_ups == gateway.charges == []


@pytest.mark.parametrize(("since", "looked_up"), [(14 - INSTANT, 0), (14, 1)])
def test_a_sale_that_is_sent_again_looks_its_card_up_once_nobody_can_be_asking(
    since, looked_up, till, make_product, gateway, left_pending
):
    gateway.answers = [TIMED_OUT]
    body = till.order(line(make_product("4.00")), payments=[card("4.00")])
    till.post("orders/", body)
    left_pending(Payment, since)

    again = till.post("orders/", body).json()

    assert again["status"] == ("completed" if looked_up else "open")
    assert (len(gateway.charges), len(gateway.look_ups)) == (0, looked_up)


# The number of cards, the seconds since, and those that are left.
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
def back_to_cards(till, manager_client, make_product, gateway):
    """`back_to_cards(2)`: a sale, and a refund to cash and so many cards that do not answer."""

    def give_back(cards):
        payments = [cash("1.00"), *(card("2.00") for _ in range(cards))]
        sold = till.sold(line(make_product(f"{1 + 2 * cards}.00")), payments=payments)
        gateway.returns = [TIMED_OUT] * cards
        return sold, create_refund(manager_client, sold)

    return give_back


@pytest.mark.parametrize("wait", REFUND_WAITS)
def test_who_asks_for_a_refund_too_early_hears_for_how_long(
    wait, back_to_cards, left_pending, told_to_wait, manager_client, gateway
):
    """Cash, which no gateway is asked for, makes nobody wait."""
    cards, since, left = wait
    _, pending = back_to_cards(cards)
    left_pending(Payout, since)

    if left is None:
        assert resolve_refund(manager_client, pending).json()["status"] == "done"
    else:
        told_to_wait(lambda: resolve_refund(manager_client, pending), "refund_underway", left)
        assert gateway.refunds == []


@pytest.mark.parametrize(("since", "status"), [(14 - INSTANT, "pending"), (14, "done")])
def test_a_refund_that_is_sent_again_is_looked_up_once_nobody_can_be_asking(
    since, status, back_to_cards, left_pending, manager_client
):
    sold, pending = back_to_cards(1)
    left_pending(Payout, since)

    again = request_refund(manager_client, sold, id=pending["id"]).json()

    assert again["status"] == status


@pytest.mark.parametrize("early", [True, False])
def test_the_relay_leaves_a_card_alone_for_two_minutes(
    early, till, manager_client, make_product, gateway, clock
):
    sold = till.sold(line(make_product("4.00")), payments=[card("4.00")])
    gateway.answers = gateway.returns = [TIMED_OUT]
    till.sold(line(make_product("4.00")), payments=[card("4.00")])
    gateway.returns = [TIMED_OUT]
    create_refund(manager_client, sold)
    clock.shift(LOOK_UP_DELAY - timedelta(seconds=INSTANT if early else 0))

    asked = [PaymentReconciliation().step(), PayoutReconciliation().step()]

    assert asked == [not early] * 2
    assert len(gateway.look_ups) == (0 if early else 1)
