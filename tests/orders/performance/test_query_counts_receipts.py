"""How often a receipt asks the database, to the statement, however long it is."""

import pytest
from django.db import connection

from orders.services.verification import verify_chains
from tenants.scope import tenant_scope
from tests.support.till import cash, line, new_id

pytestmark = pytest.mark.django_db(transaction=True)

SESSION = 1
# The order with its places and people, its lines, its payments.
RECEIPT = 3
# The refund with its sale, its lines, its payouts.
REFUND_RECEIPT = 3
# BEGIN, one more print, COMMIT; of a copy the audit trail hears.
COUNTED, COPIED = 3, 4
# The registers; of one its series and entries; receipts, orders, lines and payments of some hundred
# entries; what stands beyond the end; what was never sealed, or twice.
WALK = 1 + 2 + 4 + 1 + 5
FORMS = ["text", "html", "escpos"]


@pytest.fixture
def order_of(till, make_product):
    """`order_of(5)`: a sale of five lines."""

    def sell(count):
        lines = [line(make_product("1.00"), "2") for _ in range(count)]
        return till.sold(*lines, payments=[cash("1.00"), cash(f"{2 * count - 1}.00")])

    return sell


@pytest.mark.parametrize("count", [1, 5])
def test_a_receipt_as_data(till, order_of, count, django_assert_num_queries):
    path = f"orders/{order_of(count)['id']}/receipt/"

    with django_assert_num_queries(SESSION + RECEIPT):
        assert till.get(path).status_code == 200


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("count", [1, 5])
def test_a_receipt_on_paper(till, order_of, count, form, django_assert_num_queries):
    path = f"orders/{order_of(count)['id']}/receipt/"

    with django_assert_num_queries(SESSION + RECEIPT + COUNTED):
        assert till.get(path, {"format": form}).status_code == 200
    with django_assert_num_queries(SESSION + RECEIPT + COPIED):
        assert till.get(path, {"format": form}).status_code == 200


@pytest.mark.parametrize("count", [1, 5])
def test_a_refunds_receipt(till, manager_client, order_of, count, django_assert_num_queries):
    order = order_of(count)
    body = {"id": new_id(), "reason": "broken"}
    back = manager_client.post(f"orders/{order['id']}/refunds/", body).json()
    path = f"refunds/{back['id']}/receipt/"

    with django_assert_num_queries(SESSION + REFUND_RECEIPT):
        assert till.get(path).status_code == 200
    with django_assert_num_queries(SESSION + REFUND_RECEIPT + COUNTED):
        assert till.get(path, {"format": "text"}).status_code == 200


@pytest.mark.parametrize("count", [1, 5])
def test_a_walk_along_the_chain(shop, order_of, count, django_assert_num_queries):
    for _ in range(count):
        order_of(count)
    in_transaction = 2 if connection.vendor == "postgresql" else 0

    with django_assert_num_queries(WALK + in_transaction), tenant_scope(shop):
        assert list(verify_chains()) == []
