"""Refunds for which the card is presented at the reader again: one card at a reader at a time."""

from collections import Counter
from datetime import timedelta

import pytest
import time_machine
from django.utils import timezone

from orders.gateways import Answer, Outcome
from orders.models import CardReader, Order, Payment, Payout, Refund
from tenants.models import AuditEvent, OutboxEvent
from tenants.scope import tenant_scope
from tests.factories.card_readers import CardReaderFactory
from tests.support.api import Person
from tests.support.approvals import grant_approval, request_approval
from tests.support.gateway import CAPTURED, DECLINED, TIMED_OUT, ScriptedGateway
from tests.support.idempotency import KEY, list_key_statuses
from tests.support.order_relay import relay_all
from tests.support.parallel import run_concurrently, run_times, statuses
from tests.support.refunds import (
    build_refund_lines,
    cancel_refund,
    create_refund,
    ensure_refunds_consistent,
    request_refund,
    resolve_refund,
    snapshot_refund_rows,
)
from tests.support.till import card, cash, line

pytestmark = pytest.mark.django_db
CHARGING = Answer(Outcome.PENDING, reference="pi_1")
ASKING = Answer(Outcome.PENDING)
PRESENTED = Answer(Outcome.PENDING, reference="re_1")


class ProcessKilled(BaseException):
    """End the process: nothing catches this exception."""


def kill(asked):
    raise ProcessKilled


@pytest.fixture
def clock():
    with time_machine.travel(timezone.now(), tick=False) as traveller:
        yield traveller


@pytest.fixture
def reader(register):
    return CardReaderFactory(register=register)


@pytest.fixture
def terminal(monkeypatch, reader):
    """Return the scripted gateway of all readers, which asks for the card at each refund."""
    scripted = ScriptedGateway()
    scripted.asks_for_card = True
    for name in ("get_gateway", "get_reader_gateway"):
        monkeypatch.setattr(f"orders.services.payments.gateway.{name}", lambda reader: scripted)
    return scripted


@pytest.fixture
def sell_by_card(till, product, terminal):
    def sell():
        return till.sold(line(product, "2"), payments=[card("5.00")])

    return sell


@pytest.fixture
def charge(till, product):
    """`charge()`: sell an apple by card at the reader, and return the response."""
    return lambda: till.sell(line(product), payments=[card("2.50")])


@pytest.fixture
def waiting(sell_by_card, manager_client, terminal):
    """Return a refund that waits for its card at the reader, and another sale by card."""
    first, second = sell_by_card(), sell_by_card()
    terminal.returns = [ASKING]
    refund = create_refund(manager_client, first)
    assert refund["status"] == "pending"
    return refund, second


@pytest.mark.django_db(transaction=True)
def test_gateway_is_asked_outside_of_transactions_and_the_reader_is_reserved(
    waiting, terminal, reader, shop
):
    assert not any(terminal.in_transaction)
    assert [each.is_at_reader for each in terminal.refunds] == [True]
    with tenant_scope(shop):
        assert Payout.objects.get().reader_id == reader.pk


@pytest.mark.parametrize("status", ["pending", "unknown"])
def test_reader_with_a_refund_charges_nothing(
    status, waiting, till, product, terminal, shop, problem
):
    refund, _ = waiting
    with tenant_scope(shop):
        Payout.objects.update(status=status)
    opened = till.sold(line(product))
    charged, before = len(terminal.charges), snapshot_refund_rows(shop)

    for refused in (
        till.pay(opened, card("2.50")),
        till.sell(line(product), payments=[card("2.50")]),
    ):
        refusal = problem(refused, 409, "reader_busy")
        assert (refusal["payment"], refusal["refund"]) == (None, refund["id"])
    assert len(terminal.charges) == charged
    assert snapshot_refund_rows(shop) == before
    assert till.pay(opened, cash("2.50")).json()["status"] == "completed"


