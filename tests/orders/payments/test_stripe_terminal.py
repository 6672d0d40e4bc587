"""Cards at Stripe readers, against a server that answers as Stripe documents it."""

import time
from datetime import timedelta
from decimal import Decimal

import pytest
import time_machine
from django.utils import timezone

from orders.gateways.stripe_amounts import NotChargeable, to_minor_units
from orders.models import CardReader, Payment, Payout
from orders.services.payments import waiting
from tenants.models import AuditEvent
from tenants.scope import across_tenants, tenant_scope
from tests.factories.card_readers import WEBHOOK_SECRET, CardReaderFactory, PaymentProviderFactory
from tests.factories.tenants import RegisterFactory
from tests.support.api import Api, Person
from tests.support.order_relay import relay_all
from tests.support.refunds import cancel_refund, create_refund, ensure_refunds_consistent
from tests.support.stripe_server import READER, run_stripe_server
from tests.support.till import card, cash, line, list_receipt_numbers

pytestmark = pytest.mark.django_db
PROCESS = f"/v1/terminal/readers/{READER}/process_payment_intent"
REFUND_AT_READER = f"/v1/terminal/readers/{READER}/refund_payment"
CANCEL_ACTION = f"/v1/terminal/readers/{READER}/cancel_action"


@pytest.fixture
def clock():
    with time_machine.travel(timezone.now(), tick=True) as traveller:
        yield traveller


@pytest.fixture
def stripe(settings):
    with run_stripe_server() as server:
        settings.STRIPE_API_BASE = server.url
        yield server


@pytest.fixture
def reader(register, shop):
    provider = PaymentProviderFactory(tenant=shop, stripe=True)
    return CardReaderFactory(register=register, provider=provider, provider_reader_id=READER)


@pytest.fixture
def order(till, product, stripe, reader):
    """Return an order of two apples whose card is awaited at the reader."""
    return till.sold(line(product, "2"), payments=[card("5.00")])


def load_payment(order, place=0):
    with across_tenants():
        return Payment.objects.get(pk=order["payments"][place]["id"])


def send_event(stripe, reader, kind, subject, **signing):
    body = stripe.build_event(kind, subject)
    secret = signing.pop("secret", WEBHOOK_SECRET)
    return post_event(reader, body, stripe.sign(body, secret, **signing))


def post_event(reader, body, signature):
    return Api().client.post(
        f"/api/v1/payment-events/{reader.provider_id}/",
        body,
        content_type="application/json",
        headers={"Stripe-Signature": signature},
    )


def intent_of(stripe, order, place=0):
    return stripe.intents[order["payments"][place]["gateway_reference"]]


# --- the steps ---------------------------------------------------------------------------------


def test_intent_is_created_and_sent_to_the_reader(order, stripe):
    (create, process) = stripe.requests
    payment = order["payments"][0]

    assert create == (
        "POST",
        "/v1/payment_intents",
        {
            "amount": "500",
            "currency": "eur",
            "payment_method_types": ["card_present"],
            "capture_method": "automatic",
            "metadata": {"payment": payment["id"]},
        },
        f"{payment['id']}:create",
    )
    assert process == (
        "POST",
        PROCESS,
        {"payment_intent": "pi_1", "process_config": {"skip_tipping": "true"}},
        f"{payment['id']}:process:1",
    )
    assert (payment["status"], payment["gateway_reference"]) == ("pending", "pi_1")


def test_signed_event_completes_the_order(order, stripe, reader, till, register, cashier):
    intent = stripe.present_card()

    answer = send_event(stripe, reader, "payment_intent.succeeded", intent)

    assert answer.status_code == 204
    done = till.shown(order)
    assert (done["status"], done["cashier"]) == ("completed", str(cashier.pk))
    assert list_receipt_numbers(register) == [1]


@pytest.mark.parametrize("kind", ["payment_intent.succeeded", "payment_intent.created"])
def test_events_repeat_and_come_in_any_order(kind, order, stripe, reader, till, register):
    """Only the intent of Stripe says the outcome, never the event."""
    before = dict(intent_of(stripe, order))
    assert send_event(stripe, reader, kind, before | {"status": "succeeded"}).status_code == 204
    assert till.shown(order)["status"] == "open"
    intent = stripe.present_card()

    for _ in range(2):
        assert send_event(stripe, reader, kind, before).status_code == 204
        assert send_event(stripe, reader, kind, intent).status_code == 204

    assert till.shown(order)["paid_total"] == "5.00"
    assert list_receipt_numbers(register) == [1]


