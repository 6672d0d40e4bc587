"""People beside the usual cast, and a clock."""

import pytest
import time_machine

from tests.accounts.refreshing import MORNING
from tests.factories.accounts import UserFactory


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