def test_reader_refunds_one_card_at_a_time(waiting, manager_client, terminal, shop, problem):
    refund, second = waiting
    before = snapshot_refund_rows(shop)

    for body in ({}, {"amount": "1.00"}, {"method": "card"}, {"lines": build_refund_lines(second)}):
        refusal = problem(request_refund(manager_client, second, **body), 409, "reader_busy")
        assert (refusal["payment"], refusal["refund"]) == (None, refund["id"])
    assert (len(terminal.refunds), snapshot_refund_rows(shop)) == (1, before)

    assert create_refund(manager_client, second, method="cash")["status"] == "done"


def test_reader_with_a_charge_refunds_nothing(
    sell_by_card, till, product, manager_client, terminal, shop, problem
):
    sale = sell_by_card()
    terminal.answers = [CHARGING]
    charging = till.sold(line(product), payments=[card("2.50")])
    before = snapshot_refund_rows(shop)

    refusal = problem(request_refund(manager_client, sale), 409, "reader_busy")

    payment = charging["payments"][0]["id"]
    assert (refusal["payment"], refusal["refund"]) == (payment, None)
    assert (terminal.refunds, snapshot_refund_rows(shop)) == ([], before)


def test_refund_above_the_limit_does_not_ask_the_reader(
    till, sell_by_card, manager, manager_client, terminal, shop, problem
):
    """An approval is still valid when the refund is made after the gateway was asked."""
    sale = sell_by_card()
    before, asked = snapshot_refund_rows(shop), len(terminal.in_transaction)

    requested = problem(request_refund(till, sale), 403, "approval_required")

    assert snapshot_refund_rows(shop) == before
    assert len(terminal.in_transaction) == asked
    facts = {name: requested[name] for name in ("action", "object", "amount", "method")}
    approval = grant_approval(Person(manager), request_approval(till, **facts))["id"]
    refund = create_refund(till, sale, approval=approval)
    assert (refund["status"], refund["approved_by"]) == ("done", str(manager.pk))
    assert [each.is_at_reader for each in terminal.refunds] == [True]


def test_two_cards_of_one_refund_are_refunded_one_after_the_other(
    till, product, manager_client, terminal, shop, problem
):
    order = till.sold(line(product, "2"), payments=[card("2.00")])
    order = till.pay(order, card("3.00")).json()
    before = snapshot_refund_rows(shop)

    refusal = problem(request_refund(manager_client, order), 409, "reader_busy")

    assert (refusal["payment"], refusal["refund"]) == (None, None)
    assert (terminal.refunds, snapshot_refund_rows(shop)) == ([], before)
    for amount in ("3.00", "2.00"):
        assert create_refund(manager_client, order, amount=amount)["status"] == "done"
    ensure_refunds_consistent(shop)


@pytest.mark.parametrize(
    ("answer", "status"), [(PRESENTED, "pending"), (CAPTURED, "done"), (DECLINED, "failed")]
)
def test_reader_is_free_once_the_card_was_presented(
    answer, status, clock, waiting, charge, manager_client, terminal
):
    refund, second = waiting
    terminal.returns = [answer]
    clock.shift(timedelta(seconds=11))
    relay_all()
    assert manager_client.get(f"refunds/{refund['id']}/").json()["status"] == status

    terminal.returns = [CAPTURED]
    assert create_refund(manager_client, second)["status"] == "done"
    terminal.answers = [CHARGING]
    assert charge().status_code == 201


def test_card_that_is_not_presented_again_needs_no_reader(
    sell_by_card, charge, manager_client, terminal, shop
):
    first, second = sell_by_card(), sell_by_card()
    terminal.asks_for_card, terminal.returns = False, [ASKING]
    assert create_refund(manager_client, first)["status"] == "pending"

    assert create_refund(manager_client, second)["status"] == "done"
    terminal.answers = [CHARGING]
    assert charge().status_code == 201
    with tenant_scope(shop):
        assert not Payout.objects.filter(reader__isnull=False).exists()