def test_event_of_the_reader_tells_a_decline(order, stripe, reader, till):
    stripe.decline_card()

    send_event(stripe, reader, "terminal.reader.action_failed", stripe.readers[READER])

    shown = till.get(f"payments/{order['payments'][0]['id']}/").json()
    assert shown["declined_payment"]["reason"] == "Insufficient funds."
    assert intent_of(stripe, order)["status"] == "canceled"
    again = till.pay(order, card("5.00")).json()
    assert [each["status"] for each in again["payments"]] == ["declined", "pending"]
    assert again["payments"][1]["gateway_reference"] == "pi_2"


def test_error_while_the_reader_still_asks_is_no_decline(order, stripe, reader, till):
    """After a chip that cannot be read, the reader asks for the card again."""
    intent = intent_of(stripe, order)
    intent["last_payment_error"] = {"code": "card_declined", "message": "Insert the card."}

    send_event(stripe, reader, "payment_intent.payment_failed", intent)

    assert till.shown(order)["payments"][0]["status"] == "pending"
    assert intent["status"] == "requires_payment_method"
    done = stripe.present_card()
    send_event(stripe, reader, "payment_intent.succeeded", done)
    assert till.shown(order)["status"] == "completed"


@pytest.mark.parametrize("outcome", ["captured", "declined", "pending"])
def test_relay_finds_the_outcome_without_events(outcome, clock, order, stripe):
    if outcome == "captured":
        stripe.present_card()
    elif outcome == "declined":
        stripe.decline_card()

    clock.shift(timedelta(seconds=11))
    relay_all()

    assert load_payment(order).status == outcome


# --- signatures --------------------------------------------------------------------------------


def test_forged_or_old_events_are_refused(order, stripe, reader, till, problem):
    intent = stripe.present_card()
    body = stripe.build_event("payment_intent.succeeded", intent)
    asked = len(stripe.requests)
    good = stripe.sign(body, WEBHOOK_SECRET)
    forged = [
        "",
        "t=1",
        "nonsense",
        "t=1,v1=\u00e4",
        good.replace("v1=", "v0="),
        stripe.sign(body, "whsec_of_somebody_else"),
        stripe.sign(body, WEBHOOK_SECRET, at=time.time() - 301),
        stripe.sign(body + b" ", WEBHOOK_SECRET),
    ]

    for signature in forged:
        problem(post_event(reader, body, signature), 400, "invalid_signature")
    problem(post_event(reader, b"\xff" + body, good), 400, "invalid_signature")

    assert len(stripe.requests) == asked
    assert till.shown(order)["status"] == "open"


def test_previous_secret_signs_for_a_day(clock, order, stripe, reader, admin, problem):
    intent = stripe.present_card()
    change = {"credentials": {"webhook_secret": "whsec_a_new_secret"}}
    path = f"payment-providers/{reader.provider_id}/"
    assert Person(admin).patch(path, change, If_Match="*").status_code == 200

    event = "payment_intent.succeeded"
    assert send_event(stripe, reader, event, intent).status_code == 204
    answer = send_event(stripe, reader, event, intent, secret="whsec_a_new_secret")
    assert answer.status_code == 204
    clock.shift(timedelta(days=1))
    problem(send_event(stripe, reader, event, intent), 400, "invalid_signature")


def test_unknown_provider_and_subjects(order, stripe, reader, problem, other_shop):
    simulator = CardReaderFactory(register=RegisterFactory(tenant=other_shop))
    body = stripe.build_event("x", {"object": "payment_intent", "id": "pi_unknown"})
    signature = stripe.sign(body, WEBHOOK_SECRET)

    problem(post_event(simulator, body, signature), 404, "not_found")
    assert post_event(reader, body, signature).status_code == 204
    for odd in (b"[]", b"{}", b'{"data": {"object": {"object": "refund"}}}', b'{"data": []}', b"1"):
        answer = post_event(reader, odd, stripe.sign(odd, WEBHOOK_SECRET))
        assert answer.status_code in {204, 400}, odd


@pytest.mark.parametrize("body", [b"", b"{", b"NaN{"])
def test_signed_event_that_is_no_json_is_refused(order, stripe, reader, problem, till, body):
    problem(post_event(reader, body, stripe.sign(body, WEBHOOK_SECRET)), 400, "invalid")

    assert till.shown(order) == order


