"""An admin at work on stores and registers."""

import pytest


@pytest.fixture
def office(admin, client_of):
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
