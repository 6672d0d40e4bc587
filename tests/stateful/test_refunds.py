"""Random refunds by goods and by amount, until the sale is refunded completely."""

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
class ModelLine:
    """A sold line and its refunds."""

    quantity: int
    total: int
    refunded: int = 0
    returned: int = 0
    restocked: int = 0

    def refundable(self, quantity: int) -> int:
        """Return the amount for that many more units: their share, less what was refunded."""
        share = (2 * self.total * (self.returned + quantity) + self.quantity) // (2 * self.quantity)
        return max(share - self.refunded, 0)


class Refunds(Machine):
    till: Till
    products: list

    @initialize(
        quantities=st.lists(st.integers(1, 7), min_size=1, max_size=3),
        off=st.integers(0, 60),
        split=st.integers(0, 100),
    )
    def sell(self, quantities, off, split):
        sold_lines = [
            line(product, str(quantity))
            for product, quantity in zip(self.products, quantities, strict=False)
        ]
        discounts = [percent(str(off))] if off else []
        order = self.till.sold(*sold_lines, discounts=discounts)
        whole = cents(order["total"])
        parts = [part for part in (whole * split // 100, whole - whole * split // 100) if part]
        for part in parts:
            assert self.till.pay(order, cash(money(part))).status_code == 201
        self.order = self.till.shown(order)
        self.paid = whole
        self.lines = {
            each["id"]: ModelLine(int(each["quantity"]), cents(each["total"]))
            for each in self.order["lines"]
        }
        self.has_amount_only = False

    @property
    def is_sold(self):
        return self.order["status"] != "open"

    @property
    def refunded(self):
        return sum(each.refunded for each in self.lines.values())

    def request(self, **body):
        path = f"orders/{self.order['id']}/refunds/"
        return self.till.post(path, {"id": new_id(), "reason": "Bruised", **body})

    def record(self, answer):
        """Add the refund to the model, and return its total, the sum of its parts."""
        assert answer.status_code == 201, answer.content
        refund = answer.json()
        total = cents(refund["total"])
        assert total == sum(cents(each["total"]) for each in refund["lines"])
        assert total == sum(cents(each["paid"]) for each in refund["payouts"])
        for each in refund["lines"]:
            self.lines[each["line"]].refunded += cents(each["total"])
        return total

    @precondition(lambda self: self.is_sold)
    @rule(data=st.data(), restock=st.booleans())
    def refund_goods(self, data, restock):
        sold_lines = {
            id: data.draw(st.integers(0, each.quantity + 1)) for id, each in self.lines.items()
        }
        sold_lines = {id: quantity for id, quantity in sold_lines.items() if quantity}
        body = [
            {"line": id, "quantity": str(quantity), "restock": restock}
            for id, quantity in sold_lines.items()
        ]
        answer = self.request(lines=body)
        too_many = any(
            self.lines[id].returned + quantity > self.lines[id].quantity
            for id, quantity in sold_lines.items()
        )
        if not sold_lines or too_many or answer.status_code == 409:
            assert answer.status_code in {400, 409}, answer.content
            assert not sold_lines or too_many or self.refunded == self.paid
            return
        worth = sum(self.lines[id].refundable(quantity) for id, quantity in sold_lines.items())
        total = self.record(answer)
        assert total == worth
        for id, quantity in sold_lines.items():
            self.lines[id].returned += quantity
            self.lines[id].restocked += quantity if restock else 0

    @precondition(lambda self: self.is_sold)
    @rule(part=st.integers(1, 110))
    def refund_amount(self, part):
        amount = max(1, (self.paid - self.refunded) * part // 100)
        answer = self.request(amount=money(amount))
        if amount > self.paid - self.refunded:
            assert answer.status_code in {400, 409}, answer.content
        else:
            assert self.record(answer) == amount

    @precondition(lambda self: self.is_sold)
    @rule()
    def refund_the_rest(self):
        left = self.paid - self.refunded
        answer = self.request()
        if answer.status_code == 409:
            assert left == 0
            return
        assert self.record(answer) == left
        for each in self.lines.values():
            each.restocked += each.quantity - each.returned
            each.returned = each.quantity

    @invariant()
    def refunds_equal_the_model(self):
        if not hasattr(self, "lines"):
            return
        shown = self.till.shown(self.order)
        assert cents(shown["refunded_total"]) == self.refunded <= self.paid
        for each in shown["lines"]:
            model = self.lines[each["id"]]
            assert cents(each["refunded_total"]) == model.refunded <= model.total
            assert int(each["refunded_quantity"]) == model.returned <= model.quantity
        if self.paid and self.refunded == self.paid:
            assert shown["status"] == "refunded"
        elif self.refunded or any(each.returned for each in self.lines.values()):
            assert shown["status"] == "partially_refunded"

    @invariant()
    def stock_equals_the_model(self):
        if not hasattr(self, "lines") or not self.is_sold:
            return
        for product, each in zip(self.products, self.lines.values(), strict=False):
            assert get_stock_level(product, self.till.register.store)[0] == (
                STOCK - each.quantity + each.restocked
            )


@pytest.mark.timeout(0)
def test_random_refunds_equal_the_model(admins_till, make_product):
    products = [make_product(price, stock=str(STOCK)) for price in PRICES]

    run(Refunds, till=admins_till, products=products)
