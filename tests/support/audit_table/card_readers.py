"""Audit events of payment providers and card readers."""

from orders.models import CardReader, PaymentProvider
from tests.factories.card_readers import (
    SECRET_KEY,
    CardReaderFactory,
    PaymentProviderFactory,
)
from tests.support.audit_table.scene import ExpectedEvent, row

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
