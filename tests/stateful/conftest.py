"""Fixtures for state machines: the till of an admin, who has no limits."""

import pytest

from accounts.models import User
from tenants.models import Register
from tests.orders.conftest import make_product  # noqa: F401  (a fixture)
from tests.support.till import Till


@pytest.fixture
def admins_till(admin: User, register: Register) -> Till:
    return Till(admin, register)
