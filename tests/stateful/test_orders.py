"""Random edits, payments and voids of orders, compared with sums in cents."""

from dataclasses import dataclass, field
from decimal import Decimal

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import invariant, precondition, rule

from tests.stateful.base import Machine, cents, money, refusal_code, run
from tests.support.till import Till, cash, get_stock_level, line, new_id

pytestmark = pytest.mark.once

STOCK = 10_000
PRICES = ["0.01", "1.99", "2.50", "333.33"]


@dataclass
class ModelLine:
    """A line of the model."""

    product: int
    price: int
    quantity: int
    discounts: list[tuple[str, int]] = field(default_factory=list)

    @property
    def total(self) -> int:
        return self.price * self.quantity - discount_amount(
            self.discounts, self.price * self.quantity
        )


def discount_amount(discounts: list[tuple[str, int]], whole: int) -> int:
    """Return what discounts take off: percents first, then amounts; half a cent rounds up."""
    left = whole
    for kind, value in sorted(discounts, key=lambda each: each[0] == "amount"):
        left -= (left * value + 50) // 100 if kind == "percent" else min(value, left)
    return whole - left


percents = st.tuples(st.just("percent"), st.integers(0, 100))
amounts = st.tuples(st.just("amount"), st.integers(0, 2_000))
discounts = percents | amounts


def build_discount(discount: tuple[str, int]) -> dict[str, str]:
    kind, value = discount
    return {"type": kind, "value": str(value) if kind == "percent" else money(value)}


