import pytest

from tests.factories.orders import StoreCreditFactory


@pytest.fixture
def credit(shop):
    """Return a store credit of 10.00."""
    return StoreCreditFactory(tenant=shop, code="ABCD-EFGH-JKLM")