def test_event_of_another_shop_changes_nothing(order, stripe, reader, other_shop, till):
    """Each provider sees its own payments only."""
    intent = stripe.present_card()
    provider = PaymentProviderFactory(tenant=other_shop, stripe=True)
    theirs = CardReaderFactory(
        register=RegisterFactory(tenant=other_shop), provider=provider, provider_reader_id=READER
    )

    assert send_event(stripe, theirs, "payment_intent.succeeded", intent).status_code == 204
    assert till.shown(order)["status"] == "open"


# --- time-outs and refusals --------------------------------------------------------------------


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("path", ["/v1/payment_intents", PROCESS])
def test_lost_answer_is_repeated_with_the_same_key(when, path, till, product, stripe, reader):
    stripe.fail(path, when)

    order = till.sold(line(product, "2"), payments=[card("5.00")])

    first, second = stripe.list_keys(path)
    assert first == second
    assert order["payments"][0]["status"] == "pending"
    assert len(stripe.intents) == 1
    assert stripe.present_card()["id"] == "pi_1"


@pytest.mark.parametrize("path", ["/v1/payment_intents", PROCESS])
def test_payment_is_unknown_if_stripe_does_not_answer(
    path, clock, till, product, stripe, reader, problem
):
    for _ in range(2):
        stripe.fail(path, "before")
    order = till.sold(line(product, "2"), payments=[card("5.00")])
    assert order["payments"][0]["status"] == "unknown"
    problem(till.pay(order, cash("5.00")), 409, "payment_exceeds_due")

    clock.shift(timedelta(minutes=3))
    relay_all()

    payment = load_payment(order)
    assert (payment.status, payment.gateway_reference) == ("declined", "pi_1")
    assert [each["status"] for each in stripe.intents.values()] == ["canceled"]
    assert till.pay(order, cash("5.00")).json()["status"] == "completed"


def test_card_presented_although_the_answer_was_lost_is_captured(
    clock, till, product, stripe, reader
):
    stripe.fail(PROCESS, "after")
    stripe.fail(PROCESS, "before")
    order = till.sold(line(product, "2"), payments=[card("5.00")])
    assert order["payments"][0]["status"] == "unknown"
    stripe.present_card()

    clock.shift(timedelta(minutes=3))
    relay_all()

    assert till.shown(order)["status"] == "completed"


@pytest.mark.parametrize(
    ("code", "is_done", "expected"),
    [
        ("terminal_reader_timeout", True, ("pending", 1)),
        ("terminal_reader_timeout", False, ("pending", 2)),
        ("terminal_reader_offline", True, ("pending", 1)),
        ("terminal_reader_offline", False, ("declined", 1)),
        ("intent_invalid_state", True, ("pending", 1)),
        ("terminal_reader_busy", False, ("declined", 1)),
        ("resource_missing", False, ("declined", 1)),
    ],
)
def test_refusal_of_the_reader_is_checked_before_it_counts(
    code, is_done, expected, till, product, stripe, reader
):
    stripe.fail(PROCESS, code=code, is_done=is_done)

    order = till.sold(line(product, "2"), payments=[card("5.00")])

    status = order["payments"][0]["status"]
    assert (status, len(stripe.list_keys(PROCESS))) == expected
    keys = [key.rpartition(":")[2] for key in stripe.list_keys(PROCESS)]
    assert keys == ["1", "2"][: expected[1]]
    canceled = intent_of(stripe, order)["status"] == "canceled"
    assert canceled == (status == "declined")


def test_server_error_of_stripe_is_unknown_and_looked_up(clock, till, product, stripe, reader):
    stripe.fail(PROCESS, code="api_error", status=500)

    order = till.sold(line(product, "2"), payments=[card("5.00")])

    assert order["payments"][0]["status"] == "unknown"


def test_revoked_key_declines_new_payments_and_keeps_open_ones(
    clock, order, till, tills, product, stripe, reader
):
    """A refused look-up says nothing about the card."""
    stripe.fail("/v1/payment_intents/pi_1", code="api_key_expired", status=401)
    clock.shift(timedelta(seconds=11))
    relay_all()
    assert load_payment(order).status == "unknown"
    stripe.fail("/v1/payment_intents", code="api_key_expired", status=401)
    CardReaderFactory(
        register=tills[0].register, provider=reader.provider, provider_reader_id="tmr_2"
    )
    other = tills[0].sold(line(product), payments=[card("2.50")])
    assert other["payments"][0]["status"] == "declined"