class Orders(Machine):
    till: Till
    products: list
    # The smallest coin in cents.
    coin: int

    def __init__(self):
        super().__init__()
        self.begin()
        self.sold = [0] * len(self.products)

    def begin(self):
        self.lines: dict[str, ModelLine] = {}
        self.discounts: list[tuple[str, int]] = []
        self.status, self.paid, self.rounding = "open", 0, 0
        self.order = self.till.sold(line(self.products[0], id=(first := new_id())))
        self.lines[first] = ModelLine(0, self.get_price(0), 1)

    def get_price(self, product):
        return cents(PRICES[product])

    @property
    def total(self):
        lines = sum(each.total for each in self.lines.values())
        return lines - discount_amount(self.discounts, lines)

    @property
    def is_open(self):
        return self.status == "open"

    def path(self, rest=""):
        return f"orders/{self.order['id']}/{rest}"

    def change(self, answer, change):
        """Change the model like the order, unless that would make the total less than paid."""
        if not self.is_open:
            assert refusal_code(answer, 409) == "order_not_open"
            return
        before = {id: ModelLine(**vars(each)) for id, each in self.lines.items()}, self.discounts[:]
        for each in before[0].values():
            each.discounts = each.discounts[:]
        change()
        if self.total < self.paid:
            assert refusal_code(answer, 409) == "paid_more_than_total"
            self.lines, self.discounts = before
        else:
            assert answer.status_code == 200, answer.content
            self.complete_if_paid()

    def complete_if_paid(self):
        if self.paid and self.paid == self.total and self.lines:
            self.complete()

    def complete(self):
        self.status = "completed"
        for each in self.lines.values():
            self.sold[each.product] += each.quantity

    @rule(product=st.integers(0, len(PRICES) - 1), quantity=st.integers(1, 9))
    def add(self, product, quantity):
        id = new_id()
        answer = self.till.post(
            self.path("lines/"), line(self.products[product], str(quantity), id=id)
        )
        added = ModelLine(product, self.get_price(product), quantity)
        self.change(answer, lambda: self.lines.update({id: added}))

    @precondition(lambda self: self.lines)
    @rule(data=st.data(), quantity=st.integers(1, 9))
    def change_quantity(self, data, quantity):
        id = data.draw(st.sampled_from(list(self.lines)))
        answer = self.till.patch(
            self.path(f"lines/{id}/"), {"quantity": str(quantity)}, If_Match="*"
        )
        self.change(answer, lambda: setattr(self.lines[id], "quantity", quantity))

    @precondition(lambda self: self.lines)
    @rule(data=st.data())
    def remove(self, data):
        id = data.draw(st.sampled_from(list(self.lines)))
        self.change(self.till.delete(self.path(f"lines/{id}/")), lambda: self.lines.pop(id))

    @precondition(lambda self: self.lines)
    @rule(data=st.data(), discount=discounts)
    def discount_line(self, data, discount):
        id = data.draw(st.sampled_from(list(self.lines)))
        answer = self.till.post(
            self.path("discounts/"), {**build_discount(discount), "line": id, "id": new_id()}
        )
        if len(self.lines[id].discounts) < 10:
            self.change(answer, lambda: self.lines[id].discounts.append(discount))

    @rule(discount=discounts)
    def discount_order(self, discount):
        answer = self.till.post(
            self.path("discounts/"), build_discount(discount) | {"id": new_id()}
        )
        if len(self.discounts) < 10:
            self.change(answer, lambda: self.discounts.append(discount))

    @precondition(lambda self: self.discounts)
    @rule(data=st.data())
    def remove_discount(self, data):
        at = data.draw(st.integers(0, len(self.discounts) - 1))
        id = self.shown["discounts"][at]["id"]
        self.change(self.till.delete(self.path(f"discounts/{id}/")), lambda: self.discounts.pop(at))

    @rule(part=st.integers(1, 120), in_coins=st.booleans())
    def pay(self, part, in_coins):
        amount = max(1, (self.total - self.paid) * part // 100)
        if in_coins:
            amount = -(-amount // self.coin) * self.coin
        self.pay_in_cash(cash(money(amount)), amount)

    @rule()
    def pay_the_rest(self):
        self.pay_in_cash({"id": new_id(), "method": "cash"}, None)

    def pay_in_cash(self, payment, amount):
        left = self.total - self.paid
        payable = (2 * left + self.coin) // (2 * self.coin) * self.coin
        answer = self.till.pay(self.order, payment)
        if not self.is_open:
            assert refusal_code(answer, 409) == "order_not_open"
        elif not self.lines:
            assert refusal_code(answer, 409) == "order_empty"
        elif amount in {None, left, payable}:
            assert answer.status_code == 201, answer.content
            self.paid, self.rounding = self.paid + payable, payable - left
            self.complete()
        elif amount > max(left, payable):
            assert refusal_code(answer, 409) == "payment_exceeds_due"
        elif amount > payable or amount % self.coin:
            assert refusal_code(answer, 409) == "not_payable_in_cash"
            assert cents(answer.json()["payable"]) == payable
        else:
            assert answer.status_code == 201, answer.content
            self.paid += amount

    @rule()
    def hold(self):
        answer = self.till.post(self.path("hold/"))
        self.assert_transition("held", answer, self.is_open)

    @rule()
    def resume(self):
        answer = self.till.post(self.path("resume/"), {})
        self.assert_transition("open", answer, self.status == "held")

    @rule()
    def void(self):
        answer = self.till.post(self.path("void/"), {"reason": "Left"})
        self.assert_transition("voided", answer, self.status in {"open", "held"} and not self.paid)

    def assert_transition(self, status, answer, may):
        if may:
            assert answer.status_code == 200, answer.content
            self.status = status
        else:
            assert answer.status_code == 409, answer.content

    @precondition(lambda self: self.status in {"completed", "voided"})
    @rule()
    def next_customer(self):
        self.begin()

    @invariant()
    def order_equals_the_model(self):
        shown = self.shown = self.till.shown(self.order)
        assert shown["status"] == self.status
        assert cents(shown["total"]) == self.total
        assert cents(shown["paid_total"]) == self.paid
        assert cents(shown["cash_rounding"]) == self.rounding
        assert cents(shown["due"]) == self.total + self.rounding - self.paid
        assert {each["id"]: int(each["quantity"]) for each in shown["lines"]} == {
            id: each.quantity for id, each in self.lines.items()
        }
        assert sum(cents(each["total"]) for each in shown["lines"]) == self.total
        assert (shown["receipt_number"] is not None) == (self.status == "completed")

    @invariant()
    def stock_equals_the_model(self):
        for product, sold in zip(self.products, self.sold, strict=True):
            assert get_stock_level(product, self.till.register.store) == (STOCK - sold, 0)


@pytest.mark.timeout(0)
@pytest.mark.parametrize("coin", [1, pytest.param(5, marks=pytest.mark.sample), 100])
def test_random_orders_equal_the_model(admins_till, make_product, shop, coin):
    products = [make_product(price, stock=str(STOCK)) for price in PRICES]
    shop.cash_rounding_increment = Decimal(coin).scaleb(-2)
    shop.save_changes("cash_rounding_increment")

    run(Orders, till=admins_till, products=products, coin=coin)
