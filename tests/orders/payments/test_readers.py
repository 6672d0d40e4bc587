"""Payments at card readers: pending until the outcome is known, one open charge per reader."""

import os
import subprocess
import sys
from datetime import timedelta
from pathlib import Path
from threading import Event

import pytest
import time_machine
from django.db import connection
from django.utils import timezone

from orders.gateways import Answer, Outcome
from orders.models import Payment
from orders.services.payments import waiting
from orders.services.payments.capture import receive_news, record_gateway_answer
from tenants.models import AuditEvent
from tenants.scope import across_tenants, tenant_scope
from tests.factories.card_readers import CardReaderFactory
from tests.support.gateway import CAPTURED, DECLINED, TIMED_OUT, ScriptedGateway
from tests.support.order_relay import relay_all
from tests.support.parallel import run_concurrently
from tests.support.till import card, cash, line, list_receipt_numbers

pytestmark = pytest.mark.django_db
ROOT = Path(__file__).parents[3]
PREPARED = Answer(Outcome.PENDING, reference="pi_1", is_prepared=True)
WAITING = Answer(Outcome.PENDING, reference="pi_1")
GONE = Answer(Outcome.DECLINED, reference="pi_1", reason="Canceled.")


@pytest.fixture
def clock():
    with time_machine.travel(timezone.now(), tick=False) as traveller:
        yield traveller


@pytest.fixture
def reader(register):
    return CardReaderFactory(register=register)


@pytest.fixture
def terminal(monkeypatch, reader):
    """Return the scripted gateway of the reader."""
    scripted = ScriptedGateway()
    monkeypatch.setattr("orders.services.payments.gateway.get_gateway", lambda reader: scripted)
    return scripted


@pytest.fixture
def waiting_order(till, product, terminal):
    """Return an order of two apples whose card is awaited at the reader."""
    terminal.answers = [PREPARED, WAITING]
    order = till.sold(line(product, "2"), payments=[card("5.00")])
    assert [each["status"] for each in order["payments"]] == ["pending"]
    return order


def load_payment(order, place=0):
    with across_tenants():
        return Payment.objects.get(pk=order["payments"][place]["id"])


def list_audit_events(shop):
    with tenant_scope(shop):
        return [event.event for event in AuditEvent.objects.order_by("pk")]


def test_id_of_the_charge_is_committed_before_it_is_sent_to_the_reader(
    waiting_order, terminal, reader
):
    first, second = terminal.charges

    assert (first.reference, second.reference) == ("", "pi_1")
    assert first.key == second.key
    payment = load_payment(waiting_order)
    assert (payment.gateway_reference, payment.reader_id) == ("pi_1", reader.pk)
    assert waiting_order["payments"][0]["gateway_reference"] == "pi_1"
    assert (waiting_order["status"], waiting_order["due"]) == ("open", "5.00")


def test_capture_found_by_the_relay_completes_the_order_for_its_cashier(
    clock, waiting_order, till, terminal, register, cashier, shop
):
    terminal.found = [WAITING, CAPTURED]

    relay_all()
    assert terminal.look_ups == []
    clock.shift(timedelta(seconds=11))
    relay_all()
    assert till.shown(waiting_order)["status"] == "open"
    clock.shift(timedelta(seconds=11))
    relay_all()

    done = till.shown(waiting_order)
    assert (done["status"], done["paid_total"]) == ("completed", "5.00")
    assert done["cashier"] == str(cashier.pk)
    assert list_receipt_numbers(register) == [1]


def test_decline_is_told_in_the_payment_and_frees_the_reader(
    clock, waiting_order, till, terminal, product
):
    path = f"payments/{waiting_order['payments'][0]['id']}/"
    assert till.get(path).json()["declined_payment"] is None
    terminal.found = [DECLINED]

    clock.shift(timedelta(seconds=11))
    relay_all()

    shown = till.get(path).json()
    assert shown["status"] == "declined"
    assert shown["declined_payment"] == {
        "id": shown["id"],
        "method": "card",
        "amount": "5.00",
        "reason": "No money.",
    }
    paid = till.pay(waiting_order, cash("5.00")).json()
    assert (paid["status"], paid["declined_payment"]) == ("completed", None)


