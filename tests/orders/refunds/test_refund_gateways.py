"""Gateway failures during refunds: each refund is paid out once or not at all."""

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

RECONCILIATION_DELAY = timedelta(minutes=3)


@pytest.fixture
def clock():
    with time_machine.travel(timezone.now(), tick=False) as traveller:
        yield traveller


@pytest.fixture
def card_sale(till, make_product, gateway):
    """Return an order of 5.00 paid by card."""
    return till.sold(line(make_product("2.50"), "2"), payments=[card("5.00")])


@pytest.fixture
def crash_during(monkeypatch):
    """`crash_during(call)`: end the process after the refund is stored, before the gateway call."""

    def crash(*args, **kwargs):
        raise SystemExit

    def run(call):
        with monkeypatch.context() as patch:
            patch.setattr(payouts, "_query_cards", crash)
            with pytest.raises(SystemExit):
                call()

    return run


def all_statuses(shown):
    return shown["status"], [each["status"] for each in shown["payouts"]]


# --- crashes and repeated refunds ----------------------------------------------------------------


@pytest.mark.parametrize("outcome", [CAPTURED, DECLINED, TIMED_OUT])
@pytest.mark.parametrize("way", ["id", "key"])
def test_repeated_refund_after_a_crash_is_looked_up_later(
    way, outcome, clock, manager_client, card_sale, gateway, crash_during
):
    gateway.returns = [outcome]
    names = {"id": new_id()} if way == "id" else {"Idempotency_Key": "k", "id": None}

    def send():
        body = {"reason": "broken", **names}
        key = {name: body.pop(name) for name in ("Idempotency_Key",) if name in body}
        content = {name: value for name, value in body.items() if value is not None}
        return manager_client.post(f"orders/{card_sale['id']}/refunds/", content, **key)

    crash_during(send)
    early = send()
    clock.shift(RECONCILIATION_DELAY)
    later = send()

    assert (early.status_code, all_statuses(early.json())) == (200, ("pending", ["pending"]))
    assert (later.status_code, later.json()["id"]) == (200, early.json()["id"])
    assert (
        all_statuses(later.json())
        == {
            CAPTURED: ("done", ["done"]),
            DECLINED: ("failed", ["declined"]),
            TIMED_OUT: ("pending", ["unknown"]),
        }[outcome]
    )
    assert gateway.refunds == [], "a repeated refund must be looked up, not paid again"
    ensure_refunds_consistent(manager_client.user.tenant)


def test_refund_in_progress_cannot_be_resolved_or_exceeded(
    manager_client, card_sale, gateway, shop, problem
):
    """A second refund cannot include what the first may be paying."""
    early_answers = []

    def act_during_refund(requests_before):
        with across_tenants():
            pending = Payout.objects.get(pk=requests_before.key).refund_id
        early_answers.append(resolve_refund(manager_client, {"id": str(pending)}))
        early_answers.append(request_refund(manager_client, card_sale, amount="2.51"))
        early_answers.append(
            request_refund(manager_client, card_sale, lines=build_refund_lines(card_sale, "2"))
        )
        return CAPTURED

    gateway.returns = [act_during_refund]

    done = create_refund(manager_client, card_sale, lines=build_refund_lines(card_sale))

    looked, by_amount, by_line = early_answers
    assert problem(looked, 409, "refund_underway")["retry_after"] == int(looked["Retry-After"]) > 0
    problem(by_amount, 409, "refund_exceeds_paid")
    problem(by_line, 400, "invalid", {"lines[0].quantity": "too_much"})
    assert (done["status"], done["total"]) == ("done", "2.50")
    ensure_refunds_consistent(shop)


def test_nested_refunds_in_progress_refund_the_whole_order(
    manager_client, card_sale, gateway, shop
):
    inner = []

    def refund_the_rest(requests_before):
        inner.append(create_refund(manager_client, card_sale, lines=build_refund_lines(card_sale)))
        return CAPTURED

    gateway.returns = [refund_the_rest]

    outer = create_refund(manager_client, card_sale, lines=build_refund_lines(card_sale))

    assert {outer["receipt_number"], inner[0]["receipt_number"]} == {2, 3}
    assert manager_client.get(f"orders/{card_sale['id']}/").json()["status"] == "refunded"
    ensure_refunds_consistent(shop)


