"""An admin at work on stores and registers, and a server that hears webhooks."""

import pytest
import time_machine
from django.utils import timezone

from tests.support import webhook_server


@pytest.fixture
def admin_client(admin, client_of):
    return client_of(admin)


@pytest.fixture
def bodies(store):
    """A new place of each kind."""
    return {
        "stores": {"name": "New"},
        "registers": {"name": "New", "store": str(store.pk)},
    }


@pytest.fixture
def places(store, register):
    return {"stores": store, "registers": register}


@pytest.fixture
def webhook_receiver(settings):
    """A server on this machine, and leave to call it."""
    settings.WEBHOOKS_TO_PRIVATE_ADDRESSES = True
    with webhook_server.run_webhook_receiver() as webhook_receiver:
        yield webhook_receiver


@pytest.fixture
def told(shop, webhook_receiver):
    """A webhook of the shop that hears everything."""
    return webhook_server.create_webhook(shop, webhook_receiver.url)


@pytest.fixture
def running_clock():
    with time_machine.travel(timezone.now(), tick=True) as traveller:
        yield traveller