@pytest.mark.parametrize(
    ("answer", "status"), [(DECLINED, "failed"), (ASKING, "pending"), (CAPTURED, "done")]
)
def test_refund_without_a_card_is_canceled_after_five_minutes(
    answer, status, clock, waiting, manager_client, terminal, shop
):
    refund, _ = waiting
    path = f"refunds/{refund['id']}/"
    terminal.returns = [ASKING]
    clock.shift(timedelta(minutes=4, seconds=59))
    relay_all()
    assert terminal.canceled_refunds == []
    assert manager_client.get(path).json()["status"] == "pending"

    terminal.returns = [ASKING, answer]
    clock.shift(timedelta(seconds=11))
    relay_all()

    (canceled,) = terminal.canceled_refunds
    assert str(canceled.key) == refund["payouts"][0]["id"]
    assert manager_client.get(path).json()["status"] == status
    ensure_refunds_consistent(shop)


def test_refund_that_is_paid_otherwise_frees_the_reader(
    till, product, manager_client, terminal, shop
):
    order = till.sold(line(product, "2"), payments=[card("5.00")])
    paid = till.sold(line(product), payments=[cash("2.00"), card("0.50")])
    terminal.returns = [DECLINED]
    refund = create_refund(manager_client, paid)

    assert refund["status"] == "failed"
    assert create_refund(manager_client, paid, method="cash")["status"] == "done"
    assert create_refund(manager_client, order)["status"] == "done"


def test_register_without_a_reader_reserves_the_one_that_charged(
    sell_by_card, tills, charge, manager_client, terminal, problem
):
    sale, elsewhere = sell_by_card(), str(tills[0].register.pk)
    terminal.returns = [ASKING]

    refund = create_refund(manager_client, sale, register=elsewhere)

    assert problem(charge(), 409, "reader_busy")["refund"] == refund["id"]


def test_reader_with_a_refund_cannot_be_deactivated(waiting, admin, client_of, reader, problem):
    path = f"card-readers/{reader.pk}/"

    problem(client_of(admin).patch(path, {"is_active": False}, If_Match='"1"'), 409, "reader_busy")
    assert client_of(admin).get(path).json()["is_active"]


def test_reader_that_was_moved_is_found_at_its_new_register(
    sell_by_card, tills, manager_client, terminal, reader, shop, problem
):
    sale, there = sell_by_card(), tills[0].register
    with tenant_scope(shop):
        CardReader.objects.update(is_active=False, provider_reader_id="tmr_1")
    before = snapshot_refund_rows(shop)
    refusal = problem(request_refund(manager_client, sale), 409, "no_card_reader")
    assert "choose another refund method" in refusal["detail"]
    assert (terminal.refunds, snapshot_refund_rows(shop)) == ([], before)

    moved = CardReaderFactory(register=there, provider=reader.provider, provider_reader_id="tmr_1")
    create_refund(manager_client, sale)

    with tenant_scope(shop):
        assert Payout.objects.get().reader_id == moved.pk


# --- canceled -----------------------------------------------------------------------------------


def test_cashier_cancels_a_refund_that_waits_at_the_reader(
    waiting, till, charge, terminal, shop, problem
):
    refund, _ = waiting
    terminal.returns = [DECLINED]

    canceled = cancel_refund(till, refund, If_Match=f'"{refund["version"]}"')

    assert (canceled.status_code, canceled.json()["status"]) == (200, "failed")
    assert canceled["ETag"] == f'"{canceled.json()["version"]}"'
    assert canceled.json() == till.get(f"refunds/{refund['id']}/").json()
    assert [each["status"] for each in canceled.json()["payouts"]] == ["declined"]
    assert till.get(f"orders/{refund['order']}/").json()["refunded_total"] == "0.00"
    (asked,) = terminal.canceled_refunds
    assert (str(asked.key), asked.is_at_reader) == (refund["payouts"][0]["id"], True)
    with tenant_scope(shop):
        event = AuditEvent.objects.get(event="refund_canceled")
        assert (event.actor, event.facts) == (till.user.pk, {"amount": "5.00"})
        assert list_topics(refund)[-1] == "refund.failed"
    problem(cancel_refund(till, refund), 409, "refund_settled")
    terminal.answers = [CHARGING]
    assert charge().status_code == 201
    ensure_refunds_consistent(shop)


def list_topics(refund):
    events = OutboxEvent.objects.filter(subject=refund["id"]).order_by("pk")
    return list(events.values_list("topic", flat=True))


