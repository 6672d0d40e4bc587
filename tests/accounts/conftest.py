"""People beside the usual cast, and a clock."""

import pytest
import time_machine

from tests.factories.accounts import UserFactory
from tests.support import rate_limits, redis_server
from tests.support.terminals import PinPad
from tests.support.token_refresh import MORNING


@pytest.fixture
def clock():
    """Eight in the morning, until somebody moves it."""
    with time_machine.travel(MORNING, tick=False) as traveller:
        yield traveller


@pytest.fixture
def other_cashier(shop):
    return UserFactory(tenant=shop, username="c2")


@pytest.fixture
def other_manager(shop):
    return UserFactory(tenant=shop, username="mgr2", manager=True)


@pytest.fixture
def other_admin(shop):
    return UserFactory(tenant=shop, username="adm2", admin=True)


@pytest.fixture
def pin_pad(register, manager):
    """The PIN pad of a device that the manager has paired with the register."""
    return PinPad(register, manager)


@pytest.fixture(scope="session")
def redis_url():
    with redis_server.given_or_started() as url:
        yield url


@pytest.fixture
def private_redis():
    """A Redis that nobody else uses, to be stopped and started."""
    with redis_server.started() as server:
        yield server


@pytest.fixture
def hashes(settings, monkeypatch):
    """Counts the passwords that are looked at; start with `hashes.restart()`."""
    settings.PASSWORD_HASHERS = ["tests.support.rate_limits.CountingHasher"]
    fresh = rate_limits.Hashes()
    monkeypatch.setattr(rate_limits, "hashes", fresh)
    return fresh
