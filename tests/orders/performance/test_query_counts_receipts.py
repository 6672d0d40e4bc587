"""Number of SQL statements of receipts and of chain verification."""

import pytest
from django.db import connection

from orders.services.verification import verify_chains
from tenants.scope import tenant_scope
from tests.support.till import cash, line, new_id

pytestmark = pytest.mark.django_db(transaction=True)

SESSION = 1
# The order with store and users, its lines, its payments.
RECEIPT = 3
# The refund with its order, its lines, its payouts.
REFUND_RECEIPT = 3
# BEGIN, print counter, COMMIT; a copy is also audited.
ORIGINAL, COPY = 3, 4
# The registers; of each its series and entries; receipts, orders, lines and payments in batches;
# receipt profiles; entries after the last; documents without an entry or with two.
VERIFICATION = 1 + 2 + 4 + 1 + 1 + 8
FORMS = ["text", "html", "escpos"]


@pytest.fixture
def create_order(till, make_product):
    """`create_order(5)`: a sale of five lines."""

    def sell(count):
        lines = [line(make_product("1.00"), "2") for _ in range(count)]
        return till.sold(*lines, payments=[cash("1.00"), cash(f"{2 * count - 1}.00")])

    return sell


@pytest.mark.parametrize("count", [1, 5])
def test_json_receipt_statement_count(till, create_order, count, django_assert_num_queries):
    path = f"orders/{create_order(count)['id']}/receipt/"

    with django_assert_num_queries(SESSION + RECEIPT):
        assert till.get(path).status_code == 200


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("count", [1, 5])
def test_printed_receipt_and_copy_statement_counts(
    till, create_order, count, form, django_assert_num_queries
):
    path = f"orders/{create_order(count)['id']}/receipt/"

    with django_assert_num_queries(SESSION + RECEIPT + ORIGINAL):
        assert till.get(path, {"format": form}).status_code == 200
    with django_assert_num_queries(SESSION + RECEIPT + COPY):
        assert till.get(path, {"format": form}).status_code == 200


@pytest.mark.parametrize("count", [1, 5])
def test_refund_receipt_statement_counts(
    till, manager_client, create_order, count, django_assert_num_queries
):
    order = create_order(count)
    body = {"id": new_id(), "reason": "broken"}
    refund = manager_client.post(f"orders/{order['id']}/refunds/", body).json()
    path = f"refunds/{refund['id']}/receipt/"

    with django_assert_num_queries(SESSION + REFUND_RECEIPT):
        assert till.get(path).status_code == 200
    with django_assert_num_queries(SESSION + REFUND_RECEIPT + ORIGINAL):
        assert till.get(path, {"format": "text"}).status_code == 200


@pytest.mark.parametrize("count", [1, 5])
def test_chain_verification_statement_count(shop, create_order, count, django_assert_num_queries):
    for _ in range(count):
        create_order(count)
    in_transaction = 2 if connection.vendor == "postgresql" else 0

    with django_assert_num_queries(VERIFICATION + in_transaction), tenant_scope(shop):
        assert list(verify_chains()) == []
