"""Stores and registers for tests of both."""

import pytest

from tenants.models import Register, Store
from tenants.scope import across_tenants

each_kind = pytest.mark.parametrize("kind", ["stores", "registers"])


def snapshot_stores() -> list[dict]:
    """Return all columns of all stores and registers, to check that nothing changed."""
    with across_tenants():
        return [*Store.objects.order_by("pk").values(), *Register.objects.order_by("pk").values()]
