"""When a gateway that gives money back breaks, is late or says no: it goes back once or not."""

from datetime import timedelta

import pytest
import time_machine
from django.utils import timezone

from orders.models import Payout
from orders.services.reconciliation import MAX_LOOK_UPS, PayoutReconciliation
from orders.services.refunds import payouts
from tenants.models import AuditEvent
from tenants.scope import across_tenants, tenant_scope
from tests.support.api import Person
from tests.support.gateway import CAPTURED, DECLINED, TIMED_OUT
from tests.support.order_relay import relay_all
from tests.support.refunds import (
    build_refund_lines,
    create_refund,
    ensure_refunds_consistent,
    request_refund,
    resolve_refund,
)
from tests.support.shifts import close_shift, open_shift
from tests.support.till import card, cash, line, new_id

A_WHILE = timedelta(minutes=3)


@pytest.fixture
def clock():
    with time_machine.travel(timezone.now(), tick=False) as traveller:
        yield traveller


@pytest.fixture
def by_card(till, make_product, gateway):
    """Two for 5.00, paid by card."""
    return till.sold(line(make_product("2.50"), "2"), payments=[card("5.00")])


@pytest.fixture
def dies(monkeypatch):
    """`with dies():` the worker dies once the refund is written, before the gateway is asked."""

    def die(*args, **kwargs):
        raise SystemExit

    def during(call):
        with monkeypatch.context() as patch:
            patch.setattr(payouts, "_query_cards", die)
            with pytest.raises(SystemExit):
                call()

    return during


def statuses(shown):
    return shown["status"], [each["status"] for each in shown["payouts"]]


# --- a crash, and the same refund again ----------------------------------------------------------


@pytest.mark.parametrize("found", [CAPTURED, DECLINED, TIMED_OUT])
@pytest.mark.parametrize("way", ["id", "key"])
def test_a_refund_that_a_crash_left_behind_is_looked_up_when_it_is_sent_again(
    way, found, clock, manager_client, by_card, gateway, dies
):
    gateway.returns = [found]
    names = {"id": new_id()} if way == "id" else {"Idempotency_Key": "k", "id": None}

    def send():
        body = {"reason": "broken", **names}
        key = {name: body.pop(name) for name in ("Idempotency_Key",) if name in body}
        content = {name: value for name, value in body.items() if value is not None}
        return manager_client.post(f"orders/{by_card['id']}/refunds/", content, **key)

    dies(send)
    early = send()
    clock.shift(A_WHILE)
    later = send()

    assert (early.status_code, statuses(early.json())) == (200, ("pending", ["pending"]))
    assert (later.status_code, later.json()["id"]) == (200, early.json()["id"])
    assert (
        statuses(later.json())
        == {
            CAPTURED: ("done", ["done"]),
            DECLINED: ("failed", ["declined"]),
            TIMED_OUT: ("pending", ["unknown"]),
        }[found]
    )
    assert gateway.refunds == [], "nobody is paid for a request that nobody waits for"
    ensure_refunds_consistent(manager_client.user.tenant)


def test_while_the_gateway_is_being_asked_nobody_decides_for_it(
    manager_client, by_card, gateway, shop, problem
):
    """Nor does a second refund give back what this one may be giving back."""
    meanwhile = []

    def ask_too_early(asked):
        with across_tenants():
            pending = Payout.objects.get(pk=asked.key).refund_id
        meanwhile.append(resolve_refund(manager_client, {"id": str(pending)}))
        meanwhile.append(request_refund(manager_client, by_card, amount="2.51"))
        meanwhile.append(
            request_refund(manager_client, by_card, lines=build_refund_lines(by_card, "2"))
        )
        return CAPTURED

    gateway.returns = [ask_too_early]

    done = create_refund(manager_client, by_card, lines=build_refund_lines(by_card))

    looked, by_amount, by_line = meanwhile
    assert problem(looked, 409, "refund_underway")["retry_after"] == int(looked["Retry-After"]) > 0
    problem(by_amount, 409, "refund_exceeds_paid")
    problem(by_line, 400, "invalid", {"lines[0].quantity": "too_much"})
    assert (done["status"], done["total"]) == ("done", "2.50")
    ensure_refunds_consistent(shop)


def test_two_refunds_under_way_at_once_give_back_the_whole(manager_client, by_card, gateway, shop):
    inner = []

    def another(asked):
        inner.append(create_refund(manager_client, by_card, lines=build_refund_lines(by_card)))
        return CAPTURED

    gateway.returns = [another]

    outer = create_refund(manager_client, by_card, lines=build_refund_lines(by_card))

    assert {outer["receipt_number"], inner[0]["receipt_number"]} == {2, 3}
    assert manager_client.get(f"orders/{by_card['id']}/").json()["status"] == "refunded"
    ensure_refunds_consistent(shop)