def test_answer_of_a_payment_says_that_it_was_declined_at_once(till, product, terminal):
    order = till.sold(line(product, "2"))
    terminal.answers = [DECLINED]

    answer = till.pay(order, card("5.00"))

    assert answer.status_code == 201
    assert answer.json()["declined_payment"]["reason"] == "No money."
    assert answer.json()["payments"][0]["status"] == "declined"


@pytest.mark.parametrize("seen", ["pending", "unknown"])
def test_reader_takes_one_payment_at_a_time(
    seen, till, waiting_order, product, terminal, problem, shop
):
    if seen == "unknown":
        with tenant_scope(shop):
            Payment.objects.update(status="unknown")
    other = till.sold(line(product))
    charged = len(terminal.charges)

    for refused in (
        till.pay(other, card("2.50")),
        till.sell(line(product), payments=[card("2.50")]),
    ):
        refusal = problem(refused, 409, "reader_busy")
        assert refusal["payment"] == waiting_order["payments"][0]["id"]
    assert len(terminal.charges) == charged
    with tenant_scope(shop):
        assert Payment.objects.count() == 1
    assert till.pay(other, cash("2.50")).json()["status"] == "completed"


def test_two_cards_of_one_sale_cannot_be_at_the_reader_at_once(
    till, product, terminal, problem, shop
):
    refused = till.sell(line(product, "2"), payments=[card("2.50"), card("2.50")])

    problem(refused, 409, "reader_busy")
    assert terminal.charges == []
    with tenant_scope(shop):
        assert Payment.objects.count() == 0


def test_cashier_cancels_a_payment_at_the_reader(waiting_order, till, terminal):
    path = f"payments/{waiting_order['payments'][0]['id']}/cancel/"
    terminal.answers = [GONE]

    canceled = till.post(path).json()

    assert canceled["payments"][0]["status"] == "canceled"
    assert till.pay(waiting_order, cash("5.00")).json()["status"] == "completed"


def test_payment_that_cannot_be_canceled_stays_pending(waiting_order, till, terminal, problem):
    path = f"payments/{waiting_order['payments'][0]['id']}/cancel/"
    terminal.answers = [WAITING]

    assert till.post(path).json()["payments"][0]["status"] == "pending"
    problem(till.pay(waiting_order, cash("5.00")), 409, "payment_exceeds_due")


def test_capture_while_canceling_completes_the_order(waiting_order, till, terminal):
    path = f"payments/{waiting_order['payments'][0]['id']}/cancel/"
    terminal.answers = [CAPTURED]

    assert till.post(path).json()["status"] == "completed"


def test_event_while_a_captured_card_is_being_canceled_changes_nothing(
    clock, till, manager_client, product, terminal, shop
):
    """The money is on its way back, and a look-up still finds it captured."""
    terminal.answers = [PREPARED, CAPTURED]
    order = till.sold(line(product, "2"), payments=[card("2.00")])
    assert load_payment(order).status == "captured"
    seen = []

    def receive_late_event(charge):
        with tenant_scope(shop):
            receive_news(Payment.objects.select_related("order__cashier").get(pk=charge.key))
        seen.append(load_payment(order).status)
        return TIMED_OUT

    terminal.answers = [receive_late_event]
    path = f"payments/{order['payments'][0]['id']}/cancel/"
    assert manager_client.post(path).json()["payments"][0]["status"] == "unknown"
    assert (seen, terminal.look_ups) == (["unknown"], [])

    clock.shift(timedelta(minutes=3))
    terminal.found = [GONE]
    relay_all()

    assert load_payment(order).status == "canceled"
    assert till.shown(order)["paid_total"] == "0.00"


