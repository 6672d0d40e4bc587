"""Random openings, cash movements, sales and closes of shifts, compared with sums in cents."""

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import invariant, precondition, rule

from tenants.models import Tenant
from tests.stateful.base import Machine, cents, money, refusal_code, run
from tests.support.shifts import (
    build_opening,
    by_method,
    close_shift,
    end_shift,
    fetch_shift_report,
    record_movement,
)
from tests.support.till import Till, card, cash, line, new_id

pytestmark = pytest.mark.once

AMOUNTS = st.integers(1, 50_000)
PRICE = 250


class Shifts(Machine):
    till: Till
    product: object

    def __init__(self):
        super().__init__()
        self.shift, self.status = None, "closed"
        self.cash = self.left = self.sold = self.cards = 0
        self.order = None
        self.z_reports = {}

    @rule(float_=st.none() | st.integers(0, 20_000))
    def open(self, float_):
        given = {} if float_ is None else {"opening_float": money(float_)}
        answer = self.till.post("shifts/", build_opening(self.till, **given))
        if self.status == "open":
            assert refusal_code(answer, 409) == "shift_already_open"
            return
        assert answer.status_code == 201, answer.content
        suggested, counted = self.left, max(0, self.cash)
        if self.status == "ended":  # the previous shift is not closed yet, which is still possible
            assert close_shift(self.till, self.shift, money(counted)).status_code == 200
            self.left = counted
        self.shift, self.status = answer.json(), "open"
        self.cash = suggested if float_ is None else float_
        self.sold = self.cards = 0
        self.order = None

    @precondition(lambda self: self.shift)
    @rule(kind=st.sampled_from(["paid_in", "paid_out", "drop", "no_sale"]), amount=AMOUNTS)
    def move(self, kind, amount):
        if kind == "no_sale":
            amount = 0
        answer = record_movement(self.till, self.shift, kind, money(amount) if amount else None)
        if self.status == "closed":
            assert refusal_code(answer, 409) == "shift_not_in_state"
            return
        if kind in ("paid_out", "drop") and amount > self.cash:
            assert refusal_code(answer, 409) == "drawer_short"
            return
        assert answer.status_code == 201, answer.content
        self.cash += amount if kind == "paid_in" else -amount

    @rule(quantity=st.integers(1, 20), build_payment=st.sampled_from([cash, card]))
    def sell(self, quantity, build_payment):
        amount = PRICE * quantity
        answer = self.till.sell(
            line(self.product, str(quantity)), payments=[build_payment(money(amount))]
        )
        if self.status != "open":
            assert refusal_code(answer, 409) == "no_open_shift"
            return
        assert answer.status_code == 201, answer.content
        self.sold += amount
        self.order = (answer.json(), build_payment, quantity)
        if build_payment is cash:
            self.cash += amount
        else:
            self.cards += amount

    @precondition(lambda self: self.order and self.status == "open")
    @rule()
    def refund_one_unit(self):
        order, build_payment, left = self.order
        body = {
            "id": new_id(),
            "reason": "Bruised",
            "lines": [{"line": order["lines"][0]["id"], "quantity": "1"}],
        }
        answer = self.till.post(f"orders/{order['id']}/refunds/", body)
        assert answer.status_code == 201, answer.content
        self.order = (order, build_payment, left - 1) if left > 1 else None
        if build_payment is cash:
            self.cash -= PRICE
        else:
            self.cards -= PRICE

    @precondition(lambda self: self.shift)
    @rule()
    def end(self):
        answer = end_shift(self.till, self.shift)
        if self.status == "open":
            assert answer.status_code == 200, answer.content
            self.status = "ended"
        else:
            assert answer.status_code == 409

    @precondition(lambda self: self.shift)
    @rule(difference=st.integers(-500, 500))
    def count(self, difference):
        counted = max(0, self.cash + difference)
        answer = close_shift(self.till, self.shift, money(counted))
        if self.status == "closed":
            assert answer.status_code == 409
            return
        assert answer.status_code == 200, answer.content
        self.status, self.left = "closed", counted
        (row,) = [row for row in answer.json()["counted"] if row["method"] == "cash"]
        assert cents(row["difference"]) == counted - self.cash
        self.z_reports[self.shift["id"]] = fetch_shift_report(self.till, self.shift, "z")

    @invariant()
    def x_report_equals_the_model(self):
        if self.shift and self.status != "closed":
            x = fetch_shift_report(self.till, self.shift)
            expected = by_method(x["expected"], "amount")
            assert expected["cash"] * 100 == self.cash
            assert expected.get("card", 0) * 100 == self.cards
            assert cents(x["sales"]["total"]) == self.sold

    @invariant()
    def closed_z_reports_never_change(self):
        for id, z_report in self.z_reports.items():
            assert fetch_shift_report(self.till, {"id": id}, "z") == z_report


@pytest.mark.timeout(0)
def test_random_shifts_equal_the_model(admins_till, make_product, shop):
    Tenant.objects.filter(pk=shop.pk).update(shifts_required=True)

    run(Shifts, till=admins_till, product=make_product("2.50", stock="100000"))
