"""Tills of an admin, whom no limit stops, and goods for them."""

import pytest

from accounts.models import User
from tenants.models import Register
from tests.orders.conftest import make_product  # noqa: F401  (a fixture)
from tests.support.till import Till


@pytest.fixture
def admins_till(admin: User, register: Register) -> Till:
    return Till(admin, register)