def test_captured_card_cannot_be_looked_up_while_it_is_being_canceled(
    clock, till, manager_client, product, terminal, problem
):
    """A look-up would set it back to captured, although its money is on its way back."""
    terminal.answers = [PREPARED, CAPTURED]
    order = till.sold(line(product, "2"), payments=[card("2.00")])
    path = f"payments/{order['payments'][0]['id']}"
    refusals = []

    def resolve_meanwhile(charge):
        refused = problem(manager_client.post(f"{path}/resolve/"), 409, "payment_underway")
        refusals.append(refused["retry_after"])
        return GONE

    terminal.answers = [resolve_meanwhile]
    canceled = manager_client.post(f"{path}/cancel/").json()

    assert (canceled["payments"][0]["status"], canceled["paid_total"]) == ("canceled", "0.00")
    assert (refusals, terminal.look_ups) == ([120], [])


def test_answer_from_before_the_cancellation_is_ignored(
    clock, till, manager_client, product, terminal
):
    """A slow look-up ends while the card, which another look-up captured, is being canceled."""
    terminal.answers = [PREPARED, TIMED_OUT]
    order = till.sold(line(product, "2"), payments=[card("2.00")])
    path = f"payments/{order['payments'][0]['id']}"

    def cancel_meanwhile(charge):
        terminal.found = [CAPTURED]
        assert manager_client.post(f"{path}/resolve/").json()["paid_total"] == "2.00"
        terminal.answers = [TIMED_OUT]
        assert manager_client.post(f"{path}/cancel/").json()["paid_total"] == "0.00"
        return CAPTURED

    terminal.found = [cancel_meanwhile]
    manager_client.post(f"{path}/resolve/")

    assert load_payment(order).status == "unknown"
    assert till.shown(order)["paid_total"] == "0.00"
    clock.shift(timedelta(minutes=3))
    terminal.found = [GONE]
    relay_all()
    assert load_payment(order).status == "canceled"


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
def test_look_ups_and_cancellations_at_once_end_in_one_outcome(
    till, manager_client, product, terminal, shop
):
    """In either order, the gateway keeps the money exactly if the payment is captured."""
    terminal.answers = [PREPARED, CAPTURED]
    order = till.sold(line(product, "2"), payments=[card("2.00")])
    path = f"payments/{order['payments'][0]['id']}"
    returned = Event()

    def cancel(charge, timeout):
        returned.set()
        return GONE

    def look_up(charge, timeout):
        return GONE if returned.is_set() else CAPTURED

    terminal.cancel, terminal.look_up = cancel, look_up

    def receive():
        with tenant_scope(shop):
            receive_news(Payment.objects.select_related("order__cashier").get())

    run_concurrently(
        [
            lambda: manager_client.post(f"{path}/cancel/"),
            lambda: manager_client.post(f"{path}/resolve/"),
            lambda: manager_client.post(f"{path}/resolve/"),
            receive,
            lambda: manager_client.post(f"{path}/cancel/"),
        ]
    )

    assert returned.is_set()
    assert load_payment(order).status == "canceled"
    assert till.shown(order)["paid_total"] == "0.00"


@pytest.mark.parametrize(
    ("answer", "status"), [(GONE, "declined"), (CAPTURED, "captured"), (WAITING, "unknown")]
)
def test_payment_without_outcome_is_canceled_after_five_minutes(
    answer, status, clock, waiting_order, terminal
):
    terminal.found, terminal.answers = [WAITING] * 9, [answer]

    clock.shift(timedelta(minutes=4, seconds=59))
    relay_all()
    assert load_payment(waiting_order).status == "pending"
    clock.shift(timedelta(seconds=11))
    relay_all()

    assert load_payment(waiting_order).status == status