@pytest.mark.parametrize(
    ("answer", "payout"),
    [(ASKING, "pending"), (PRESENTED, "pending"), (TIMED_OUT, "unknown"), (CAPTURED, "done")],
)
def test_refund_whose_card_was_presented_is_not_canceled(
    answer, payout, clock, waiting, till, terminal, shop
):
    """The outcome follows, as that of a payment does."""
    refund, _ = waiting
    terminal.returns = [answer]

    shown = cancel_refund(till, refund)

    assert shown.status_code == 200
    assert shown.json()["status"] == ("done" if payout == "done" else "pending")
    assert [each["status"] for each in shown.json()["payouts"]] == [payout]
    with tenant_scope(shop):
        assert not AuditEvent.objects.filter(event="refund_canceled").exists()
    ensure_refunds_consistent(shop)
    clock.shift(timedelta(minutes=2))
    relay_all()
    assert till.get(f"refunds/{refund['id']}/").json()["status"] == "done"


def test_refund_is_canceled_only_while_a_reader_waits_for_it(
    waiting, till, terminal, manager_client, shop, problem
):
    refund, second = waiting
    with tenant_scope(shop):
        Payout.objects.update(gateway_reference="re_1")
    done = create_refund(manager_client, second, method="cash")
    before = snapshot_refund_rows(shop)

    problem(cancel_refund(till, refund), 409, "refund_not_at_reader")
    problem(cancel_refund(till, done), 409, "refund_settled")
    with tenant_scope(shop):
        Payout.objects.filter(refund=refund["id"]).update(gateway_reference="")
    before = snapshot_refund_rows(shop)
    problem(cancel_refund(till, refund, If_Match='"9"'), 412, "version_conflict")

    assert (terminal.canceled_refunds, snapshot_refund_rows(shop)) == ([], before)


def test_refund_is_not_canceled_while_its_request_may_arrive(
    clock, waiting, till, terminal, shop, problem
):
    refund, _ = waiting
    with tenant_scope(shop):
        Payout.objects.update(next_look_up_at=None)
    before = snapshot_refund_rows(shop)

    problem(cancel_refund(till, refund), 409, "refund_underway")

    assert (terminal.canceled_refunds, snapshot_refund_rows(shop)) == ([], before)
    clock.shift(timedelta(minutes=2))
    terminal.returns = [DECLINED]
    assert cancel_refund(till, refund).json()["status"] == "failed"


def test_canceled_part_of_a_refund_is_paid_out_otherwise(
    clock, till, product, manager_client, terminal, shop
):
    """A card at another reader was refunded already, so that the refund cannot fail."""
    order = till.sold(line(product, "2"), payments=[card("2.00")])
    order = till.pay(order, card("3.00")).json()
    with tenant_scope(shop):
        Payment.objects.filter(pk=order["payments"][0]["id"]).update(reader=None)
    terminal.returns = [ASKING, CAPTURED]
    refund = create_refund(manager_client, order)
    assert refund["status"] == "pending"
    terminal.returns = [DECLINED]

    canceled = cancel_refund(till, refund).json()

    assert canceled["status"] == "pending"
    assert sorted(each["status"] for each in canceled["payouts"]) == ["declined", "done"]
    assert resolve_refund(manager_client, refund, method="cash").json()["status"] == "done"
    ensure_refunds_consistent(shop)


@pytest.mark.parametrize("is_relayed", [False, True])
def test_cancellation_repeated_after_a_crash_returns_the_outcome(
    is_relayed, clock, waiting, till, terminal, shop
):
    refund, _ = waiting
    terminal.returns = [kill]
    with pytest.raises(ProcessKilled):
        cancel_refund(till, refund, Idempotency_Key=KEY)
    terminal.returns = [DECLINED]
    if is_relayed:
        clock.shift(timedelta(minutes=3))
        relay_all()

    again = {"Idempotency_Key": KEY, "If_Match": '"1"'}
    repeated = cancel_refund(till, refund, **again)

    assert (repeated.status_code, repeated["Idempotent-Replayed"]) == (200, "true")
    assert (repeated.json()["status"], terminal.returns) == ("failed", [])
    assert cancel_refund(till, refund, **again).json() == repeated.json()
    assert list_key_statuses(shop) == [200]