# --- cancellation ------------------------------------------------------------------------------


def test_cancellation_stops_the_reader_and_cancels_the_intent(order, till, stripe):
    path = f"payments/{order['payments'][0]['id']}/cancel/"

    assert till.post(path).json()["payments"][0]["status"] == "canceled"

    assert stripe.readers[READER]["action"] is None
    assert intent_of(stripe, order)["status"] == "canceled"
    assert stripe.list_paths()[-2:] == [CANCEL_ACTION, "/v1/payment_intents/pi_1/cancel"]


def test_busy_reader_cannot_be_stopped_and_the_card_is_captured(order, till, stripe, reader):
    path = f"payments/{order['payments'][0]['id']}/cancel/"
    stripe.fail(CANCEL_ACTION, code="terminal_reader_busy")

    assert till.post(path).json()["payments"][0]["status"] == "pending"
    assert intent_of(stripe, order)["status"] == "requires_payment_method"
    intent = stripe.present_card()
    send_event(stripe, reader, "payment_intent.succeeded", intent)
    assert till.shown(order)["status"] == "completed"


def test_capture_between_the_two_steps_of_a_cancellation_wins(order, till, stripe):
    path = f"payments/{order['payments'][0]['id']}/cancel/"
    intent = intent_of(stripe, order)

    def capture(method, request):
        if request.endswith("/pi_1/cancel"):
            stripe.capture(intent)

    stripe.on_request = capture

    assert till.post(path).json()["status"] == "completed"


def test_payment_without_a_card_is_canceled_after_five_minutes(clock, order, till, stripe):
    clock.shift(timedelta(minutes=4, seconds=50))
    relay_all()
    assert load_payment(order).status == "pending"

    clock.shift(timedelta(seconds=15))
    relay_all()

    assert load_payment(order).status == "declined"
    assert intent_of(stripe, order)["status"] == "canceled"
    assert till.pay(order, cash("5.00")).json()["status"] == "completed"


def test_capture_after_the_cancellation_is_returned(clock, order, till, stripe, reader, shop):
    """It should not happen: Stripe captures no canceled intent."""
    till.post(f"payments/{order['payments'][0]['id']}/cancel/")
    till.pay(order, cash("5.00"))
    intent = intent_of(stripe, order)
    stripe.capture(intent)

    for _ in range(2):
        send_event(stripe, reader, "payment_intent.succeeded", intent)
    relay_all()

    shown = till.get(f"payments/{order['payments'][0]['id']}/").json()
    assert (shown["status"], shown["late_capture"]) == ("canceled", "returned")
    assert [each["amount"] for each in stripe.refunds.values()] == [500]
    assert till.shown(order)["paid_total"] == "5.00"
    with tenant_scope(shop):
        found = list(AuditEvent.objects.filter(event__contains="captur").order_by("pk"))
    assert [each.event for each in found] == ["captured_after_declined", "late_capture_returned"]


def test_returned_capture_is_found_after_its_answer_was_lost(
    clock, order, till, stripe, reader, shop
):
    """Stripe forgets idempotency keys and would refuse the same refund as a second one."""
    till.post(f"payments/{order['payments'][0]['id']}/cancel/")
    till.pay(order, cash("5.00"))
    stripe.capture(intent_of(stripe, order))
    send_event(stripe, reader, "payment_intent.succeeded", intent_of(stripe, order))
    stripe.on_request = lambda method, path: (
        stripe.fail(path, "after") if (method, path) == ("POST", "/v1/refunds") else None
    )
    relay_all()
    assert load_payment(order).late_capture == "returning"
    stripe.on_request = lambda method, path: None
    stripe.keys.clear()

    clock.shift(timedelta(hours=1))
    relay_all()

    assert load_payment(order).late_capture == "returned"
    assert [each["amount"] for each in stripe.refunds.values()] == [500]
    with tenant_scope(shop):
        assert not AuditEvent.objects.filter(event="late_capture_not_returned").exists()


