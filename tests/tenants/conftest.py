"""Fixtures for tests of stores, registers and webhooks."""

import pytest
import time_machine
from django.utils import timezone

from tests.support import webhook_server


@pytest.fixture
def bodies(store):
    """Return the body of a new store and of a new register."""
    return {
        "stores": {"name": "New"},
        "registers": {"name": "New", "store": str(store.pk)},
    }


@pytest.fixture
def places(store, register):
    return {"stores": store, "registers": register}


@pytest.fixture
def webhook_receiver(settings):
    """Start a local webhook receiver and allow requests to it."""
    settings.WEBHOOKS_TO_PRIVATE_ADDRESSES = True
    with webhook_server.run_webhook_receiver() as webhook_receiver:
        yield webhook_receiver


@pytest.fixture
def subscribed_webhook(shop, webhook_receiver):
    """Create a webhook of the shop that receives all events."""
    return webhook_server.create_webhook(shop, webhook_receiver.url)


@pytest.fixture
def running_clock():
    with time_machine.travel(timezone.now(), tick=True) as traveller:
        yield traveller
