"""More users, a clock and servers for tests of accounts."""

import pytest
import time_machine

from tests.factories.accounts import UserFactory
from tests.support import rate_limits, redis_server
from tests.support.terminals import PairedTerminal
from tests.support.token_refresh import MORNING


@pytest.fixture
def clock():
    """Stop the clock at eight in the morning; move it with `clock.shift(...)`."""
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
    """Return the client of a terminal that the manager has paired with the register."""
    return PairedTerminal(register, manager)


@pytest.fixture(scope="session")
def redis_url():
    with redis_server.given_or_started() as url:
        yield url


@pytest.fixture
def private_redis():
    """Start a Redis server for one test, which may stop and start it."""
    with redis_server.started() as server:
        yield server


@pytest.fixture
def hashes(settings, monkeypatch):
    """Count the password hashes that are computed; start with `hashes.restart()`."""
    settings.PASSWORD_HASHERS = ["tests.support.rate_limits.CountingHasher"]
    fresh = rate_limits.Hashes()
    monkeypatch.setattr(rate_limits, "hashes", fresh)
    return fresh
