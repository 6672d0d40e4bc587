"""Statement counts of refunds, store credit and cancellations do not grow with lines."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from tests.support.gateway import TIMED_OUT
from tests.support.refunds import (
    create_refund,
    credit_payment,
    get_store_credit_code,
    request_refund,
    resolve_refund,
)
from tests.support.till import card, cash, line, new_id


@pytest.fixture
def sell(till, make_product):
    """`create(5, cash)`: sell two units each of five products for 1.00."""

    def create(count, pay=cash):
        lines = [line(make_product("1.00"), "2") for _ in range(count)]
        return till.sold(*lines, payments=[pay(f"{count * 2}.00")])

    return create


def count_queries(call):
    """Return the number of statements of the call, which must succeed."""
    with CaptureQueriesContext(connection) as queries:
        response = call()
    assert response.status_code in {200, 201}, response.content
    return len(queries)


def test_refund_statement_count_is_independent_of_lines(manager_client, sell, gateway):
    counts = []
    sell(1)
    for count in (1, 5):
        order, by_card = sell(count), sell(count, card)
        lines = [{"line": each["id"], "quantity": 1} for each in order["lines"]]
        some = [
            count_queries(
                lambda order=order, lines=lines: request_refund(manager_client, order, lines=lines)
            ),
            count_queries(lambda order=order: request_refund(manager_client, order, amount="0.50")),
            count_queries(
                lambda by_card=by_card: request_refund(manager_client, by_card, amount="0.50")
            ),
        ]
        gateway.returns = [TIMED_OUT]
        pending = create_refund(manager_client, by_card, amount="0.50")
        counts.append(
            [*some, count_queries(lambda pending=pending: resolve_refund(manager_client, pending))]
        )

    assert counts[0] == counts[1]


def test_store_credit_payment_and_cancellation_statement_count_is_independent_of_lines(
    till, manager_client, sell, make_product
):
    code = get_store_credit_code(create_refund(manager_client, sell(2), method="store_credit"))
    counts = []
    for count in (1, 5):
        order = till.sold(*[line(make_product("1.00")) for _ in range(count)])
        payment = credit_payment("0.50", code)
        spent = count_queries(lambda order=order, payment=payment: till.pay(order, payment))
        path = f"payments/{payment['id']}/cancel/"
        counts.append([spent, count_queries(lambda path=path: manager_client.post(path))])

    assert counts[0] == counts[1]


def test_list_statement_count_is_independent_of_row_count(till, manager_client, sell, statements):
    """Session, then rows; refunds also load lines and payouts."""
    for _ in range(2):
        create_refund(manager_client, sell(3), method="store_credit")
        manager_client.post("store-credits/", {"id": new_id(), "amount": "5.00"})

        with statements(4):
            assert till.get("refunds/").json()["results"]
        with statements(2):
            assert manager_client.get("store-credits/").json()["results"]
