"""Random edits, payments and voids of orders, compared with sums in cents."""

from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import invariant, precondition, rule

from tests.factories.price_list import PriceFactory, PriceListFactory
from tests.stateful.base import Machine, cents, money, refusal_code, run
from tests.support.modifiers import attach_modifiers, choose, set_modifier
from tests.support.till import Till, cash, get_stock_level, line, new_id

pytestmark = pytest.mark.once

STOCK = 10_000
PRICES = ["0.01", "1.99", "2.50", "333.33"]
PRICE_OF_EMPTIES = "0.26"
# In place of the position of a product.
EMPTY = -1
# A product with a required size and up to three shots, which take the first product from stock.
PRICE_OF_LATTE = "3.50"
LATTE = len(PRICES)
SIZES = {None: 0, "Small": 0, "Large": 50}
PRICE_OF_SHOT = 80
MAX_SHOTS = 3
# The price of some products in a price list, from a quantity on.
LIST_PRICES = {1: [(1, "1.90"), (4, "1.49")], 2: [(3, "2.20")]}


@dataclass
class ModelLine:
    """A line of the model."""

    product: int
    price: int
    quantity: int
    discounts: list[tuple[str, int]] = field(default_factory=list)
    # What the modifiers add to the price.
    more: int = 0
    shots: int = 0
    is_choice_missing: bool = False

    def choose(self, size: str | None, shots: int) -> "ModelLine":
        self.more, self.shots = SIZES[size] + PRICE_OF_SHOT * shots, shots
        self.is_choice_missing = size is None
        return self

    @property
    def sign(self) -> int:
        return -1 if self.product == EMPTY else 1

    @property
    def total(self) -> int:
        gross = (self.price + self.more) * self.quantity
        return gross - discount_amount(self.discounts, gross)


def discount_amount(discounts: list[tuple[str, int]], whole: int) -> int:
    """Return what discounts take off: percents first, then amounts; half a cent rounds up."""
    left = whole
    for kind, value in sorted(discounts, key=lambda each: each[0] == "amount"):
        left -= (left * value + 50) // 100 if kind == "percent" else min(value, left)
    return whole - left


percents = st.tuples(st.just("percent"), st.integers(0, 100))
amounts = st.tuples(st.just("amount"), st.integers(0, 2_000))
discounts = percents | amounts
sizes = st.sampled_from(list(SIZES))


def build_discount(discount: tuple[str, int]) -> dict[str, str]:
    kind, value = discount
    return {"type": kind, "value": str(value) if kind == "percent" else money(value)}