@pytest.mark.django_db(transaction=True)
def test_no_transaction_is_open_while_the_gateway_gives_back(
    clock, manager_client, by_card, gateway
):
    gateway.in_transaction.clear()
    gateway.returns = [TIMED_OUT, TIMED_OUT]
    pending = create_refund(manager_client, by_card)
    resolve_refund(manager_client, pending)
    clock.shift(A_WHILE)

    PayoutReconciliation().step()

    assert gateway.in_transaction == [False] * 3


def test_a_gateway_that_says_no_and_then_yes_is_told_to_whoever_runs_the_shop(
    manager_client, by_card, gateway, shop
):
    def declined_meanwhile(asked):
        gateway.returns = [DECLINED]
        with across_tenants():
            payout = Payout.objects.get(pk=asked.key)
        with tenant_scope(shop):
            payouts.look_up_payout(payout, by=manager_client.user)
        return CAPTURED

    gateway.returns = [TIMED_OUT, declined_meanwhile]
    pending = create_refund(manager_client, by_card)

    resolve_refund(manager_client, pending)

    with tenant_scope(shop):
        (event,) = AuditEvent.objects.filter(event="paid_out_after_declined")
        assert event.facts["amount"] == "5.00"


# --- the relay -----------------------------------------------------------------------------------


@pytest.mark.parametrize("left", ["unknown", "pending"])
def test_the_relay_looks_up_what_was_left_behind_and_never_pays_again(
    left, clock, manager_client, by_card, gateway, dies, shop
):
    gateway.returns = [TIMED_OUT]
    if left == "pending":
        dies(lambda: request_refund(manager_client, by_card))
        gateway.returns = []
    else:
        create_refund(manager_client, by_card)
    asked = len(gateway.refunds)
    relay_all()
    too_early = manager_client.get(f"orders/{by_card['id']}/").json()["refunds"][0]["status"]

    clock.shift(A_WHILE)
    relay_all()

    order = manager_client.get(f"orders/{by_card['id']}/").json()
    assert too_early == "pending"
    assert (order["status"], order["refunds"][0]["status"]) == ("refunded", "done")
    assert len(gateway.refunds) == asked
    ensure_refunds_consistent(shop)


def test_what_is_declined_after_a_while_is_not_taken_back(
    clock, manager_client, by_card, gateway, shop
):
    gateway.returns = [ConnectionResetError("gone"), TIMED_OUT, DECLINED]
    create_refund(manager_client, by_card)
    for _ in range(2):
        clock.shift(timedelta(hours=2))
        relay_all()

    manager_client = Person(manager_client.user)  # logs in again: hours have passed
    order = manager_client.get(f"orders/{by_card['id']}/").json()

    assert (order["status"], order["refunded_total"]) == ("completed", "0.00")
    assert statuses(order["refunds"][0]) == ("failed", ["declined"])
    gateway.returns = [CAPTURED]
    assert create_refund(manager_client, by_card)["status"] == "done"
    ensure_refunds_consistent(shop)


def test_what_stays_unknown_is_written_down_for_the_shop(
    clock, manager_client, by_card, gateway, shop
):
    gateway.returns = [TIMED_OUT] * 4
    pending = create_refund(manager_client, by_card)
    with tenant_scope(shop):
        Payout.objects.update(look_ups=MAX_LOOK_UPS - 1)
    clock.shift(A_WHILE)

    relay_all()
    clock.shift(timedelta(days=1))
    relay_all()

    manager_client = Person(manager_client.user)
    (told,) = manager_client.get("audit/", {"event": "payout_stays_unknown"}).json()["results"]
    assert told["facts"]["amount"] == "5.00"
    assert len(gateway.returns) == 2, "asked once more, and then nobody asks by himself"
    assert statuses(resolve_refund(manager_client, pending).json()) == ("pending", ["unknown"])


def test_the_relay_hands_no_cash_over(clock, till, manager_client, make_product, gateway, shop):
    """Part by card, part in cash: the cash waits for somebody at the till, and so the drawer."""
    open_shift(till, "100.00")
    order = till.sold(line(make_product("5.00")), payments=[card("3.00"), cash("2.00")])
    gateway.returns = [TIMED_OUT]
    pending = create_refund(manager_client, order)
    clock.shift(A_WHILE)

    relay_all()

    shown = manager_client.get(f"refunds/{pending['id']}/").json()
    assert (shown["status"], {each["method"]: each["status"] for each in shown["payouts"]}) == (
        "pending",
        {"cash": "pending", "card": "done"},
    )
    shift = manager_client.get("shifts/").json()["results"][0]
    assert close_shift(manager_client, shift, "100.00").json()["code"] == "payments_unclear"
    assert resolve_refund(manager_client, pending).json()["status"] == "done"
    assert close_shift(manager_client, shift, "100.00").status_code == 200
    ensure_refunds_consistent(shop)