@pytest.mark.django_db(transaction=True)
def test_no_transaction_is_open_during_gateway_refunds(clock, manager_client, card_sale, gateway):
    gateway.in_transaction.clear()
    gateway.returns = [TIMED_OUT, TIMED_OUT]
    pending = create_refund(manager_client, card_sale)
    resolve_refund(manager_client, pending)
    clock.shift(RECONCILIATION_DELAY)

    PayoutReconciliation().step()

    assert gateway.in_transaction == [False] * 3


def test_payout_captured_after_it_was_declined_is_audited(manager_client, card_sale, gateway, shop):
    def look_up_declined(requests_before):
        gateway.returns = [DECLINED]
        with across_tenants():
            payout = Payout.objects.get(pk=requests_before.key)
        with tenant_scope(shop):
            payouts.look_up_payout(payout, by=manager_client.user)
        return CAPTURED

    gateway.returns = [TIMED_OUT, look_up_declined]
    pending = create_refund(manager_client, card_sale)

    resolve_refund(manager_client, pending)

    with tenant_scope(shop):
        (event,) = AuditEvent.objects.filter(event="paid_out_after_declined")
        assert event.facts["amount"] == "5.00"


# --- reconciliation ------------------------------------------------------------------------------


@pytest.mark.parametrize("payout_status", ["unknown", "pending"])
def test_pending_or_unknown_payout_is_looked_up_and_not_paid_again(
    payout_status, clock, manager_client, card_sale, gateway, crash_during, shop
):
    gateway.returns = [TIMED_OUT]
    if payout_status == "pending":
        crash_during(lambda: request_refund(manager_client, card_sale))
        gateway.returns = []
    else:
        create_refund(manager_client, card_sale)
    requests_before = len(gateway.refunds)
    relay_all()
    too_early = manager_client.get(f"orders/{card_sale['id']}/").json()["refunds"][0]["status"]

    clock.shift(RECONCILIATION_DELAY)
    relay_all()

    order = manager_client.get(f"orders/{card_sale['id']}/").json()
    assert too_early == "pending"
    assert (order["status"], order["refunds"][0]["status"]) == ("refunded", "done")
    assert len(gateway.refunds) == requests_before
    ensure_refunds_consistent(shop)


def test_payout_declined_later_fails_the_refund_and_can_be_repeated(
    clock, manager_client, card_sale, gateway, shop
):
    gateway.returns = [ConnectionResetError("gone"), TIMED_OUT, DECLINED]
    create_refund(manager_client, card_sale)
    for _ in range(2):
        clock.shift(timedelta(hours=2))
        relay_all()

    manager_client = Person(manager_client.user)  # log in again, because the token has expired
    order = manager_client.get(f"orders/{card_sale['id']}/").json()

    assert (order["status"], order["refunded_total"]) == ("completed", "0.00")
    assert all_statuses(order["refunds"][0]) == ("failed", ["declined"])
    gateway.returns = [CAPTURED]
    assert create_refund(manager_client, card_sale)["status"] == "done"
    ensure_refunds_consistent(shop)


def test_payout_that_stays_unknown_is_audited_and_not_looked_up_again(
    clock, manager_client, card_sale, gateway, shop
):
    gateway.returns = [TIMED_OUT] * 4
    pending = create_refund(manager_client, card_sale)
    with tenant_scope(shop):
        Payout.objects.update(look_ups=MAX_LOOK_UPS - 1)
    clock.shift(RECONCILIATION_DELAY)

    relay_all()
    clock.shift(timedelta(days=1))
    relay_all()

    manager_client = Person(manager_client.user)
    (event,) = manager_client.get("audit/", {"event": "payout_stays_unknown"}).json()["results"]
    assert event["facts"]["amount"] == "5.00"
    assert len(gateway.returns) == 2, "after the last look-up no other may follow"
    assert all_statuses(resolve_refund(manager_client, pending).json()) == ("pending", ["unknown"])


def test_reconciliation_completes_card_payouts_but_not_cash_payouts(
    clock, till, manager_client, make_product, gateway, shop
):
    """The cash payout waits for a user, and the shift cannot be closed before."""
    open_shift(till, "100.00")
    order = till.sold(line(make_product("5.00")), payments=[card("3.00"), cash("2.00")])
    gateway.returns = [TIMED_OUT]
    pending = create_refund(manager_client, order)
    clock.shift(RECONCILIATION_DELAY)

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
