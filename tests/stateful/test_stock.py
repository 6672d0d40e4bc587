"""Random receipts, corrections, counts, transfers, waste and sales, compared with a model."""

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import invariant, rule

from tests.factories.tenants import RegisterFactory, StoreFactory
from tests.stateful.base import Machine, refusal_code, run
from tests.support.stock import Stockroom
from tests.support.till import Till, cash, ensure_books_balance, get_stock_level, line

PRODUCTS = st.integers(0, 1)
STORES = st.integers(0, 1)
QUANTITIES = st.integers(1, 30)


class StockLevels(Machine):
    stockroom: Stockroom
    tills: list
    products: list

    def __init__(self):
        super().__init__()
        self.levels = {(store, product): 0 for store in (0, 1) for product in (0, 1)}
        self.is_blocking = True

    @property
    def stores(self):
        return [self.stockroom.store, self.stockroom.second]

    def move(self, kind, store, product, quantity, changes, **more):
        """Apply the changes to the model, unless the movement exceeds the stock."""
        places = {"store": str(self.stores[store].pk), **more}
        answer = self.stockroom.move(kind, self.products[product], str(quantity), **places)
        self.check_answer(answer, changes, is_count=kind == "count")

    def check_answer(self, answer, changes, *, is_count=False):
        short = any(c < 0 and self.levels[at] + c < 0 for at, c in changes.items())
        if short and self.is_blocking and not is_count:
            assert refusal_code(answer, 409) == "insufficient_stock"
            return
        assert answer.status_code == 201, answer.content
        for at, change in changes.items():
            self.levels[at] += change

    @rule(store=STORES, product=PRODUCTS, quantity=QUANTITIES)
    def receive(self, store, product, quantity):
        self.move("receive", store, product, quantity, {(store, product): quantity})

    @rule(store=STORES, product=PRODUCTS, quantity=QUANTITIES, sign=st.sampled_from([1, -1]))
    def adjust(self, store, product, quantity, sign):
        self.move("adjust", store, product, sign * quantity, {(store, product): sign * quantity})

    @rule(store=STORES, product=PRODUCTS, quantity=QUANTITIES)
    def waste(self, store, product, quantity):
        self.move("waste", store, product, quantity, {(store, product): -quantity})

    @rule(store=STORES, product=PRODUCTS, quantity=st.integers(0, 50))
    def count(self, store, product, quantity):
        at = (store, product)
        self.move("count", store, product, quantity, {at: quantity - self.levels[at]})

    @rule(store=STORES, product=PRODUCTS, quantity=QUANTITIES)
    def transfer(self, store, product, quantity):
        other = self.stores[1 - store]
        changes = {(store, product): -quantity, (1 - store, product): quantity}
        self.move("transfer_out", store, product, quantity, changes, to_store=str(other.pk))

    @rule(store=STORES, first=st.integers(1, 9), second=st.integers(0, 9), twice=st.booleans())
    def sell(self, store, first, second, twice):
        lines = [line(self.products[0], str(first))]
        if second:
            lines.append(line(self.products[1], str(second)))
        if twice:
            lines.append(line(self.products[0], str(first)))
        total = 250 * (first * (1 + twice) + second)
        paid = [cash(f"{total // 100}.{total % 100:02}")]
        changes = {(store, 0): -first * (1 + twice)} | ({(store, 1): -second} if second else {})
        self.check_answer(self.tills[store].sell(*lines, payments=paid), changes)

    @rule(is_blocking=st.booleans())
    def change_policy(self, is_blocking):
        policy = "block" if is_blocking else "allow"
        answer = self.stockroom.patch("tenant/", {"stock_policy": policy}, If_Match="*")
        assert answer.status_code == 200
        self.is_blocking = is_blocking

    @invariant()
    def stock_equals_the_model(self):
        for (store, product), level in self.levels.items():
            assert get_stock_level(self.products[product], self.stores[store]) == (level, 0)

    def teardown(self):
        if any(self.levels.values()):
            ensure_books_balance(self.stockroom.store.tenant)
        super().teardown()


@pytest.mark.timeout(0)
def test_random_stock_movements_equal_the_model(admin, register, store, shop, make_product):
    second = StoreFactory(tenant=shop)
    second_register = RegisterFactory(tenant=shop, store=second)
    products = [make_product("2.50", stock=None) for _ in range(2)]

    run(
        StockLevels,
        stockroom=Stockroom(admin, store, second),
        tills=[Till(admin, register), Till(admin, second_register)],
        products=products,
    )
