"""Factories of payment providers and card readers."""

import factory

from orders.models import CardReader, PaymentProvider
from tenants.encryption import encrypt
from tests.factories.tenants import OwnedFactory, RegisterFactory

SECRET_KEY = "sk_test_51_a_key_of_the_tests"
WEBHOOK_SECRET = "whsec_a_secret_of_the_tests"


class PaymentProviderFactory(OwnedFactory):
    """Create a simulator, or with `stripe=True` an account at Stripe."""

    class Meta:
        model = PaymentProvider

    class Params:
        stripe = factory.Trait(
            kind=PaymentProvider.Kind.STRIPE_TERMINAL,
            sealed_secret_key=factory.LazyFunction(lambda: encrypt(SECRET_KEY)),
            sealed_webhook_secret=factory.LazyFunction(lambda: encrypt(WEBHOOK_SECRET)),
        )

    kind = PaymentProvider.Kind.SIMULATOR
    name = factory.Sequence("Provider {}".format)


class CardReaderFactory(OwnedFactory):
    """Create a reader of a simulator, or with `provider__stripe=True` of Stripe."""

    class Meta:
        model = CardReader

    register = factory.SubFactory(RegisterFactory)
    tenant = factory.SelfAttribute("register.tenant")
    provider = factory.SubFactory(PaymentProviderFactory, tenant=factory.SelfAttribute("..tenant"))
    name = factory.Sequence("Reader {}".format)
