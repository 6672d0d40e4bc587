"""Sales taken back bit by bit, by goods and by money, until nothing is left of them."""

from dataclasses import dataclass

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import initialize, invariant, precondition, rule

from tests.stateful.base import Machine, cents, money, run
from tests.support.till import Till, cash, get_stock_level, line, new_id, percent

pytestmark = pytest.mark.once

PRICES = ["0.01", "1.99", "3.33"]
STOCK = 10_000


@dataclass
class Sold:
    """A line of the sale, and what of it came back."""

    quantity: int
    total: int
    back: int = 0
    returned: int = 0
    restocked: int = 0

    def worth_of(self, quantity: int) -> int:
        """What so many more of it bring: the same part of the line, less what was given."""
        share = (2 * self.total * (self.returned + quantity) + self.quantity) // (2 * self.quantity)
        return max(share - self.back, 0)


class Refunds(Machine):
    till: Till
    make_product: list

    @initialize(
        quantities=st.lists(st.integers(1, 7), min_size=1, max_size=3),
        off=st.integers(0, 60),
        split=st.integers(0, 100),
    )
    def sell(self, quantities, off, split):
        wanted = [
            line(product, str(quantity))
            for product, quantity in zip(self.make_product, quantities, strict=False)
        ]
        discounts = [percent(str(off))] if off else []
        order = self.till.sold(*wanted, discounts=discounts)
        whole = cents(order["total"])
        parts = [part for part in (whole * split // 100, whole - whole * split // 100) if part]
        for part in parts:
            assert self.till.pay(order, cash(money(part))).status_code == 201
        self.order = self.till.shown(order)
        self.paid = whole
        self.lines = {
            each["id"]: Sold(int(each["quantity"]), cents(each["total"]))
            for each in self.order["lines"]
        }
        self.has_money_alone = False

    @property
    def is_sold(self):
        return self.order["status"] != "open"

    @property
    def back(self):
        return sum(each.back for each in self.lines.values())

    def ask(self, **body):
        path = f"orders/{self.order['id']}/refunds/"
        return self.till.post(path, {"id": new_id(), "reason": "Bruised", **body})

    def taken(self, answer):
        """The refund, whose parts are its sum."""
        assert answer.status_code == 201, answer.content
        refund = answer.json()
        total = cents(refund["total"])
        assert total == sum(cents(each["total"]) for each in refund["lines"])
        assert total == sum(cents(each["paid"]) for each in refund["payouts"])
        for each in refund["lines"]:
            self.lines[each["line"]].back += cents(each["total"])
        return total

    @precondition(lambda self: self.is_sold)
    @rule(data=st.data(), restock=st.booleans())
    def goods_come_back(self, data, restock):
        wanted = {
            id: data.draw(st.integers(0, each.quantity + 1)) for id, each in self.lines.items()
        }
        wanted = {id: quantity for id, quantity in wanted.items() if quantity}
        body = [
            {"line": id, "quantity": str(quantity), "restock": restock}
            for id, quantity in wanted.items()
        ]
        answer = self.ask(lines=body)
        too_many = any(
            self.lines[id].returned + quantity > self.lines[id].quantity
            for id, quantity in wanted.items()
        )
        if not wanted or too_many or answer.status_code == 409:
            assert answer.status_code in {400, 409}, answer.content
            assert not wanted or too_many or self.back == self.paid
            return
        worth = sum(self.lines[id].worth_of(quantity) for id, quantity in wanted.items())
        total = self.taken(answer)
        assert total == worth
        for id, quantity in wanted.items():
            self.lines[id].returned += quantity
            self.lines[id].restocked += quantity if restock else 0

    @precondition(lambda self: self.is_sold)
    @rule(part=st.integers(1, 110))
    def money_comes_back(self, part):
        amount = max(1, (self.paid - self.back) * part // 100)
        answer = self.ask(amount=money(amount))
        if amount > self.paid - self.back:
            assert answer.status_code in {400, 409}, answer.content
        else:
            assert self.taken(answer) == amount

    @precondition(lambda self: self.is_sold)
    @rule()
    def all_that_is_left_comes_back(self):
        left = self.paid - self.back
        answer = self.ask()
        if answer.status_code == 409:
            assert left == 0
            return
        assert self.taken(answer) == left
        for each in self.lines.values():
            each.restocked += each.quantity - each.returned
            each.returned = each.quantity

    @invariant()
    def never_more_came_back_than_was_paid(self):
        if not hasattr(self, "lines"):
            return
        shown = self.till.shown(self.order)
        assert cents(shown["refunded_total"]) == self.back <= self.paid
        for each in shown["lines"]:
            model = self.lines[each["id"]]
            assert cents(each["refunded_total"]) == model.back <= model.total
            assert int(each["refunded_quantity"]) == model.returned <= model.quantity
        if self.paid and self.back == self.paid:
            assert shown["status"] == "refunded"
        elif self.back or any(each.returned for each in self.lines.values()):
            assert shown["status"] == "partially_refunded"

    @invariant()
    def what_can_be_sold_again_lies_on_the_shelf(self):
        if not hasattr(self, "lines") or not self.is_sold:
            return
        for product, each in zip(self.make_product, self.lines.values(), strict=False):
            assert get_stock_level(product, self.till.register.store)[0] == (
                STOCK - each.quantity + each.restocked
            )


@pytest.mark.timeout(0)
def test_all_refunds_of_a_sale_are_the_sale(admins_till, make_product):
    stocked = [make_product(price, stock=str(STOCK)) for price in PRICES]

    run(Refunds, till=admins_till, make_product=stocked)