@pytest.fixture
def late_capture(clock, order, till, stripe, reader):
    """Return an order that was paid in cash, whose canceled card was captured afterwards."""
    till.post(f"payments/{order['payments'][0]['id']}/cancel/")
    till.pay(order, cash("5.00"))
    stripe.capture(intent_of(stripe, order))
    send_event(stripe, reader, "payment_intent.succeeded", intent_of(stripe, order))
    return order


def list_late_events(shop):
    with tenant_scope(shop):
        events = AuditEvent.objects.filter(event__startswith="late_capture").order_by("pk")
        return list(events.values_list("event", flat=True))


def refund_at_stripe(stripe, intent, amount):
    """Refund on the page of Stripe, which knows no payout."""
    return stripe.create_refund({"payment_intent": intent["id"], "amount": str(amount)})


def test_late_capture_that_was_returned_at_stripe_is_returned(late_capture, stripe, shop):
    refund_at_stripe(stripe, intent_of(stripe, late_capture), 500)

    relay_all()

    assert load_payment(late_capture).late_capture == "returned"
    assert len(stripe.refunds) == 1
    assert list_late_events(shop) == ["late_capture_returned"]


@pytest.mark.parametrize("how", ["event of the refund", "event of the charge", "look-up"])
def test_return_at_stripe_is_found_after_till_could_not_return_it(
    how, late_capture, stripe, reader, shop, manager_client
):
    stripe.on_request = lambda method, path: (
        stripe.fail(path, code="charge_disputed")
        if (method, path) == ("POST", "/v1/refunds")
        else None
    )
    relay_all()
    stripe.on_request = lambda method, path: None
    assert load_payment(late_capture).late_capture == "failed"
    intent = intent_of(stripe, late_capture)
    refund_at_stripe(stripe, intent, 200)
    payment = late_capture["payments"][0]["id"]
    assert manager_client.post(f"payments/{payment}/resolve/").status_code == 200
    assert load_payment(late_capture).late_capture == "failed"
    made = refund_at_stripe(stripe, intent, 300)

    if how == "look-up":
        assert manager_client.post(f"payments/{payment}/resolve/").status_code == 200
    elif how == "event of the refund":
        send_event(stripe, reader, "refund.created", made)
    else:
        charge = {"object": "charge", "payment_intent": intent["id"]}
        send_event(stripe, reader, "charge.refunded", charge)

    assert load_payment(late_capture).late_capture == "returned"
    assert list_late_events(shop) == ["late_capture_not_returned", "late_capture_returned"]


def test_return_of_a_late_capture_that_the_bank_rejects_is_shown(
    late_capture, stripe, reader, shop, till
):
    relay_all()
    assert load_payment(late_capture).late_capture == "returned"
    (made,) = stripe.refunds.values()
    made["status"] = "failed"
    intent_of(stripe, late_capture)["latest_charge"] |= {"amount_refunded": 0, "refunded": False}

    for _ in range(2):
        send_event(stripe, reader, "refund.failed", made)

    shown = till.get(f"payments/{late_capture['payments'][0]['id']}/").json()
    assert shown["late_capture"] == "failed"
    assert till.shown(late_capture)["status"] == "completed"
    assert list_late_events(shop) == ["late_capture_returned", "late_capture_not_returned"]


def test_captured_part_of_an_open_order_is_paid_back(
    clock, till, manager_client, product, stripe, reader
):
    order = till.sold(line(product, "2"), payments=[card("2.00")])
    stripe.present_card()
    clock.shift(timedelta(seconds=11))
    relay_all()
    assert till.shown(order)["paid_total"] == "2.00"

    canceled = manager_client.post(f"payments/{order['payments'][0]['id']}/cancel/").json()

    assert (canceled["payments"][0]["status"], canceled["paid_total"]) == ("canceled", "0.00")
    assert [each["amount"] for each in stripe.refunds.values()] == [200]
    assert stripe.list_keys("/v1/refunds") == [f"{order['payments'][0]['id']}:return"]


# --- two tills ---------------------------------------------------------------------------------


def test_reader_of_another_till_is_busy_at_stripe(till, tills, product, stripe, reader, shop):
    """Two accounts, or one set up twice, with one device: Stripe itself refuses the second."""
    first = till.sold(line(product), payments=[card("2.50")])
    twin = PaymentProviderFactory(tenant=shop, stripe=True)
    CardReaderFactory(register=tills[0].register, provider=twin, provider_reader_id=READER)

    second = tills[0].sold(line(product), payments=[card("2.50")])

    assert second["payments"][0]["status"] == "declined"
    assert first["payments"][0]["status"] == "pending"
    assert stripe.present_card()["id"] == first["payments"][0]["gateway_reference"]


