"""Sending, receiving and canceling at the same time, while other terminals sell."""

import pytest

from tests.factories.tenants import StoreFactory
from tests.orders.stock.test_transfers import Mover
from tests.support.parallel import run_concurrently, statuses
from tests.support.till import cash, ensure_books_balance, line

pytestmark = [pytest.mark.race, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def mover(manager_client, store, shop):
    return Mover(manager_client, store, StoreFactory(tenant=shop, name="Harbour"))


def test_transfer_is_received_once(mover, make_product, shop):
    product = make_product(stock="9")
    transfer = mover.sent((product, "4"))

    answers = run_concurrently([lambda: mover.receive(transfer)] * 4)

    assert statuses(answers) == {200: 1, 409: 3}
    assert mover.levels(product) == [5, 4]
    ensure_books_balance(shop)


def test_transfer_is_either_received_or_canceled(mover, make_product, shop):
    products = [make_product(stock="9") for _ in range(3)]
    transfer = mover.sent(*[(each, "4") for each in products])

    answers = run_concurrently(
        [lambda: mover.receive(transfer), lambda: mover.act(transfer, "cancel")] * 2
    )

    assert statuses(answers) == {200: 1, 409: 3}
    is_received = mover.client.get(f"stock/transfers/{transfer}/").json()["status"] == "received"
    expected = [5, 4] if is_received else [9, 0]
    assert [mover.levels(each) for each in products] == [expected] * 3
    ensure_books_balance(shop)


def test_transfer_is_sent_once_while_others_sell(mover, tills, make_product, shop):
    products = [make_product("1.00", stock="100") for _ in range(3)]
    there = mover.start()
    mover.pick(there, *[(each, "10") for each in reversed(products)])

    def sell(till):
        basket = [line(each) for each in products]
        return [till.sell(*basket, payments=[cash("3.00")]).status_code for _ in range(4)]

    sending = [lambda: mover.act(there, "send").status_code] * 2
    answers = run_concurrently([*[lambda till=till: sell(till) for till in tills], *sending])

    assert answers[:4] == [[201] * 4] * 4
    assert sorted(answers[4:]) == [200, 409]
    assert [mover.levels(each) for each in products] == [[100 - 16 - 10, 0]] * 3
    ensure_books_balance(shop)


def test_opposite_transfers_do_not_block_each_other(mover, make_product, shop):
    products = [make_product(stock="50") for _ in range(3)]
    back = Mover(mover.client, mover.second, mover.store)
    mover.receive(mover.sent(*[(each, "20") for each in products]))
    transfers = [
        each.sent(*[(product, "5") for product in products]) for each in (mover, back, mover, back)
    ]

    answers = run_concurrently(
        [lambda transfer=transfer: mover.receive(transfer) for transfer in transfers]
    )

    assert statuses(answers) == {200: 4}
    assert [mover.levels(each) for each in products] == [[30, 20]] * 3
    ensure_books_balance(shop)