class Orders(Machine):
    till: Till
    products: list
    empty: Any
    modifiers: dict
    price_list: Any
    # The smallest coin in cents.
    coin: int

    def __init__(self):
        super().__init__()
        self.has_list = True
        self.begin()
        self.sold = [0] * len(self.products)

    def begin(self):
        self.lines: dict[str, ModelLine] = {}
        self.discounts: list[tuple[str, int]] = []
        self.status, self.paid, self.rounding = "open", 0, 0
        self.order = self.till.sold(line(self.products[0], id=(first := new_id())))
        self.lines[first] = ModelLine(0, self.get_price(0, 1), 1)

    def get_price(self, product, quantity):
        if product == EMPTY:
            return cents(PRICE_OF_EMPTIES)
        if product == LATTE:
            return cents(PRICE_OF_LATTE)
        breaks = LIST_PRICES.get(product, []) if self.has_list else []
        reached = [price for minimum, price in breaks if minimum <= quantity]
        return cents(reached[-1] if reached else PRICES[product])

    @property
    def total(self):
        lines = self.lines.values()
        goods = sum(each.total for each in lines if each.product != EMPTY)
        return sum(each.total for each in lines) - discount_amount(self.discounts, goods)

    @property
    def goods(self):
        return [id for id, each in self.lines.items() if each.product != EMPTY]

    @property
    def lattes(self):
        return [id for id, each in self.lines.items() if each.product == LATTE]

    @property
    def is_choice_missing(self):
        return any(each.is_choice_missing for each in self.lines.values())

    @property
    def is_open(self):
        return self.status == "open"

    def path(self, rest=""):
        return f"orders/{self.order['id']}/{rest}"

    def change(self, answer, change):
        """Change the model like the order, unless that would make the total less than paid, or
        complete an order without its required modifiers."""
        if not self.is_open:
            assert refusal_code(answer, 409) == "order_not_open"
            return
        before = {id: ModelLine(**vars(each)) for id, each in self.lines.items()}, self.discounts[:]
        for each in before[0].values():
            each.discounts = each.discounts[:]
        change()
        if self.paid and self.total < self.paid:
            assert refusal_code(answer, 409) == "paid_more_than_total"
            self.lines, self.discounts = before
        elif self.paid and self.paid == self.total and self.is_choice_missing:
            assert refusal_code(answer, 400) == "invalid"
            self.lines, self.discounts = before
        else:
            assert answer.status_code == 200, answer.content
            self.complete_if_paid()

    def complete_if_paid(self):
        if self.paid and self.paid == self.total and self.lines:
            self.complete()

    def complete(self):
        self.status = "completed"
        for id in self.goods:
            self.sold[self.lines[id].product] += self.lines[id].quantity
            self.sold[0] += self.lines[id].shots * self.lines[id].quantity

    @rule(product=st.integers(0, len(PRICES) - 1), quantity=st.integers(1, 9))
    def add(self, product, quantity):
        id = new_id()
        answer = self.till.post(
            self.path("lines/"), line(self.products[product], str(quantity), id=id)
        )
        added = ModelLine(product, self.get_price(product, quantity), quantity)
        self.change(answer, lambda: self.lines.update({id: added}))

    def list_choice(self, size, shots):
        """Return the modifiers of a request."""
        chosen = [self.modifiers[size]] if size else []
        return choose(*chosen, *([(self.modifiers["Shot"], shots)] if shots else []))

    @rule(quantity=st.integers(1, 9), size=sizes, shots=st.integers(0, MAX_SHOTS + 1))
    def add_latte(self, quantity, size, shots):
        id, latte = new_id(), self.products[LATTE]
        body = line(latte, str(quantity), modifiers=self.list_choice(size, shots), id=id)
        answer = self.till.post(self.path("lines/"), body)
        if shots > MAX_SHOTS:
            assert refusal_code(answer, 400) == "invalid"
        else:
            added = ModelLine(LATTE, cents(PRICE_OF_LATTE), quantity).choose(size, shots)
            self.change(answer, lambda: self.lines.update({id: added}))

    @precondition(lambda self: self.lattes)
    @rule(data=st.data(), size=sizes, shots=st.integers(0, MAX_SHOTS))
    def change_modifiers(self, data, size, shots):
        id = data.draw(st.sampled_from(self.lattes))
        body = {"modifiers": self.list_choice(size, shots)}
        answer = self.till.patch(self.path(f"lines/{id}/"), body, If_Match="*")
        self.change(answer, lambda: self.lines[id].choose(size, shots))

    @rule(quantity=st.integers(1, 300))
    def add_empties(self, quantity):
        id = new_id()
        answer = self.till.post(self.path("lines/"), line(self.empty, f"-{quantity}", id=id))
        added = ModelLine(EMPTY, cents(PRICE_OF_EMPTIES), -quantity)
        self.change(answer, lambda: self.lines.update({id: added}))

    @precondition(lambda self: self.lines)
    @rule(data=st.data(), quantity=st.integers(1, 9))
    def change_quantity(self, data, quantity):
        id = data.draw(st.sampled_from(list(self.lines)))
        quantity *= self.lines[id].sign
        answer = self.till.patch(
            self.path(f"lines/{id}/"), {"quantity": str(quantity)}, If_Match="*"
        )
        self.change(answer, lambda: self.set_quantity(self.lines[id], quantity))

    def set_quantity(self, changed, quantity):
        """Price the whole line again, by what applies now."""
        if quantity != changed.quantity:
            changed.price = self.get_price(changed.product, quantity)
            changed.quantity = quantity

    @rule()
    def switch_the_price_list(self):
        self.has_list = not self.has_list
        path, body = f"price-lists/{self.price_list.pk}/", {"is_active": self.has_list}
        assert self.till.patch(path, body, If_Match="*").status_code == 200

    @precondition(lambda self: self.lines)
    @rule(data=st.data())
    def remove(self, data):
        id = data.draw(st.sampled_from(list(self.lines)))
        self.change(self.till.delete(self.path(f"lines/{id}/")), lambda: self.lines.pop(id))

    @precondition(lambda self: self.goods)
    @rule(data=st.data(), discount=discounts)
    def discount_line(self, data, discount):
        id = data.draw(st.sampled_from(self.goods))
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

    @precondition(lambda self: self.total < 0)
    @rule(part=st.integers(1, 120))
    def pay_out_a_part(self, part):
        amount = min(-1, self.total * part // 100)
        self.pay_in_cash(cash(money(amount)), amount)

    @rule()
    def pay_the_rest(self):
        self.pay_in_cash({"id": new_id(), "method": "cash"}, None)

    def round_to_coins(self, left):
        payable = (2 * abs(left) + self.coin) // (2 * self.coin) * self.coin
        return -payable if left < 0 else payable

    def pay_in_cash(self, payment, amount):
        left = self.total - self.paid
        payable = self.round_to_coins(left)
        if not self.is_open:
            code = "order_not_open"
        elif not self.lines:
            code = "order_empty"
        else:
            code = self.find_refusal(amount, left, payable)
        answer = self.till.pay(self.order, payment)
        if self.is_open and self.is_choice_missing:
            assert refusal_code(answer, 400) == "invalid"
            return
        if code:
            assert refusal_code(answer, 409) == code
            assert cents(answer.json().get("payable", money(payable))) == payable
            return
        assert answer.status_code == 201, answer.content
        if amount in {None, left, payable}:
            self.paid, self.rounding = self.paid + payable, payable - left
            self.complete()
        else:
            self.paid += amount

    def find_refusal(self, amount, left, payable):
        """Return the code of the refusal of an amount, or None."""
        if amount in {None, left, payable}:
            return None
        if left < 0:
            return "due_to_customer"
        if amount > max(left, payable):
            return "payment_exceeds_due"
        return "not_payable_in_cash" if amount > payable or amount % self.coin else None

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
        returned = sum(each.total for each in self.lines.values() if each.product == EMPTY)
        assert cents(shown["deposit_return_total"]) == -returned
        assert (shown["receipt_number"] is not None) == (self.status == "completed")

    @invariant()
    def stock_equals_the_model(self):
        for product, sold in zip(self.products, self.sold, strict=True):
            assert get_stock_level(product, self.till.register.store) == (STOCK - sold, 0)


@pytest.mark.timeout(0)
@pytest.mark.parametrize("coin", [1, pytest.param(5, marks=pytest.mark.sample), 100])
def test_random_orders_equal_the_model(admins_till, make_product, shop, coin):
    products = [make_product(price, stock=str(STOCK)) for price in [*PRICES, PRICE_OF_LATTE]]
    modifiers = attach_modifiers(shop, products[LATTE], "Size", "Extras")
    set_modifier(modifiers["Shot"], product=products[0])
    shop.cash_rounding_increment = Decimal(coin).scaleb(-2)
    shop.save_changes("cash_rounding_increment")

    empty = make_product(PRICE_OF_EMPTIES, returnable=True)
    price_list = PriceListFactory(tenant=shop)
    for position, breaks in LIST_PRICES.items():
        for minimum, amount in breaks:
            PriceFactory(
                product=products[position],
                price_list=price_list,
                amount=Decimal(amount),
                min_quantity=Decimal(minimum),
            )
    run(
        Orders,
        till=admins_till,
        products=products,
        empty=empty,
        modifiers=modifiers,
        price_list=price_list,
        coin=coin,
    )