# --- refunds -----------------------------------------------------------------------------------


@pytest.fixture
def sale(order, till, stripe, reader):
    intent = stripe.present_card()
    send_event(stripe, reader, "payment_intent.succeeded", intent)
    return till.shown(order)


def test_refund_by_intent(sale, manager_client, stripe):
    refund = create_refund(manager_client, sale, amount="2.00")

    (payout,) = refund["payouts"]
    assert (refund["status"], payout["status"]) == ("done", "done")
    method, path, params, key = stripe.requests[-1]
    assert (method, path) == ("POST", "/v1/refunds")
    assert params == {
        "payment_intent": "pi_1",
        "amount": "200",
        "metadata": {"payout": payout["id"]},
    }
    assert key == f"{payout['id']}:refund"


def test_refused_refund_fails(sale, manager_client, stripe, till):
    stripe.fail("/v1/refunds", code="charge_disputed")

    refund = create_refund(manager_client, sale)

    assert refund["status"] == "failed"
    assert till.shown(sale)["refunded_total"] == "0.00"


def test_refund_whose_answer_was_lost_is_looked_up(clock, sale, manager_client, stripe):
    stripe.fail("/v1/refunds", "after")
    stripe.fail("/v1/refunds", "before")
    refund = create_refund(manager_client, sale)
    assert refund["status"] == "pending"

    clock.shift(timedelta(minutes=3))
    relay_all()

    assert manager_client.get(f"refunds/{refund['id']}/").json()["status"] == "done"
    assert len(stripe.refunds) == 1


@pytest.mark.parametrize(("outcome", "status"), [("succeeded", "done"), ("failed", "failed")])
def test_pending_refund_ends_with_an_event(outcome, status, sale, manager_client, stripe, reader):
    stripe.refund_status = "pending"
    refund = create_refund(manager_client, sale)
    assert refund["status"] == "pending"
    made = next(iter(stripe.refunds.values()))
    made["status"] = outcome

    send_event(stripe, reader, "refund.updated", made)

    assert manager_client.get(f"refunds/{refund['id']}/").json()["status"] == status
    refunded = "5.00" if status == "done" else "0.00"
    assert manager_client.get(f"orders/{sale['id']}/").json()["refunded_total"] == refunded


@pytest.fixture
def interac_sale(configure_shop, till, product, stripe, reader):
    configure_shop("CAD")
    order = till.sold(line(product, "2"), payments=[card("5.00")])
    assert stripe.requests[0][2]["payment_method_types"] == ["card_present", "interac_present"]
    intent = stripe.present_card(kind="interac_present")
    send_event(stripe, reader, "payment_intent.succeeded", intent)
    return till.shown(order)


@pytest.mark.parametrize("presented", [True, False])
def test_interac_card_is_refunded_at_the_reader(
    presented, interac_sale, manager_client, stripe, reader
):
    refund = create_refund(manager_client, interac_sale)
    assert refund["status"] == "pending"
    assert stripe.list_keys(REFUND_AT_READER) == [f"{refund['payouts'][0]['id']}:refund"]

    if presented:
        stripe.present_card()
    else:
        stripe.decline_card(message="Wrong PIN.")
    subject = stripe.readers[READER]
    send_event(stripe, reader, "terminal.reader.action_succeeded", subject)

    shown = manager_client.get(f"refunds/{refund['id']}/").json()
    assert shown["status"] == ("done" if presented else "failed")


def test_refund_at_the_reader_is_awaited(
    interac_sale, manager_client, stripe, reader, monkeypatch, problem
):
    refund = create_refund(manager_client, interac_sale)
    path = f"refunds/{refund['id']}/"
    pauses = []

    def sleep(seconds):
        pauses.append(seconds)
        stripe.present_card()
        send_event(stripe, reader, "terminal.reader.action_succeeded", stripe.readers[READER])

    monkeypatch.setattr(waiting, "sleep", sleep)

    problem(manager_client.get(path, {"wait": "21"}), 400, "invalid", {"wait": "invalid"})
    assert manager_client.get(path).json() == refund
    assert manager_client.get(path, {"wait": "20"}).json()["status"] == "done"
    assert manager_client.get(path, {"wait": "20"}).json()["status"] == "done"
    assert len(pauses) == 1