# --- at the same time ----------------------------------------------------------------------------


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
def test_charges_and_refunds_at_once_use_the_reader_once(
    sell_by_card, till, tills, charge, manager_client, terminal, reader
):
    """Also refunds at a register without a reader, which wait for the lock of another series."""
    shop, sales = reader.tenant, [sell_by_card() for _ in range(3)]
    elsewhere = str(tills[0].register.pk)
    opened = till.sold({"sku": "APPLE", "quantity": "1"})
    charged = len(terminal.charges)
    terminal.charge = lambda charge, timeout: CHARGING
    terminal.refund = lambda refund, timeout: ASKING

    responses = run_concurrently(
        [
            lambda: request_refund(manager_client, sales[0]),
            charge,
            lambda: request_refund(manager_client, sales[1], register=elsewhere),
            lambda: till.pay(opened, card("2.50")),
            lambda: request_refund(manager_client, sales[2], register=elsewhere),
        ]
    )

    assert statuses(responses) == Counter({409: 4, 201: 1})
    refused = [each.json()["code"] for each in responses if each.status_code == 409]
    assert refused == ["reader_busy"] * 4
    assert len(terminal.charges) == charged
    with tenant_scope(shop):
        at_reader = Payment.objects.open_at(reader).count() + Payout.objects.open_at(reader).count()
        assert at_reader == 1
        pending = Refund.objects.count() + Order.objects.filter(status="open").count()
        # With the order that was open before, unless its payment is the one at the reader.
        assert pending == (1 if responses[3].status_code == 201 else 2)
    ensure_refunds_consistent(shop)


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
def test_reader_is_deactivated_or_used_but_not_both(
    sell_by_card, manager_client, admin, client_of, terminal, reader, shop
):
    sale, path = sell_by_card(), f"card-readers/{reader.pk}/"
    terminal.returns = [ASKING]

    run_concurrently(
        [
            lambda: request_refund(manager_client, sale),
            lambda: client_of(admin).patch(path, {"is_active": False}, If_Match='"1"'),
        ]
    )

    with tenant_scope(shop):
        is_used = Payout.objects.open_at(reader).exists()
        assert is_used != (not CardReader.objects.get().is_active)


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
def test_refund_is_canceled_once(waiting, till, manager_client, terminal, shop):
    refund, _ = waiting
    terminal.cancel_refund = terminal.look_up_refund = lambda refund, timeout: DECLINED

    responses = run_times(4, lambda: cancel_refund(till, refund))
    responses += run_times(2, lambda: resolve_refund(manager_client, refund))

    assert set(statuses(responses)) <= {200, 409}
    assert till.get(f"refunds/{refund['id']}/").json()["status"] == "failed"
    with tenant_scope(shop):
        assert AuditEvent.objects.filter(event="refund_canceled").count() == 1
        assert list_topics(refund).count("refund.failed") == 1
    ensure_refunds_consistent(shop)


# --- the simulator -------------------------------------------------------------------------------


@pytest.fixture
def simulated(till, make_product, reader):
    """Return two sales of 1.95, whose cards are awaited at the simulated reader."""
    product = make_product("1.95")
    sales = []
    for _ in range(2):
        sales.append(till.sold(line(product), payments=[card("1.95")]))
        with time_machine.travel(timezone.now() + timedelta(seconds=11)):
            relay_all()
    return sales


def test_simulated_refund_waits_for_the_card(simulated, till, manager_client, shop, problem):
    first, second = simulated
    refund = create_refund(manager_client, first)
    assert refund["status"] == "pending"
    problem(request_refund(manager_client, second), 409, "reader_busy")

    with time_machine.travel(timezone.now() + timedelta(seconds=11)):
        relay_all()

    assert manager_client.get(f"refunds/{refund['id']}/").json()["status"] == "done"
    canceled = create_refund(manager_client, second)
    assert cancel_refund(till, canceled).json()["status"] == "failed"
    again = create_refund(manager_client, second)
    assert resolve_refund(manager_client, again).json()["status"] == "done"
    ensure_refunds_consistent(shop)
