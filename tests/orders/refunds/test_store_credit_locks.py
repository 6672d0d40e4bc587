"""Lock order of store credits: no deadlocks."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from tests.factories.orders import StoreCreditFactory
from tests.orders.stock.test_stock_races import count_deadlocks
from tests.support.gateway import CAPTURED
from tests.support.parallel import run_concurrently, statuses
from tests.support.refunds import (
    credit_payment,
    ensure_refunds_consistent,
    request_refund,
)
from tests.support.till import card, line

# FIRST_AS_TYPED is normalized to FIRST, but sorts after SECOND before that.
FIRST, FIRST_AS_TYPED, SECOND = "AAAA-1111", "\uff21AAA-1111", "BBBB-2222"


def find_writes(call, table, verb="UPDATE"):
    """Return the positions of the statements that write to a table, and all statements."""
    with CaptureQueriesContext(connection) as captured:
        response = call()
    assert response.status_code in {200, 201}, response.content
    statements = [each["sql"] for each in captured]
    return [at for at, each in enumerate(statements) if each.startswith(f'{verb} "{table}"')], (
        statements
    )


@pytest.mark.view_only("reads the statements of the view")
@pytest.mark.parametrize("codes", [(FIRST, SECOND), (SECOND, FIRST), (SECOND, FIRST_AS_TYPED)])
def test_store_credits_are_locked_in_the_order_of_their_normalized_codes(
    codes, till, make_product, shop
):
    for code in (FIRST, SECOND):
        StoreCreditFactory(tenant=shop, code=code)
    payments = [credit_payment("1.00", code) for code in codes]
    product = make_product("2.00")

    _, statements = find_writes(
        lambda: till.sell(line(product), payments=payments), "orders_storecredit"
    )

    locks = [each for each in statements if 'FROM "orders_storecredit"' in each]
    assert [FIRST in each for each in locks] == [True, False]


def test_refund_and_cancellation_lock_the_register_before_the_store_credit(
    till, manager_client, make_product, shop, credit, gateway
):
    product = make_product("4.00")
    gateway.answers = [CAPTURED]
    paid = till.sold(line(product), payments=[card("3.00"), credit_payment("1.00", credit.code)])
    half = till.sold(line(product), payments=[credit_payment("1.00", credit.code)])
    payment = half["payments"][0]["id"]
    gateway.returns = [CAPTURED]
    for call in (
        lambda: manager_client.post(f"payments/{payment}/cancel/"),
        lambda: request_refund(manager_client, paid),
    ):
        places, statements = find_writes(call, "orders_storecredit")
        begun = max(
            (
                at
                for at, each in enumerate(statements)
                if "gateway_reference" in each[:400] and each.startswith('UPDATE "orders_payout"')
            ),
            default=0,
        )
        series = [
            at
            for at, each in enumerate(statements)
            if "orders_registerseries" in each and at > begun
        ]
        assert series[0] < places[0]


@pytest.mark.race
@pytest.mark.django_db(transaction=True)
def test_concurrent_store_credit_sales_refunds_and_cancellations_do_not_deadlock(
    tills, manager_client, make_product, shop
):
    """The sales use two credits in either order."""
    for code in (FIRST, SECOND):
        StoreCreditFactory(tenant=shop, code=code, balance=1000)
    product = make_product("2.00", stock="1000")
    till = tills[0]

    def sell(*codes):
        payments = [credit_payment("1.00", code) for code in codes]
        return till.sell(line(product), payments=payments)

    done = [sell(FIRST, SECOND).json() for _ in range(4)]
    halves = [till.sold(line(product), payments=[credit_payment("1.00", SECOND)]) for _ in range(4)]
    before = count_deadlocks()

    answers = run_concurrently(
        [
            *[
                lambda codes=codes: sell(*codes)
                for codes in ((SECOND, FIRST_AS_TYPED), (FIRST, SECOND)) * 4
            ],
            *[lambda order=order: request_refund(manager_client, order) for order in done],
            *[
                lambda order=order: manager_client.post(
                    f"payments/{order['payments'][0]['id']}/cancel/"
                )
                for order in halves
            ],
        ]
    )

    assert statuses(answers) == {201: 12, 200: 4}
    assert count_deadlocks() == before
    ensure_refunds_consistent(shop)
