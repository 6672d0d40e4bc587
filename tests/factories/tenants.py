"""Factories of tenants, stores, registers, idempotency keys and outbox rows."""

import uuid
from secrets import token_hex
from typing import Any

import factory

from tenants.encryption import encrypt
from tenants.models import (
    IdempotencyKey,
    OutboxDelivery,
    OutboxEvent,
    Register,
    Store,
    Tenant,
    Webhook,
)
from tenants.scope import tenant_scope


class TenantFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = Tenant

    slug = factory.Sequence("shop-{}".format)
    name = factory.Sequence("Shop {}".format)
    currency = "EUR"
    timezone = "Europe/Berlin"
    country = "DE"
    # Most tests need no shifts.
    shifts_required = False


class OwnedFactory(factory.django.DjangoModelFactory):
    """Base factory of rows with a tenant; creates them in the scope of the tenant."""

    class Meta:
        abstract = True
        skip_postgeneration_save = True

    tenant: Any = factory.SubFactory(TenantFactory)

    @classmethod
    def _create(cls, model_class: Any, *args: Any, **kwargs: Any) -> Any:
        with tenant_scope(kwargs["tenant"]):
            return super()._create(model_class, *args, **kwargs)


class StoreFactory(OwnedFactory):
    class Meta:
        model = Store

    name = factory.Sequence("Store {}".format)


class RegisterFactory(OwnedFactory):
    class Meta:
        model = Register

    store = factory.SubFactory(StoreFactory, tenant=factory.SelfAttribute("..tenant"))
    # Different from "Till 1", number 1, and other names in tests.
    name = factory.Sequence("Counter {}".format)
    number = factory.Sequence(lambda n: n + 100)


class IdempotencyKeyFactory(OwnedFactory):
    """Create the key of a POST to `stores/`; `user` is an id."""

    class Meta:
        model = IdempotencyKey

    user = factory.Faker("uuid4")
    method = "POST"
    path = "/api/v1/stores/"
    key = factory.Sequence("key-{}".format)
    status = 201
    body = "{}"


class OutboxEventFactory(OwnedFactory):
    """Create an event that the relay has not processed."""

    class Meta:
        model = OutboxEvent

    topic = "test.happened"
    subject_type = "store"
    subject = factory.LazyFunction(uuid.uuid4)


class OutboxDeliveryFactory(OwnedFactory):
    class Meta:
        model = OutboxDelivery

    event = factory.SubFactory(OutboxEventFactory)
    tenant = factory.SelfAttribute("event.tenant")
    subscriber = "sales_log"


class WebhookFactory(OwnedFactory):
    """Create a webhook at a public address that no test calls."""

    class Meta:
        model = Webhook

    url = factory.Sequence("https://hook.example/{}".format)
    events = ["*"]

    sealed_secret = factory.LazyFunction(lambda: encrypt(f"whsec_{token_hex(16)}"))
