"""Audit events of payment providers and card readers."""

from decimal import Decimal

from orders.gateways import Answer, Outcome
from orders.models import CardReader, PaymentProvider
from orders.services.payments.capture import record_gateway_answer, return_late_capture
from orders.services.reconciliation import LateCaptureReturn
from tests.factories.card_readers import (
    SECRET_KEY,
    CardReaderFactory,
    PaymentProviderFactory,
)
from tests.factories.orders import OrderLineFactory, PaymentFactory
from tests.support.audit_table.scene import ExpectedEvent, row
from tests.support.gateway import DECLINED

CAPTURED = Answer(Outcome.CAPTURED, reference="gw-1")
STRIPE = {"name": "Stripe", "kind": "stripe_terminal", "credentials": {"secret_key": SECRET_KEY}}


@row("payment_provider_added")
def payment_provider_added(scene):
    made = scene.post("payment-providers/", STRIPE)
    facts = {"kind": "stripe_terminal"}
    return ExpectedEvent(scene.admin, scene.row(PaymentProvider, made["id"]), facts)


@row("payment_provider_changed")
def payment_provider_changed(scene):
    """The event names the new credentials and does not contain them."""
    made = scene.post("payment-providers/", STRIPE)
    change = {"name": "Second", "credentials": {"webhook_secret": "whsec_another_one"}}
    scene.done("PATCH", f"payment-providers/{made['id']}/", change)
    facts = {
        "changes": {"name": {"from": "Stripe", "to": "Second"}},
        "credentials": ["webhook_secret"],
    }
    return ExpectedEvent(scene.admin, scene.row(PaymentProvider, made["id"]), facts)


@row("card_reader_added")
def card_reader_added(scene):
    provider = PaymentProviderFactory(tenant=scene.shop)
    body = {"name": "R", "provider": str(provider.pk), "register": str(scene.till.register.pk)}
    made = scene.post("card-readers/", body)
    facts = {"register": str(scene.till.register)}
    return ExpectedEvent(scene.admin, scene.row(CardReader, made["id"]), facts)


@row("card_reader_changed")
def card_reader_changed(scene):
    reader = CardReaderFactory(register=scene.till.register)
    scene.done("PATCH", f"card-readers/{reader.pk}/", {"is_active": False})
    changes = {"is_active": {"from": True, "to": False}}
    return ExpectedEvent(scene.admin, reader, {"changes": changes})


@row("captured_after_declined")
def captured_after_declined(scene):
    """Found by a look-up or an event of the provider, after the till has shown another outcome."""
    order, payment = create_declined_payment(scene)
    with scene.in_shop():
        record_gateway_answer(payment, CAPTURED, by=scene.admin)
    facts = {"payment": str(payment.pk), "amount": "2.50"}
    return ExpectedEvent(None, order, facts)


@row("late_capture_returned")
def late_capture_returned(scene):
    return return_late_capture_of_declined(scene, "2.50")


@row("late_capture_not_returned")
def late_capture_not_returned(scene):
    # Neither the look-up nor the request itself returns the money.
    scene.gateway.returns = [DECLINED, DECLINED]
    return return_late_capture_of_declined(scene, "2.50")


@row("late_capture_stays_unknown")
def late_capture_stays_unknown(scene):
    order, payment = create_declined_payment(scene)
    with scene.in_shop():
        LateCaptureReturn().give_up(payment)
    facts = {"late_capture": str(payment.pk), "amount": "2.50"}
    return ExpectedEvent(None, order, facts)


def return_late_capture_of_declined(scene, amount):
    order, payment = create_declined_payment(scene, amount)
    with scene.in_shop():
        record_gateway_answer(payment, CAPTURED, by=scene.admin)
        return_late_capture(payment)
    return ExpectedEvent(None, order, {"payment": str(payment.pk), "amount": amount})


def create_declined_payment(scene, amount="2.50"):
    line = OrderLineFactory(order__register=scene.till.register, order__cashier=scene.admin)
    payment = PaymentFactory(
        order=line.order, status="declined", amount=Decimal(amount), entry="gateway"
    )
    return line.order, payment
