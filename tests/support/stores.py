"""Stores and registers, for the tests of both."""

import pytest

from tenants.models import Register, Store
from tenants.scope import across_tenants

each_kind = pytest.mark.parametrize("kind", ["stores", "registers"])


def snapshot_stores() -> list[dict]:
    """Every column of every place, to see that nothing changed."""
    with across_tenants():
        return [*Store.objects.order_by("pk").values(), *Register.objects.order_by("pk").values()]
