"""Refunds, store credit and cancelations ask the database as often for many lines as for one."""

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
def sold(till, make_product):
    """`sold(5, cash)`: two each of so many products for 1.00."""

    def sell(count, pay=cash):
        lines = [line(make_product("1.00"), "2") for _ in range(count)]
        return till.sold(*lines, payments=[pay(f"{count * 2}.00")])

    return sell


def asked(call):
    """How often the call, which must be taken, asked the database."""
    with CaptureQueriesContext(connection) as queries:
        response = call()
    assert response.status_code in {200, 201}, response.content
    return len(queries)


def test_a_refund_asks_as_often_for_many_lines_as_for_one(manager_client, sold, gateway):
    counts = []
    sold(1)
    for count in (1, 5):
        order, by_card = sold(count), sold(count, card)
        lines = [{"line": each["id"], "quantity": 1} for each in order["lines"]]
        some = [
            asked(
                lambda order=order, lines=lines: request_refund(manager_client, order, lines=lines)
            ),
            asked(lambda order=order: request_refund(manager_client, order, amount="0.50")),
            asked(lambda by_card=by_card: request_refund(manager_client, by_card, amount="0.50")),
        ]
        gateway.returns = [TIMED_OUT]
        pending = create_refund(manager_client, by_card, amount="0.50")
        counts.append(
            [*some, asked(lambda pending=pending: resolve_refund(manager_client, pending))]
        )

    assert counts[0] == counts[1]


def test_so_do_spending_store_credit_and_canceling_that(till, manager_client, sold, make_product):
    code = get_store_credit_code(create_refund(manager_client, sold(2), method="store_credit"))
    counts = []
    for count in (1, 5):
        order = till.sold(*[line(make_product("1.00")) for _ in range(count)])
        payment = credit_payment("0.50", code)
        spent = asked(lambda order=order, payment=payment: till.pay(order, payment))
        path = f"payments/{payment['id']}/cancel/"
        counts.append([spent, asked(lambda path=path: manager_client.post(path))])

    assert counts[0] == counts[1]


def test_lists_ask_as_often_for_many_rows_as_for_few(till, manager_client, sold, statements):
    """Who asks; and the rows, of refunds with their lines and payouts."""
    for _ in range(2):
        create_refund(manager_client, sold(3), method="store_credit")
        manager_client.post("store-credits/", {"id": new_id(), "amount": "5.00"})

        with statements(4):
            assert till.get("refunds/").json()["results"]
        with statements(2):
            assert manager_client.get("store-credits/").json()["results"]