def test_charge_waits_for_the_refund_at_the_reader(
    interac_sale, till, product, manager_client, stripe, reader, problem
):
    refund = create_refund(manager_client, interac_sale)
    asked = len(stripe.requests)

    refused = till.sell(line(product), payments=[card("2.50")])

    assert problem(refused, 409, "reader_busy")["refund"] == refund["id"]
    assert len(stripe.requests) == asked
    stripe.present_card()
    send_event(stripe, reader, "terminal.reader.action_succeeded", stripe.readers[READER])
    charged = till.sold(line(product), payments=[card("2.50")])
    assert charged["payments"][0]["status"] == "pending"


@pytest.mark.parametrize("is_processing", [False, True])
def test_refund_without_a_card_is_canceled_at_the_reader_after_five_minutes(
    is_processing, clock, interac_sale, manager_client, stripe
):
    refund = create_refund(manager_client, interac_sale)
    if is_processing:
        stripe.fail(CANCEL_ACTION, code="terminal_reader_busy")

    clock.shift(timedelta(minutes=5, seconds=1))
    relay_all()

    shown = manager_client.get(f"refunds/{refund['id']}/").json()
    assert shown["status"] == ("pending" if is_processing else "failed")
    action = stripe.readers[READER]["action"]
    assert (action is not None) == is_processing
    if is_processing:
        stripe.present_card()
        clock.shift(timedelta(seconds=11))
        relay_all()
        assert manager_client.get(f"refunds/{refund['id']}/").json()["status"] == "done"


@pytest.mark.parametrize("is_processing", [False, True])
def test_refund_at_the_reader_is_canceled(
    is_processing, interac_sale, till, manager_client, stripe, reader
):
    refund = create_refund(manager_client, interac_sale)
    if is_processing:
        stripe.fail(CANCEL_ACTION, code="terminal_reader_busy")

    canceled = cancel_refund(till, refund).json()

    assert canceled["status"] == ("pending" if is_processing else "failed")
    assert (stripe.readers[READER]["action"] is not None) == is_processing
    assert stripe.refunds == {}
    if is_processing:
        stripe.present_card()
        send_event(stripe, reader, "terminal.reader.action_succeeded", stripe.readers[READER])
        assert manager_client.get(f"refunds/{refund['id']}/").json()["status"] == "done"


def test_card_that_was_presented_before_the_cancellation_is_refunded(
    clock, interac_sale, manager_client, stripe
):
    refund = create_refund(manager_client, interac_sale)

    def present(method, path):
        if path.endswith(CANCEL_ACTION):
            stripe.present_card()

    stripe.on_request = present
    clock.shift(timedelta(minutes=5, seconds=1))
    relay_all()

    assert manager_client.get(f"refunds/{refund['id']}/").json()["status"] == "done"


@pytest.mark.parametrize("kind", ["card_present", "interac_present"])
def test_reader_is_reserved_if_stripe_does_not_say_which_card_it_was(
    kind, configure_shop, till, product, stripe, reader, manager_client
):
    configure_shop("CAD")
    order = till.sold(line(product, "2"), payments=[card("5.00")])
    send_event(stripe, reader, "payment_intent.succeeded", stripe.present_card(kind=kind))
    for _ in range(2):  # the look-up is repeated once
        stripe.fail(f"/v1/payment_intents/{intent_of(stripe, order)['id']}", "before")

    refund = create_refund(manager_client, order)

    assert refund["status"] == ("done" if kind == "card_present" else "pending")
    with across_tenants():
        assert Payout.objects.get().reader_id == reader.pk
    is_at_reader = REFUND_AT_READER in stripe.list_paths()
    assert is_at_reader == (kind == "interac_present")


def test_late_capture_of_an_interac_card_is_not_returned_without_the_card(
    clock, configure_shop, till, product, stripe, reader, shop
):
    configure_shop("CAD")
    order = till.sold(line(product, "2"), payments=[card("5.00")])
    stripe.fail(CANCEL_ACTION, "after")
    intent = intent_of(stripe, order)
    till.post(f"payments/{order['payments'][0]['id']}/cancel/")
    with tenant_scope(shop):
        Payment.objects.update(status="canceled", next_look_up_at=None)
    stripe.capture(intent, "interac_present")
    send_event(stripe, reader, "payment_intent.succeeded", intent)

    relay_all()

    assert load_payment(order).late_capture == "failed"
    assert REFUND_AT_READER not in stripe.list_paths()
    assert list_late_events(shop)[-1] == "late_capture_not_returned"


