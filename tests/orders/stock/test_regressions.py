"""Known stock problems of other point-of-sale systems."""

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


def list_movements(shop):
    with tenant_scope(shop):
        movements = StockMovement.objects.exclude(type="receive").order_by("created_at", "id")
        return [(each.type, each.quantity) for each in movements]


def test_sale_deducts_stock_immediately(till, stockroom, product, shop, problem):
    """Problem 14: elsewhere, stock changes only when the shift is closed, and too much is sold.

    Here the transaction of the sale deducts it.
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


def test_reserved_stock_is_not_available_to_others(till, stockroom, product, gateway, problem):
    """Problem 14: stock is reserved from the start of a card payment."""
    gateway.answers = [TIMED_OUT]
    till.sold(line(product, "9"), payments=[card("22.50")])

    response = till.sell(line(product, "2"), payments=[cash("5.00")])

    assert problem(response, 409, "insufficient_stock")["short"][0]["available"] == "1"
    assert get_stock_level(product, stockroom.store) == (10, 9)


@pytest.mark.race
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("payment", [cash, card])
def test_last_item_is_sold_once(tills, stockroom, make_product, shop, payment):
    """Problem 15: elsewhere, two terminals that read the same level both sell the last item."""
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


def test_void_returns_no_stock(till, stockroom, product, shop):
    """Problem 16: elsewhere, a voided and then deleted order restocks twice.

    Here only completed sales deduct stock, and those cannot be voided.
    """
    order = till.sold(line(product, "4"))

    for _ in range(2):
        stockroom.post(f"orders/{order['id']}/void/", {"reason": "Changed their mind"})

    assert get_stock_level(product, stockroom.store) == (10, 0)
    assert list_movements(shop) == []


def test_completed_sale_cannot_be_voided(till, stockroom, product, shop):
    """Problem 16: sold goods return by a refund, which has its own movement."""
    order = till.sold(line(product, "4"), payments=[cash("10.00")])

    response = stockroom.post(f"orders/{order['id']}/void/", {"reason": "Wrong"})

    assert response.status_code == 409
    assert stockroom.level(product) == 6
    assert list_movements(shop) == [("sale", -4)]


def test_reservation_of_a_declined_card_is_released_once(
    till, stockroom, product, shop, gateway, problem
):
    """Problem 16: the outcome of the card is requested twice."""
    gateway.answers, gateway.found = [TIMED_OUT, TIMED_OUT], [DECLINED]
    first = till.sold(line(product, "4"), payments=[card("10.00")])
    till.sold(line(product, "3"), payments=[card("7.50")])

    assert resolve_payment(stockroom, first).status_code == 200
    problem(resolve_payment(stockroom, first), 409, "payment_settled")
    stockroom.post(f"orders/{first['id']}/void/", {"reason": "Refused"})

    assert get_stock_level(product, stockroom.store) == (10, 3)
    with tenant_scope(shop):
        assert list(find_stock_differences(shop)) == []
