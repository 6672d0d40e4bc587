"""Tills of an admin, whom no limit stops, and goods for them."""

import pytest

from accounts.models import User
from tenants.models import Register
from tests.orders.conftest import goods  # noqa: F401  (a fixture)
from tests.support.till import Till


@pytest.fixture
def chiefs_till(admin: User, register: Register) -> Till:
    return Till(admin, register)
