"""Random edits by a cashier, compared with the discount rules in exact fractions."""

from fractions import Fraction

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import invariant, precondition, rule

from tests.stateful.base import Machine, run
from tests.support.api import Person
from tests.support.approvals import grant_approval, request_approval
from tests.support.till import Till, line, new_id

pytestmark = pytest.mark.once

PRICES = ["0.01", "1.99", "10.00"]
MAX_DISCOUNTS = 10
TENTH = Fraction(1, 10)
# Limits of a cashier in a new shop: 10 percent by discounts, and no price overrides.
values = st.sampled_from(["0.5", "3", "5", "7", "9.99", "10", "10.01", "50"])
discounts = st.fixed_dictionaries({"type": st.sampled_from(["percent", "amount"]), "value": values})
quantities = st.integers(1, 40).map(str)


def discount_amount(whole, given):
    """Return what discounts take off: percents first, then amounts."""
    left = whole
    for each in given:
        if each["type"] == "percent":
            left *= 1 - Fraction(each["value"]) / 100
    for each in given:
        if each["type"] == "amount":
            left = max(left - Fraction(each["value"]), Fraction(0))
    return whole - left


def reductions(order):
    """Return (reduction, value) of each line, the reduction by order discounts, and the amount
    before order discounts."""
    gross = [Fraction(each["unit_price"]) * Fraction(each["quantity"]) for each in order["lines"]]
    left = [
        price - discount_amount(price, each["discounts"])
        for price, each in zip(gross, order["lines"], strict=True)
    ]
    whole = sum(left)
    off = discount_amount(whole, order["discounts"])
    lines = []
    for each, before in zip(order["lines"], left, strict=True):
        worth = Fraction(each["list_price"]) * Fraction(each["quantity"])
        net = before - before * off / whole if whole else before
        lines.append((worth - net, worth))
    return lines, off, whole


def is_within_limits(order):
    lines, off, whole = reductions(order)
    at_list_price = all(each["unit_price"] == each["list_price"] for each in order["lines"])
    discounted = all(reduction <= value * TENTH for reduction, value in lines)
    return at_list_price and discounted and off <= whole * TENTH


def total_reduction(order):
    return sum(max(reduction, Fraction(0)) for reduction, _ in reductions(order)[0])


class Discounts(Machine):
    till: Till
    manager_client: Person
    products: list

    def __init__(self):
        super().__init__()
        self.order = self.till.sold(line(self.products[2]))
        self.approval = self.refused = None

    def change(self, method, rest, body=None):
        """Send the request and store the order that it returns; a refusal changes nothing."""
        headers = {"If_Match": "*"} if method == "patch" else {}
        approval = {"approval": self.approval} if self.approval and body is not None else {}
        body = None if body is None else body | approval
        answer = getattr(self.till, method)(f"orders/{self.order['id']}/{rest}", body, **headers)
        if answer.status_code == 200:
            self.order = answer.json()
            self.approval = None
        else:
            assert answer.status_code == 403, answer.content
            assert self.till.shown(self.order) == self.order
            refused = answer.json()
            # An approval for something else is not valid and stays unused.
            self.refused = refused if refused["code"] == "approval_required" else None
            self.approval = None
        return answer

    @precondition(lambda self: len(self.order["lines"]) < 6)
    @rule(product=st.integers(0, 2), quantity=quantities, off=st.lists(discounts, max_size=2))
    def add(self, product, quantity, off):
        added = line(self.products[product], quantity, id=new_id(), discounts=off)
        self.change("post", "lines/", added)

    @precondition(lambda self: self.order["lines"])
    @rule(data=st.data(), quantity=quantities)
    def change_quantity(self, data, quantity):
        self.change("patch", self.some_line(data), {"quantity": quantity})

    @precondition(lambda self: self.order["lines"])
    @rule(data=st.data(), price=st.sampled_from(["0.01", "1.80", "1.99", "9.00", "10.00", "11.00"]))
    def change_price(self, data, price):
        self.change("patch", self.some_line(data), {"unit_price": price})

    @precondition(lambda self: self.order["lines"])
    @rule(data=st.data())
    def remove(self, data):
        self.change("delete", self.some_line(data))

    @rule(data=st.data(), off=discounts)
    def discount(self, data, off):
        holders = {None: self.order} | {each["id"]: each for each in self.order["lines"]}
        target = data.draw(st.sampled_from(list(holders)))
        if len(holders[target]["discounts"]) == MAX_DISCOUNTS:
            return
        where = {"line": target} if target else {}
        self.change("post", "discounts/", off | where | {"id": new_id()})

    @rule(data=st.data())
    def remove_discount(self, data):
        holders = [self.order, *self.order["lines"]]
        ids = [each["id"] for holder in holders for each in holder["discounts"]]
        if ids:
            self.change("delete", f"discounts/{data.draw(st.sampled_from(ids))}/")

    @precondition(lambda self: self.refused)
    @rule()
    def approve_what_was_refused(self):
        request = {name: self.refused[name] for name in ("action", "object", "amount")}
        self.approval = grant_approval(self.manager_client, request_approval(self.till, **request))[
            "id"
        ]
        self.refused = None

    def some_line(self, data):
        ids = [each["id"] for each in self.order["lines"]]
        return f"lines/{data.draw(st.sampled_from(ids))}/"

    @invariant()
    def reductions_above_the_limits_are_approved(self):
        if not is_within_limits(self.order):
            approved = self.order["approved_gift"]
            assert approved is not None
            # The approved amount is rounded to cents.
            assert total_reduction(self.order) <= Fraction(approved) + Fraction(1, 200)

    @rule()
    def create_the_same_order(self):
        """The same order in one request needs an approval for the same amount, or none."""
        body = self.till.order(
            *[
                {
                    "sku": each["sku"],
                    "quantity": each["quantity"],
                    "unit_price": each["unit_price"],
                    "discounts": discount_terms(each),
                }
                for each in self.order["lines"]
            ],
            discounts=discount_terms(self.order),
        )

        answer = self.till.post("orders/", body)

        if is_within_limits(self.order):
            assert answer.status_code == 201, answer.content
            return
        assert (answer.status_code, answer.json()["code"]) == (403, "approval_required")
        asked_for = Fraction(answer.json()["amount"])
        assert abs(asked_for - total_reduction(self.order)) <= Fraction(1, 200)


def discount_terms(holder):
    return [{"type": each["type"], "value": each["value"]} for each in holder["discounts"]]


@pytest.mark.timeout(0)
def test_order_never_exceeds_the_discount_limits_without_approval(
    cashier, manager, register, make_product
):
    products = [make_product(price, stock="100000") for price in PRICES]

    run(
        Discounts,
        till=Till(cashier, register),
        manager_client=Person(manager),
        products=products,
    )