def test_capture_after_the_order_was_paid_otherwise_is_returned(
    clock, waiting_order, till, terminal, shop, cashier
):
    payment = load_payment(waiting_order)
    terminal.answers = [GONE]
    till.post(f"payments/{payment.pk}/cancel/")
    paid = till.pay(waiting_order, cash("5.00")).json()

    with tenant_scope(shop):
        for _ in range(2):  # events repeat
            record_gateway_answer(payment, CAPTURED, by=cashier)
    shown = till.get(f"payments/{payment.pk}/").json()
    assert (shown["status"], shown["late_capture"]) == ("canceled", "returning")
    terminal.returns = [DECLINED, TIMED_OUT, DECLINED, CAPTURED]
    relay_all()
    clock.shift(timedelta(minutes=5))
    relay_all()
    relay_all()

    assert till.get(f"payments/{payment.pk}/").json()["late_capture"] == "returned"
    first, second = terminal.refunds
    assert (first.key, first.amount) == (second.key, payment.amount)
    assert till.shown(waiting_order)["paid_total"] == paid["paid_total"] == "5.00"
    events = list_audit_events(shop)
    assert events.count("captured_after_declined") == 1
    assert events.count("late_capture_returned") == 1


def test_late_capture_that_cannot_be_returned_is_audited(
    waiting_order, till, terminal, shop, cashier
):
    payment = load_payment(waiting_order)
    terminal.answers, terminal.returns = [GONE], [DECLINED, DECLINED]
    till.post(f"payments/{payment.pk}/cancel/")
    with tenant_scope(shop):
        record_gateway_answer(payment, CAPTURED, by=cashier)

    relay_all()

    assert till.get(f"payments/{payment.pk}/").json()["late_capture"] == "failed"
    assert "late_capture_not_returned" in list_audit_events(shop)


def test_crash_before_the_charge_was_sent_is_looked_up_later(
    clock, waiting_order, till, terminal, shop
):
    with tenant_scope(shop):
        Payment.objects.update(gateway_reference="", next_look_up_at=None)
    terminal.found = [GONE]

    clock.shift(timedelta(minutes=1))
    relay_all()
    assert load_payment(waiting_order).status == "pending"
    clock.shift(timedelta(minutes=2))
    relay_all()

    assert load_payment(waiting_order).status == "declined"


def test_busy_reader_cannot_be_deactivated(waiting_order, admin, client_of, reader, problem):
    path = f"card-readers/{reader.pk}/"

    problem(client_of(admin).patch(path, {"is_active": False}, If_Match='"1"'), 409, "reader_busy")
    assert client_of(admin).get(path).json()["is_active"]


def test_inactive_reader_or_provider_charges_nothing(
    till, product, settings, reader, shop, problem
):
    settings.PAYMENT_SIMULATOR = False
    problem(till.sell(line(product), payments=[card("2.50")]), 409, "no_card_reader")
    settings.PAYMENT_SIMULATOR = True
    till.sold(line(product), payments=[card("2.50")])
    assert load_payment({"payments": [{"id": first_payment(shop)}]}).reader_id == reader.pk


def first_payment(shop):
    with tenant_scope(shop):
        return Payment.objects.get().pk


def test_register_without_reader_uses_the_gateway_of_the_installation(till, product, gateway):
    order = till.sold(line(product), payments=[card("2.50")])

    assert len(gateway.charges) == 1
    assert till.get(f"payments/{order['payments'][0]['id']}/").json()["reader"] is None


# --- list and wait -----------------------------------------------------------------------------


def test_list_shows_open_payments_or_those_of_an_order(waiting_order, till, product, register):
    other = till.sold(line(product), payments=[cash("2.50")])

    def ids(**filters):
        return [each["id"] for each in till.get("payments/", filters).json()["results"]]

    waiting_id, paid_id = waiting_order["payments"][0]["id"], other["payments"][0]["id"]
    assert ids() == [waiting_id]
    assert ids(status="pending", register=str(register.pk), method="card") == [waiting_id]
    assert ids(status="unknown") == []
    assert ids(order=other["id"]) == [paid_id]
    assert ids(method="cash") == []


@pytest.mark.parametrize("wait", ["", "21", "-1", "1.5", "abc", "020", "٣"])
def test_invalid_wait_is_refused(wait, waiting_order, till, problem):
    path = f"payments/{waiting_order['payments'][0]['id']}/"

    problem(till.get(path, {"wait": wait}), 400, "invalid", {"wait": "invalid"})


