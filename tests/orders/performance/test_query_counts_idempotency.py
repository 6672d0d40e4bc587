"""Additional SQL statements of a request with an idempotency key; BEGIN and COMMIT are counted."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from tests.support.till import card, cash, line

pytestmark = pytest.mark.django_db(transaction=True)

# The key is inserted with the other rows of the sale; only its response is stored separately.
SALE = {"postgresql": 1, "sqlite": 2}
# A lock, a query and an insert; on SQLite the transaction is the lock.
RESOURCE = {"postgresql": 3, "sqlite": 4}


def count_queries(call):
    """Return the number of statements of the call."""
    with CaptureQueriesContext(connection) as captured:
        response = call()
    assert response.status_code in {200, 201}, response.content
    return len(captured)


@pytest.fixture(autouse=True)
def after_the_first_sale(till, make_product):
    """Make the first sale of the shop and the register, which runs more statements."""
    till.sold(line(make_product("1.00")), payments=[cash("1.00")])


@pytest.mark.parametrize("count", [1, 5])
@pytest.mark.parametrize("pay", [cash, card, None])
def test_sale_with_key_statement_count(till, make_product, count, pay):
    products = [make_product("1.00") for _ in range(count)]
    bodies = [
        till.order(*map(line, products), payments=[pay(f"{count}.00")] if pay else [])
        for _ in range(2)
    ]

    without = count_queries(lambda: till.post("orders/", bodies[0]))
    with_key = count_queries(lambda: till.post("orders/", bodies[1], Idempotency_Key="k"))

    assert with_key - without == SALE[connection.vendor]


def test_payment_with_key_statement_count(till, make_product):
    orders = [till.sold(line(make_product("1.00"))) for _ in range(2)]

    without = count_queries(lambda: till.pay(orders[0], cash("1.00")))
    with_key = count_queries(lambda: till.pay(orders[1], cash("1.00"), Idempotency_Key="k"))

    assert with_key - without == SALE[connection.vendor]


def test_category_with_key_statement_count(manager_client):
    without = count_queries(lambda: manager_client.post("categories/", {"name": "A"}))
    with_key = count_queries(
        lambda: manager_client.post("categories/", {"name": "B"}, Idempotency_Key="k")
    )
    again = count_queries(
        lambda: manager_client.post("categories/", {"name": "B"}, Idempotency_Key="k")
    )

    assert with_key - without == RESOURCE[connection.vendor]
    # Session, transaction, lock and query.
    assert again == {"postgresql": 5, "sqlite": 4}[connection.vendor]