def test_other_cards_in_canada_are_refunded_without_the_reader(
    configure_shop, till, product, stripe, reader, manager_client
):
    configure_shop("CAD")
    order = till.sold(line(product, "2"), payments=[card("5.00")])
    send_event(stripe, reader, "payment_intent.succeeded", stripe.present_card())

    assert create_refund(manager_client, till.shown(order))["status"] == "done"
    assert REFUND_AT_READER not in stripe.list_paths()


def test_relay_ends_a_pending_refund_without_events(clock, sale, manager_client, stripe):
    stripe.refund_status = "pending"
    refund = create_refund(manager_client, sale)
    next(iter(stripe.refunds.values()))["status"] = "succeeded"

    clock.shift(timedelta(seconds=11))
    relay_all()

    assert manager_client.get(f"refunds/{refund['id']}/").json()["status"] == "done"


def test_refund_that_fails_after_it_was_done_is_reversed(
    sale, manager_client, stripe, reader, shop
):
    refund = create_refund(manager_client, sale)
    made = next(iter(stripe.refunds.values()))
    made["status"] = "failed"

    for _ in range(2):
        assert send_event(stripe, reader, "refund.failed", made).status_code == 204

    with tenant_scope(shop):
        (event,) = AuditEvent.objects.filter(event="refund_failed_after_done")
    assert event.facts == {"payout": refund["payouts"][0]["id"], "amount": "5.00"}
    shown = manager_client.get(f"refunds/{refund['id']}/").json()
    assert (shown["status"], shown["payouts"][0]["status"]) == ("failed", "declined")
    assert manager_client.get(f"orders/{sale['id']}/").json()["refunded_total"] == "0.00"
    ensure_refunds_consistent(shop)


# --- amounts and readers -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("amount", "currency", "units"),
    [
        ("5.00", "EUR", 500),
        ("500", "JPY", 500),
        ("5", "ISK", 500),
        ("5", "UGX", 500),
        ("5.00", "MGA", 5),
        ("5.50", "HUF", 550),
        ("5.120", "KWD", 5120),
        ("5.500", "OMR", 5500),
    ],
)
def test_amounts_in_the_minor_units_of_stripe(amount, currency, units):
    assert to_minor_units(Decimal(amount), currency) == units


@pytest.mark.parametrize(
    ("amount", "currency"), [("5.125", "KWD"), ("5.50", "MGA"), ("5.00", "SYP"), ("1.00", "XXX")]
)
def test_other_amounts_are_not_chargeable(amount, currency):
    with pytest.raises(NotChargeable):
        to_minor_units(Decimal(amount), currency)


def test_amount_that_stripe_cannot_charge_is_refused(
    configure_shop, till, make_product, stripe, reader, problem, shop
):
    configure_shop("KWD")
    refused = till.sell(line(make_product("5.125")), payments=[card("5.125")])

    problem(refused, 400, "invalid", {"payments[0].amount": "not_chargeable"})
    assert stripe.requests == []
    with tenant_scope(shop):
        assert not Payment.objects.exists()


def test_reader_is_registered_by_its_code(register, shop, admin, stripe, problem):
    provider = PaymentProviderFactory(tenant=shop, stripe=True)
    body = {
        "name": "Counter",
        "register": str(register.pk),
        "provider": str(provider.pk),
        "registration_code": "simulated-wpe",
        "location": "tml_1",
    }
    owner = Person(admin)
    wrong = owner.post("card-readers/", body | {"registration_code": "a-b-c"})
    problem(wrong, 400, "invalid", {"registration_code": "invalid"})
    stripe.fail("/v1/terminal/readers", "before")
    problem(owner.post("card-readers/", body), 503, "provider_unavailable")
    no_place = {name: value for name, value in body.items() if name != "location"}
    problem(owner.post("card-readers/", no_place), 400, "invalid", {"location": "required"})
    with tenant_scope(shop):
        assert not CardReader.objects.exists()

    made = owner.post("card-readers/", body)

    assert made.json()["provider_reader_id"] == "tmr_new"
    assert stripe.requests[-1][2] == {
        "registration_code": "simulated-wpe",
        "location": "tml_1",
        "label": "Counter",
    }
