"""Concurrent repeated requests: executed once and answered every time."""

from decimal import Decimal

import pytest

from orders.models import Payment, Receipt
from tenants.scope import tenant_scope
from tests.support.gateway import TIMED_OUT
from tests.support.idempotency import count
from tests.support.parallel import run_concurrently, run_times, statuses
from tests.support.till import (
    card,
    cash,
    ensure_books_balance,
    get_stock_level,
    line,
    list_receipt_numbers,
    resolve_payment,
)

pytestmark = [pytest.mark.race, pytest.mark.django_db(transaction=True)]


# --- twenty concurrent requests -----------------------------------------------------------------


def test_order_sent_twenty_times_at_once_is_created_once(till, product, store, shop, register):
    body = till.order(line(product, "2"), payments=[cash("5.00")])

    answers = run_times(20, lambda: till.post("orders/", body))

    assert statuses(answers) == {201: 1, 200: 19}
    assert all(answer.json() == answers[0].json() for answer in answers)
    assert get_stock_level(product, store) == (8, 0)
    assert list_receipt_numbers(register) == [1]
    assert (count(shop), count(shop, Receipt), count(shop, Payment)) == (1, 1, 1)
    ensure_books_balance(shop)


def test_payment_sent_twenty_times_at_once_is_taken_once(till, product, shop):
    order = till.sold(line(product, "2"))
    payment = cash("2.00")

    answers = run_times(20, lambda: till.pay(order, payment))

    assert statuses(answers) == {201: 1, 200: 19}
    assert till.shown(order)["paid_total"] == "2.00"
    assert count(shop, Payment) == 1


def test_concurrent_payments_do_not_exceed_the_total(till, make_product, shop):
    order = till.sold(line(make_product("10.00")))

    answers = run_concurrently([lambda: till.pay(order, cash("4.00")) for _ in range(10)])

    assert statuses(answers) == {201: 2, 409: 8}
    assert {each.json()["code"] for each in answers if each.status_code == 409} == {
        "payment_exceeds_due"
    }
    with tenant_scope(shop):
        assert sum(payment.amount for payment in Payment.objects.all()) == Decimal("8.00")


@pytest.mark.parametrize("difference", ["note", "register"])
def test_concurrent_orders_with_one_id_create_one_and_refuse_the_other(
    till, tills, product, shop, difference
):
    """At another register, numbering does not serialize them."""
    body = till.order(line(product), payments=[cash("2.50")])
    change = {"note": "Another", "register": str(tills[1].register.pk)}
    other = body | {difference: change[difference]}

    answers = run_concurrently(
        [lambda each=each: till.post("orders/", each) for each in [body, other] * 5]
    )

    assert statuses(answers) == {201: 1, 200: 4, 409: 5}
    assert get_stock_level(product, till.register.store) == (9, 0)
    assert count(shop) == 1


def test_concurrent_look_ups_settle_a_card_once(till, manager_client, product, gateway, shop):
    gateway.answers = [TIMED_OUT]
    order = till.sold(line(product, "2"), payments=[card("5.00")])

    answers = run_times(10, lambda: resolve_payment(manager_client, order))

    assert set(statuses(answers)) <= {200, 409}
    assert statuses(answers)[200] >= 1
    assert till.shown(order)["status"] == "completed"
    assert list_receipt_numbers(till.register) == [1]
    assert get_stock_level(product, till.register.store) == (8, 0)
    ensure_books_balance(shop)


def test_stock_movement_sent_twenty_times_at_once_is_booked_once(
    manager_client, product, store, delivery, shop
):
    body = delivery(product, "5")

    answers = run_times(20, lambda: manager_client.post("stock/movements/", body))

    assert statuses(answers) == {201: 1, 200: 19}
    assert get_stock_level(product, store) == (15, 0)
    ensure_books_balance(shop)


def test_concurrent_stock_movements_with_one_id_book_one_and_refuse_the_other(
    manager_client, make_product, product, store, delivery, shop
):
    """The levels are different rows, so that row locks do not serialize them."""
    other, body = make_product(), delivery(product, "5")
    bodies = [body, body | {"product": str(other.pk)}] * 5

    answers = run_concurrently(
        [lambda body=body: manager_client.post("stock/movements/", body) for body in bodies]
    )

    assert statuses(answers) == {201: 1, 200: 4, 409: 5}
    assert {get_stock_level(product, store), get_stock_level(other, store)} == {(15, 0), (10, 0)}
    ensure_books_balance(shop)


def test_concurrent_changes_of_one_version_succeed_once(client_of, manager, product):
    manager_client = client_of(manager)

    answers = run_times(
        20,
        lambda: manager_client.patch(f"products/{product.pk}/", {"price": "3.00"}, If_Match='"1"'),
    )

    assert statuses(answers) == {200: 1, 412: 19}
