"""A process is killed before each step of a payment or refund at a card reader.

Whatever is left, the relay ends it: the card is charged and the sale completed, or neither.
"""

from datetime import timedelta

import pytest
from django.utils import timezone

from orders.models import Payment, Payout, Refund
from tenants.scope import tenant_scope
from tests.factories.card_readers import CardReaderFactory, PaymentProviderFactory
from tests.support.live.failpoints import DIE_BEFORE
from tests.support.live.http_client import connect_to_server
from tests.support.live.invariants import ensure_invariants
from tests.support.live.server import run_server
from tests.support.order_relay import relay_all
from tests.support.refunds import create_refund
from tests.support.stripe_server import READER, run_stripe_server
from tests.support.till import card, line, new_id

pytestmark = [
    pytest.mark.live,
    pytest.mark.slow,
    pytest.mark.postgres,
    pytest.mark.django_db(transaction=True),
]
MAX_STEPS = 60


@pytest.fixture(scope="module")
def stripe():
    with run_stripe_server() as stripe:
        yield stripe


@pytest.fixture(scope="module")
def stripe_till(django_db_setup, stripe, tmp_path_factory):
    """Run a server whose readers are at the local Stripe."""
    folder = tmp_path_factory.mktemp("stripe")
    with run_server(folder, WEB_CONCURRENCY="2", STRIPE_API_BASE=stripe.url) as server:
        yield server


@pytest.fixture
def reader(register, shop, stripe, settings):
    settings.STRIPE_API_BASE = stripe.url
    provider = PaymentProviderFactory(tenant=shop, stripe=True)
    return CardReaderFactory(register=register, provider=provider, provider_reader_id=READER)


def is_killed_by(server, till, path, body, step):
    person = connect_to_server(server, type(till)(till.user, till.register))
    try:
        response = person.post(path, body, **{DIE_BEFORE: str(step)})
    except OSError:
        return True
    assert response.status_code in {200, 201}
    return False


def let_time_pass(shop):
    with tenant_scope(shop):
        for model in (Payment, Payout):
            waiting = model.objects.filter(status__in=("pending", "unknown"))
            waiting.update(
                created_at=timezone.now() - timedelta(minutes=3), next_look_up_at=timezone.now()
            )


@pytest.mark.usefixtures("reader")
@pytest.mark.parametrize("presents", [True, False], ids=["card", "no card"])
def test_reader_payment_ends_after_a_crash_before_any_step(
    presents, stripe, stripe_till, till, make_product, shop
):
    product = make_product("2.50", stock="1000")
    for step in range(1, MAX_STEPS):
        stripe.intents.clear()
        order = till.order(line(product, "2"), payments=[card("5.00")])

        was_killed = is_killed_by(stripe_till, till, "orders/", order, step)
        action = stripe.readers[READER]["action"]
        is_at_reader = action is not None and action["status"] == "in_progress"
        if is_at_reader:
            stripe.present_card() if presents else stripe.decline_card()
        let_time_pass(shop)
        relay_all()

        is_paid = is_at_reader and presents
        ensure_ended(shop, order, is_paid, step)
        intents = [each["status"] for each in stripe.intents.values()]
        assert intents in ([], ["succeeded" if is_paid else "canceled"]), step
        if not was_killed:
            break
    assert 10 < step < MAX_STEPS - 1
    ensure_invariants(shop)


@pytest.mark.usefixtures("reader")
def test_cancellation_at_the_reader_ends_after_a_crash_before_any_step(
    stripe, stripe_till, till, make_product, shop
):
    """If the process dies before the reader is stopped, the customer's card is declined there."""
    product = make_product("2.50", stock="1000")
    for step in range(1, MAX_STEPS):
        stripe.intents.clear()
        order = till.sold(line(product, "2"), payments=[card("5.00")])
        path = f"payments/{order['payments'][0]['id']}/cancel/"

        was_killed = is_killed_by(stripe_till, till, path, None, step)
        action = stripe.readers[READER]["action"]
        if action is not None and action["status"] == "in_progress":
            stripe.decline_card()
        let_time_pass(shop)
        relay_all()

        with tenant_scope(shop):
            payment = Payment.objects.select_related("order").get(order=order["id"])
        assert payment.status in {"canceled", "declined"}, step
        assert payment.order.status == "open", step
        assert [each["status"] for each in stripe.intents.values()] == ["canceled"], step
        if not was_killed:
            break
    assert 5 < step < MAX_STEPS - 1
    ensure_invariants(shop)


@pytest.fixture
def sell_by_interac_card(managers_till, make_product, stripe, reader):
    """`sell_by_interac_card()`: sell in Canada, where the card is presented again for a refund."""
    shop, product = reader.tenant, make_product("2.50", stock="1000")
    shop.currency = "CAD"
    shop.save_changes("currency")

    def sell():
        stripe.intents.clear()
        stripe.refunds.clear()
        order = managers_till.sold(line(product, "2"), payments=[card("5.00")])
        stripe.present_card(kind="interac_present")
        let_time_pass(shop)
        relay_all()
        return order

    return sell


@pytest.mark.parametrize("presents", [True, False], ids=["card", "no card"])
def test_refund_at_the_reader_ends_after_a_crash_before_any_step(
    presents, stripe, stripe_till, managers_till, sell_by_interac_card, shop
):
    """The reader is free afterwards, whether the card was refunded or not."""
    for step in range(1, MAX_STEPS):
        order = sell_by_interac_card()
        path, body = f"orders/{order['id']}/refunds/", {"id": new_id(), "reason": "broken"}
        was_killed = is_killed_by(stripe_till, managers_till, path, body, step)
        action = stripe.readers[READER]["action"]
        is_at_reader = action["type"] == "refund_payment" and action["status"] == "in_progress"
        if is_at_reader:
            stripe.present_card() if presents else stripe.decline_card()
        let_time_pass(shop)
        relay_all()

        is_refunded = is_at_reader and presents
        ensure_refund_ended(shop, order, is_refunded, step)
        assert len(stripe.refunds) == is_refunded, step
        if not was_killed:
            break
    assert 10 < step < MAX_STEPS - 1
    ensure_invariants(shop)


def test_cancellation_of_a_refund_ends_after_a_crash_before_any_step(
    stripe, stripe_till, managers_till, sell_by_interac_card, shop
):
    """If the process dies before the reader is stopped, the customer's card is declined there."""
    for step in range(1, MAX_STEPS):
        order = sell_by_interac_card()
        refund = create_refund(managers_till, order)

        path = f"refunds/{refund['id']}/cancel/"
        was_killed = is_killed_by(stripe_till, managers_till, path, None, step)
        action = stripe.readers[READER]["action"]
        if action is not None and action["status"] == "in_progress":
            stripe.decline_card()
        let_time_pass(shop)
        relay_all()

        ensure_refund_ended(shop, order, False, step)
        assert stripe.refunds == {}, step
        if not was_killed:
            break
    assert 5 < step < MAX_STEPS - 1
    ensure_invariants(shop)


def ensure_refund_ended(shop, order, is_refunded, step):
    with tenant_scope(shop):
        found = [each.status for each in Refund.objects.filter(order=order["id"])]
    assert found == ["done" if is_refunded else "failed"] or not (found or is_refunded), step


def ensure_ended(shop, order, is_paid, step):
    with tenant_scope(shop):
        payments = Payment.objects.filter(order=order["id"]).select_related("order")
        found = [(each.status, each.order.status) for each in payments]
    expected = ("captured", "completed") if is_paid else ("declined", "open")
    assert found == [expected] or (found == [] and not is_paid), step
