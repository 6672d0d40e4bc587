"""Counting and closing while other terminals sell the same products."""

import pytest

from tests.orders.stock.test_counts import Counter
from tests.support.parallel import run_concurrently, statuses
from tests.support.till import cash, ensure_books_balance, get_stock_level, line

pytestmark = [pytest.mark.race, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def counter(manager_client, store):
    return Counter(manager_client, store)


def test_counting_while_selling_loses_no_sale(counter, tills, make_product, store, shop):
    """Each sale is in the expected stock or comes after the count: the difference is exact."""
    products = [make_product("1.00", stock="1000") for _ in range(3)]
    count = counter.start()

    def sell(till):
        return [
            till.sell(*[line(each) for each in products], payments=[cash("3.00")]).status_code
            for _ in range(4)
        ]

    def count_all():
        lines = [{"product": str(each.pk), "quantity": "900"} for each in reversed(products)]
        return counter.send(count, *lines).status_code

    answers = run_concurrently([*[lambda till=till: sell(till) for till in tills * 2], count_all])

    assert answers == [*[[201] * 4] * 8, 201]
    before = [get_stock_level(each, store)[0] for each in products]
    assert before == [1000 - 32] * 3
    expected = {each["product"]: int(each["expected_quantity"]) for each in counter.lines(count)}
    counter.closed(count)
    # Sold after the count: what the count still saw, less what is left.
    after = [900 - (expected[str(each.pk)] - (1000 - 32)) for each in products]
    assert [get_stock_level(each, store)[0] for each in products] == after
    ensure_books_balance(shop)


def test_closing_while_selling_loses_no_sale(counter, tills, make_product, store, shop):
    products = [make_product("1.00", stock="1000") for _ in range(3)]
    count = counter.start()
    counter.send(count, *[{"product": str(each.pk), "quantity": "900"} for each in products])

    def sell(till):
        basket = [line(each) for each in products]
        return [till.sell(*basket, payments=[cash("3.00")]).status_code for _ in range(4)]

    closing = [lambda: counter.close(count).status_code] * 2
    answers = run_concurrently([*[lambda till=till: sell(till) for till in tills], *closing])

    assert answers[:4] == [[201] * 4] * 4
    assert sorted(answers[4:]) == [200, 409]
    assert [get_stock_level(each, store)[0] for each in products] == [900 - 16] * 3
    ensure_books_balance(shop)


def test_two_people_count_different_products_at_once(counter, make_product, store, shop):
    products = [make_product(stock=None) for _ in range(12)]
    count = counter.start()

    answers = run_concurrently(
        [
            lambda each=each: counter.send(count, {"product": str(each.pk), "quantity": "2"})
            for each in products
        ]
    )

    assert statuses(answers) == {201: 12}
    assert counter.closed(count)["line_count"] == 12
    assert {get_stock_level(each, store)[0] for each in products} == {2}
    ensure_books_balance(shop)
