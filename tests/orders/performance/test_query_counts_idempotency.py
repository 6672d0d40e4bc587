"""What a key costs, in statements: nothing where there is none, and little where there is one.

Counted with BEGIN and COMMIT, beside the same request without a key.
"""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from tests.support.till import card, cash, line

pytestmark = pytest.mark.django_db(transaction=True)

# The key comes in the message of the sale's other rows; only its answer comes later.
SALE = {"postgresql": 1, "sqlite": 2}
# A lock, a look and a row; on SQLite the transaction is the lock.
RESOURCE = {"postgresql": 3, "sqlite": 4}


def asked(call):
    """How often a request asks the database."""
    with CaptureQueriesContext(connection) as captured:
        response = call()
    assert response.status_code in {200, 201}, response.content
    return len(captured)


@pytest.fixture(autouse=True)
def after_the_first_sale(till, make_product):
    """The first sale of a shop and of a register asks a little more."""
    till.sold(line(make_product("1.00")), payments=[cash("1.00")])


@pytest.mark.parametrize("count", [1, 5])
@pytest.mark.parametrize("pay", [cash, card, None])
def test_a_sale_under_a_key(till, make_product, count, pay):
    products = [make_product("1.00") for _ in range(count)]
    bodies = [
        till.order(*map(line, products), payments=[pay(f"{count}.00")] if pay else [])
        for _ in range(2)
    ]

    without = asked(lambda: till.post("orders/", bodies[0]))
    with_key = asked(lambda: till.post("orders/", bodies[1], Idempotency_Key="k"))

    assert with_key - without == SALE[connection.vendor]


def test_a_payment_under_a_key(till, make_product):
    orders = [till.sold(line(make_product("1.00"))) for _ in range(2)]

    without = asked(lambda: till.pay(orders[0], cash("1.00")))
    with_key = asked(lambda: till.pay(orders[1], cash("1.00"), Idempotency_Key="k"))

    assert with_key - without == SALE[connection.vendor]


def test_a_plain_resource_under_a_key(manager_client):
    without = asked(lambda: manager_client.post("categories/", {"name": "A"}))
    with_key = asked(lambda: manager_client.post("categories/", {"name": "B"}, Idempotency_Key="k"))
    again = asked(lambda: manager_client.post("categories/", {"name": "B"}, Idempotency_Key="k"))

    assert with_key - without == RESOURCE[connection.vendor]
    # Who asks, a transaction, and the lock and the look in it.
    assert again == {"postgresql": 5, "sqlite": 4}[connection.vendor]