def test_wait_ends_with_the_outcome(waiting_order, till, terminal, monkeypatch, shop, cashier):
    payment = load_payment(waiting_order)
    pauses = []

    def sleep(seconds):
        pauses.append(seconds)
        if len(pauses) == 2:
            record_gateway_answer(payment, CAPTURED, by=cashier)

    monkeypatch.setattr(waiting, "sleep", sleep)

    shown = till.get(f"payments/{payment.pk}/", {"wait": "20"}).json()

    assert shown["status"] == "captured"
    assert len(pauses) == 2
    assert till.get(f"payments/{payment.pk}/", {"wait": "20"}).json() == shown
    assert len(pauses) == 2


@pytest.mark.django_db(transaction=True)
def test_wait_holds_no_database_connection(waiting_order, till, monkeypatch, shop, cashier):
    payment = load_payment(waiting_order)
    held = []

    def sleep(seconds):
        held.append(connection.connection)
        with tenant_scope(shop):
            record_gateway_answer(payment, CAPTURED, by=cashier)

    monkeypatch.setattr(waiting, "sleep", sleep)

    assert till.get(f"payments/{payment.pk}/", {"wait": "20"}).json()["status"] == "captured"
    assert held == [None]


def test_wait_ends_after_its_seconds(waiting_order, till, monkeypatch):
    times = iter(range(100))
    monkeypatch.setattr(waiting.time, "monotonic", lambda: float(next(times)))
    monkeypatch.setattr(waiting, "sleep", lambda seconds: None)

    answer = till.get(f"payments/{waiting_order['payments'][0]['id']}/", {"wait": "3"})

    assert (answer.status_code, answer.json()["status"]) == (200, "pending")
    assert "Retry-After" not in answer


@pytest.mark.parametrize(("threads", "places"), [(1, 0), (3, 0), (4, 1), (8, 2), (11, 2)])
def test_number_of_waiting_requests_is_a_quarter_of_the_threads(threads, places):
    """Read from a new process, because the number is fixed when it starts."""
    script = (
        "import django\n"
        "django.setup()\n"
        "from orders.services.payments.waiting import _wait_slots\n"
        "print(_wait_slots._initial_value)"
    )
    names = {"WEB_THREADS": str(threads), "DJANGO_SETTINGS_MODULE": "tests.settings"}
    run = [sys.executable, "-c", script]
    output = subprocess.run(run, env=os.environ | names, check=True, capture_output=True, cwd=ROOT)

    assert output.stdout.decode().split()[-1] == str(places)


def test_request_that_cannot_wait_is_answered_at_once(waiting_order, till, monkeypatch):
    monkeypatch.setattr(waiting, "_wait_slots", waiting.threading.BoundedSemaphore(0))
    monkeypatch.setattr(waiting, "sleep", lambda seconds: pytest.fail("waits"))

    answer = till.get(f"payments/{waiting_order['payments'][0]['id']}/", {"wait": "20"})

    assert (answer.status_code, answer["Retry-After"]) == (200, "2")
    assert answer.json()["status"] == "pending"


def test_only_a_quarter_of_the_threads_waits(waiting_order, till, monkeypatch, settings):
    path = f"payments/{waiting_order['payments'][0]['id']}/"
    inner = []
    monkeypatch.setattr(
        waiting, "sleep", lambda seconds: inner.append(till.get(path, {"wait": "20"}))
    )
    places = waiting.threading.BoundedSemaphore(1)
    monkeypatch.setattr(waiting, "_wait_slots", places)
    times = iter([0.0, 0.0, 30.0])
    monkeypatch.setattr(waiting.time, "monotonic", lambda: next(times))

    assert till.get(path, {"wait": "20"}).status_code == 200

    (refused,) = inner
    assert (refused.status_code, refused["Retry-After"]) == (200, "2")
    assert refused.json()["status"] == "pending"
    assert places.acquire(blocking=False)
