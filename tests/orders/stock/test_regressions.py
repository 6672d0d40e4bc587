"""What users of other tills suffer from with their stock, and must not suffer from here."""

import pytest

from orders.models import StockMovement
from orders.services.stock.consistency import find_stock_differences
from tenants.scope import tenant_scope
from tests.support.gateway import DECLINED, TIMED_OUT
from tests.support.parallel import run_concurrently, statuses
from tests.support.till import (
    card,
    cash,
    ensure_books_balance,
    get_stock_level,
    line,
    resolve_payment,
)


def kinds_of_movement(shop):
    with tenant_scope(shop):
        movements = StockMovement.objects.exclude(type="receive").order_by("created_at", "id")
        return [(each.type, each.quantity) for each in movements]


def test_stock_moves_with_the_sale(till, stockroom, product, shop, problem):
    """Pain 14: elsewhere stock only moves when the shift is closed, and more is sold than there is.

    Here the goods leave in the transaction of the sale: whoever asks next sees what is left.
    """
    order = till.sold(line(product, "8"), payments=[cash("20.00")])

    (level,) = stockroom.get("stock/").json()["results"]
    assert (level["quantity"], level["available"]) == ("2", "2")
    (sold,) = stockroom.found(order=order["id"])
    assert (sold["type"], sold["quantity"], sold["by"]) == ("sale", "-8", order["cashier"])
    refused = problem(
        till.sell(line(product, "3"), payments=[cash("7.50")]), 409, "insufficient_stock"
    )
    assert refused["short"][0]["available"] == "2"
    problem(stockroom.move("waste", product, "3"), 409, "insufficient_stock")
    assert stockroom.level(product) == 2
    ensure_books_balance(shop)


def test_what_somebody_is_paying_for_is_nobody_elses(till, stockroom, product, gateway, problem):
    """Pain 14 again: goods are kept from the moment at which a card is asked for them."""
    gateway.answers = [TIMED_OUT]
    till.sold(line(product, "9"), payments=[card("22.50")])

    response = till.sell(line(product, "2"), payments=[cash("5.00")])

    assert problem(response, 409, "insufficient_stock")["short"][0]["available"] == "1"
    assert get_stock_level(product, stockroom.store) == (10, 9)


@pytest.mark.race
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("payment", [cash, card])
def test_the_last_item_is_sold_once(tills, stockroom, make_product, shop, payment):
    """Pain 15: elsewhere two tills that look at the same moment both sell the last one."""
    product = make_product("1.00", stock="1")

    answers = run_concurrently(
        [
            lambda till=till: till.sell(line(product), payments=[payment("1.00")])
            for till in tills * 2
        ]
    )

    assert statuses(answers) == {201: 1, 409: 7}
    assert get_stock_level(product, stockroom.store) == (0, 0)
    ensure_books_balance(shop)


def test_a_void_brings_nothing_back_that_never_left(till, stockroom, product, shop):
    """Pain 16: elsewhere an order that is voided and then deleted is put back twice.

    Here goods leave with a completed sale alone, which cannot be voided; so a void puts nothing
    back, however often it is asked for.
    """
    order = till.sold(line(product, "4"))

    for _ in range(2):
        stockroom.post(f"orders/{order['id']}/void/", {"reason": "Changed their mind"})

    assert get_stock_level(product, stockroom.store) == (10, 0)
    assert kinds_of_movement(shop) == []


def test_a_completed_sale_is_not_voided(till, stockroom, product, shop):
    """Pain 16 again: what was sold comes back by a refund, which is a movement that one can see."""
    order = till.sold(line(product, "4"), payments=[cash("10.00")])

    response = stockroom.post(f"orders/{order['id']}/void/", {"reason": "Wrong"})

    assert response.status_code == 409
    assert stockroom.level(product) == 6
    assert kinds_of_movement(shop) == [("sale", -4)]


def test_what_was_kept_for_a_card_is_let_go_once(till, stockroom, product, shop, gateway, problem):
    """Pain 16 again: a refused card whose answer is asked for twice gives the goods free once."""
    gateway.answers, gateway.found = [TIMED_OUT, TIMED_OUT], [DECLINED]
    first = till.sold(line(product, "4"), payments=[card("10.00")])
    till.sold(line(product, "3"), payments=[card("7.50")])

    assert resolve_payment(stockroom, first).status_code == 200
    problem(resolve_payment(stockroom, first), 409, "payment_settled")
    stockroom.post(f"orders/{first['id']}/void/", {"reason": "Refused"})

    assert get_stock_level(product, stockroom.store) == (10, 3)
    with tenant_scope(shop):
        assert list(find_stock_differences(shop)) == []
