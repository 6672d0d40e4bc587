"""Concurrent sales: stock, receipt numbers and deadlocks."""

from decimal import Decimal

import pytest
from django.db import connection

from orders.models import Order, Payment, Product, Receipt, StockLevel
from tenants.models import Tenant
from tenants.scope import tenant_scope
from tests.support.idempotency import count
from tests.support.parallel import run_concurrently, run_times, statuses
from tests.support.till import (
    card,
    cash,
    ensure_books_balance,
    get_stock_level,
    line,
    list_receipt_numbers,
)

pytestmark = [pytest.mark.race, pytest.mark.django_db(transaction=True)]


@pytest.mark.parametrize("payment", [cash, card])
def test_last_unit_is_sold_once(tills, make_product, store, shop, payment):
    product = make_product("2.50", stock="1")

    answers = run_concurrently(
        [
            lambda till=till: till.sell(line(product), payments=[payment("2.50")])
            for till in tills * 5
        ]
    )

    assert statuses(answers) == {201: 1, 409: 19}
    refused = [each.json() for each in answers if each.status_code == 409]
    assert {each["code"] for each in refused} == {"insufficient_stock"}
    assert all(each["short"][0]["available"] == "0" for each in refused)
    assert get_stock_level(product, store) == (0, 0)
    assert (count(shop), count(shop, Payment), count(shop, Receipt)) == (1, 1, 1)
    ensure_books_balance(shop)


def test_concurrent_sales_do_not_exceed_the_stock(tills, make_product, store, shop):
    product = make_product("2.50", stock="7")

    answers = run_concurrently(
        [lambda till=till: till.sell(line(product), payments=[cash("2.50")]) for till in tills * 5]
    )

    assert statuses(answers) == {201: 7, 409: 13}
    assert get_stock_level(product, store) == (0, 0)
    ensure_books_balance(shop)


def test_concurrent_sales_below_zero_are_all_deducted(
    tills, make_product, store, shop, configure_shop
):
    """One product has no level yet, so several transactions create it."""
    configure_shop(stock_policy=Tenant.StockPolicy.ALLOW)
    known, never_seen = make_product("1.00", stock="3"), make_product("1.00", stock=None)

    answers = run_concurrently(
        [
            lambda till=till: till.sell(line(known), line(never_seen), payments=[cash("2.00")])
            for till in tills * 5
        ]
    )

    assert statuses(answers) == {201: 20}
    assert (get_stock_level(known, store), get_stock_level(never_seen, store)) == (
        (-17, 0),
        (-20, 0),
    )
    ensure_books_balance(shop)


def count_deadlocks():
    """Return the number of deadlocks on PostgreSQL; SQLite writes one transaction at a time."""
    if connection.vendor != "postgresql":
        return 0
    with connection.cursor() as cursor:
        cursor.execute("SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()")
        return cursor.fetchone()[0]


@pytest.fixture
def many_products(shop, store):
    """Create other products, so that the query plan looks products up in basket order."""
    with tenant_scope(shop):
        others = [Product(sku=f"X-{n}", name="Other", price=1) for n in range(2000)]
        Product.objects.bulk_create(others)
        StockLevel.objects.bulk_create([StockLevel(store=store, product=each) for each in others])
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")


@pytest.mark.usefixtures("many_products")
@pytest.mark.parametrize("payment", [cash, card])
def test_baskets_in_opposite_order_do_not_deadlock(tills, make_product, store, shop, payment):
    products = [make_product("1.00", stock="1000") for _ in range(6)]
    forwards, backwards = [line(each) for each in products], [line(each) for each in products[::-1]]

    before = count_deadlocks()

    def sell_three(till, basket):
        return [till.sell(*basket, payments=[payment("6.00")]).status_code for _ in range(3)]

    outcomes = run_concurrently(
        [
            lambda till=till, basket=basket: sell_three(till, basket)
            for till in tills
            for basket in (forwards, backwards) * 2
        ]
    )

    assert outcomes == [[201] * 3] * 16
    assert count_deadlocks() == before, "a transaction was retried after a deadlock"
    assert {get_stock_level(product, store) for product in products} == {(Decimal(952), Decimal(0))}
    ensure_books_balance(shop)


def test_concurrent_sales_and_receipts_of_a_product_add_up(
    tills, manager_client, delivery, make_product, store, shop
):
    product = make_product("1.00", stock="20")

    def receive():
        return manager_client.post("stock/movements/", delivery(product, "2"))

    def sell(till):
        return till.sell(line(product, "2"), payments=[cash("2.00")])

    answers = run_concurrently([receive] * 8 + [lambda till=till: sell(till) for till in tills * 2])

    assert statuses(answers) == {201: 16}
    assert get_stock_level(product, store) == (20, 0)
    ensure_books_balance(shop)


def test_concurrent_first_receipts_create_one_level(
    manager_client, delivery, make_product, store, shop
):
    product = make_product(stock=None, sold_by="weight")

    answers = run_times(
        20, lambda: manager_client.post("stock/movements/", delivery(product, "0.1"))
    )

    assert statuses(answers) == {201: 20}
    assert get_stock_level(product, store) == (2, 0)
    ensure_books_balance(shop)


# --- receipt numbers -----------------------------------------------------------------------------


def test_receipt_numbers_have_no_gaps_although_sales_are_refused(
    till, make_product, register, shop
):
    plenty, scarce = make_product("1.00", stock="100"), make_product("1.00", stock="3")

    def sell(product):
        return till.sell(line(product), payments=[cash("1.00")])

    answers = run_concurrently(
        [lambda product=product: sell(product) for product in [plenty, scarce] * 10]
    )

    assert statuses(answers) == {201: 13, 409: 7}
    assert list_receipt_numbers(register) == list(range(1, 14))
    with tenant_scope(shop):
        orders = Order.objects.order_by("receipt_number")
        sold = list(orders.values_list("receipt_number", "number", "completed_at"))
    assert [number for number, _, _ in sold] == list(range(1, 14))
    assert [number for _, number, _ in sold] == [f"1-{n:06d}" for n in range(1, 14)]
    times_of_sale = [at for _, _, at in sold]
    assert times_of_sale == sorted(times_of_sale)


def test_concurrent_first_sales_of_a_register_are_numbered(till, make_product, register):
    """The register has no number series yet, so several transactions create it."""
    product = make_product("1.00", stock="100")

    answers = run_times(20, lambda: till.sell(line(product), payments=[cash("1.00")]))

    assert sorted(answer.json()["receipt_number"] for answer in answers) == list(range(1, 21))
    assert list_receipt_numbers(register) == list(range(1, 21))


def test_each_register_has_its_own_receipt_numbers(tills, make_product):
    product = make_product("1.00", stock="100")

    answers = run_concurrently(
        [lambda till=till: till.sell(line(product), payments=[cash("1.00")]) for till in tills * 4]
    )

    assert statuses(answers) == {201: 16}
    assert [list_receipt_numbers(till.register) for till in tills] == [[1, 2, 3, 4]] * 4
