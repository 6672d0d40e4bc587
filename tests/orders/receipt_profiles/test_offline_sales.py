"""Receipt profiles of offline sales: the version at the time of the sale."""

import pytest

from orders.models import Receipt
from tenants.scope import tenant_scope
from tests.orders.documents.test_verify_chain import INTACT, run_verify_chain
from tests.support.offline import ago, build_offline_line, build_offline_sale, upload_one_booked
from tests.support.receipt_profiles import create_profile

pytestmark = [pytest.mark.once, pytest.mark.django_db]
__all__ = ["run_verify_chain"]


@pytest.fixture
def upload_sale(till, make_product, shop):
    """Return a function that uploads a sale and returns its receipt."""
    product = make_product("2.50")

    def run(sold_at):
        sale = build_offline_sale(1, build_offline_line(product), sold_at=sold_at)
        order = upload_one_booked(till, sale)
        with tenant_scope(shop):
            return Receipt.objects.get(order=order["id"])

    return run


def test_receipt_has_the_version_that_was_current_at_the_sale(
    upload_sale, store, manager, run_verify_chain
):
    first = create_profile(store, manager)
    sold_at = ago(seconds=0)
    create_profile(store, manager, return_policy="No returns")

    assert upload_sale(sold_at).profile_id == first.pk
    assert run_verify_chain() == (INTACT, 0)


def test_receipt_of_a_sale_before_the_first_version_has_none(
    upload_sale, store, manager, run_verify_chain
):
    create_profile(store, manager)

    assert upload_sale(ago(minutes=1)).profile_id is None
    assert run_verify_chain() == (INTACT, 0)


@pytest.mark.parametrize("days", [40, -1])
def test_receipt_has_the_current_version_if_the_clock_was_wrong(upload_sale, store, manager, days):
    create_profile(store, manager)
    second = create_profile(store, manager, return_policy="No returns")

    assert upload_sale(ago(days=days)).profile_id == second.pk
