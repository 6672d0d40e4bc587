"""Shelves that are filled, corrected, counted, moved between stores, wasted and sold from."""

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import invariant, rule

from tests.factories.tenants import RegisterFactory, StoreFactory
from tests.stateful.base import Machine, code_of, run
from tests.support.stock import Stockroom
from tests.support.till import Till, cash, ensure_books_balance, get_stock_level, line

PRODUCTS = st.integers(0, 1)
STORES = st.integers(0, 1)
SOME = st.integers(1, 30)


class Shelves(Machine):
    stockroom: Stockroom
    tills: list
    make_product: list

    def __init__(self):
        super().__init__()
        self.levels = {(store, product): 0 for store in (0, 1) for product in (0, 1)}
        self.blocks = True

    @property
    def stores(self):
        return [self.stockroom.store, self.stockroom.second]

    def move(self, kind, store, product, quantity, changes, **more):
        """What happened, unless something would leave that is not there."""
        places = {"store": str(self.stores[store].pk), **more}
        answer = self.stockroom.move(kind, self.make_product[product], str(quantity), **places)
        self.judge(answer, changes, is_count=kind == "count")

    def judge(self, answer, changes, *, is_count=False):
        short = any(c < 0 and self.levels[at] + c < 0 for at, c in changes.items())
        if short and self.blocks and not is_count:
            assert code_of(answer, 409) == "insufficient_stock"
            return
        assert answer.status_code == 201, answer.content
        for at, change in changes.items():
            self.levels[at] += change

    @rule(store=STORES, product=PRODUCTS, quantity=SOME)
    def receive(self, store, product, quantity):
        self.move("receive", store, product, quantity, {(store, product): quantity})

    @rule(store=STORES, product=PRODUCTS, quantity=SOME, sign=st.sampled_from([1, -1]))
    def adjust(self, store, product, quantity, sign):
        self.move("adjust", store, product, sign * quantity, {(store, product): sign * quantity})

    @rule(store=STORES, product=PRODUCTS, quantity=SOME)
    def waste(self, store, product, quantity):
        self.move("waste", store, product, quantity, {(store, product): -quantity})

    @rule(store=STORES, product=PRODUCTS, quantity=st.integers(0, 50))
    def count(self, store, product, quantity):
        at = (store, product)
        self.move("count", store, product, quantity, {at: quantity - self.levels[at]})

    @rule(store=STORES, product=PRODUCTS, quantity=SOME)
    def transfer(self, store, product, quantity):
        other = self.stores[1 - store]
        changes = {(store, product): -quantity, (1 - store, product): quantity}
        self.move("transfer_out", store, product, quantity, changes, to_store=str(other.pk))

    @rule(store=STORES, first=st.integers(1, 9), second=st.integers(0, 9), twice=st.booleans())
    def sell(self, store, first, second, twice):
        lines = [line(self.make_product[0], str(first))]
        if second:
            lines.append(line(self.make_product[1], str(second)))
        if twice:
            lines.append(line(self.make_product[0], str(first)))
        total = 250 * (first * (1 + twice) + second)
        paid = [cash(f"{total // 100}.{total % 100:02}")]
        changes = {(store, 0): -first * (1 + twice)} | ({(store, 1): -second} if second else {})
        self.judge(self.tills[store].sell(*lines, payments=paid), changes)

    @rule(blocks=st.booleans())
    def change_the_rule(self, blocks):
        policy = "block" if blocks else "allow"
        answer = self.stockroom.patch("tenant/", {"stock_policy": policy}, If_Match="*")
        assert answer.status_code == 200
        self.blocks = blocks

    @invariant()
    def every_shelf_holds_what_the_model_says(self):
        for (store, product), level in self.levels.items():
            assert get_stock_level(self.make_product[product], self.stores[store]) == (level, 0)

    def teardown(self):
        if any(self.levels.values()):
            ensure_books_balance(self.stockroom.store.tenant)
        super().teardown()


@pytest.mark.timeout(0)
def test_every_shelf_holds_what_a_list_of_its_changes_says(
    admin, register, store, shop, make_product
):
    second = StoreFactory(tenant=shop)
    elsewhere = RegisterFactory(tenant=shop, store=second)
    stocked = [make_product("2.50", stock=None) for _ in range(2)]

    run(
        Shelves,
        stockroom=Stockroom(admin, store, second),
        tills=[Till(admin, register), Till(admin, elsewhere)],
        make_product=stocked,
    )
