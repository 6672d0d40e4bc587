"""A random month of a store over HTTP: shifts, sales, payments, refunds and movements of cash."""

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import time_machine

from accounts.models import User
from orders.models import Product
from tenants.models import Register
from tests.support.refunds import request_refund
from tests.support.shifts import close_shift, hold_order, open_shift, record_movement
from tests.support.till import Body, Till, card, cash_rest, line, new_id

CENT = Decimal("0.01")


@dataclass
class RandomMonth:
    """Makes what happens in a month; the same seed makes the same."""

    seed: int
    user: User
    registers: list[Register]
    goods: list[Product]
    empty: Product
    step: Decimal = CENT
    orders: list[Body] = field(default_factory=list)
    held: list[Body] = field(default_factory=list)
    codes: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.random = random.Random(self.seed)  # noqa: S311  (tests)
        self.actions: list[Callable[[Till, Body], Any]] = [
            self.sell,
            self.sell,
            self.sell_by_card,
            self.sell_by_two,
            self.take_empties,
            self.hold,
            self.finish_held,
            self.void_held,
            self.refund,
            self.refund,
            self.refund_to_credit,
            self.spend_credit,
            self.issue_credit,
            self.move_cash,
            self.refund_amount,
        ]

    def run(self, openings: list[datetime], *, actions: int) -> list[Body]:
        """Open a shift at each of these times, and return the closed shifts."""
        return [
            self.run_shift(at, self.registers[number % len(self.registers)], actions)
            for number, at in enumerate(openings)
        ]

    def run_shift(self, at: datetime, register: Register, actions: int) -> Body:
        with time_machine.travel(at) as clock:
            till = Till(self.user, register)
            shift = open_shift(till, self.pick_amount(50, 300))
            for _ in range(actions):
                clock.shift(timedelta(minutes=self.random.randrange(1, 40)))
                till.renew_tokens()
                self.random.choice(self.actions)(till, shift)
            clock.shift(timedelta(minutes=5))
            till.renew_tokens()
            expected = till.get(f"shifts/{shift['id']}/x-report/").json()["cash"]["expected"]
            difference = self.random.choice([0, 0, self.step, -self.step, 3 * self.step])
            counted = max(Decimal(expected) + difference, Decimal(0))
            closed = close_shift(till, shift, f"{counted:.2f}")
            assert closed.status_code == 200, closed.content
            answer: Body = closed.json()
            return answer

    def pick_amount(self, least: int, most: int) -> str:
        steps = self.random.randrange(int(least / self.step), int(most / self.step))
        return f"{steps * self.step:.2f}"

    def pick_lines(self) -> list[Body]:
        chosen = self.random.sample(self.goods, self.random.randrange(1, 4))
        return [line(product, str(self.random.randrange(1, 4))) for product in chosen]

    def start(self, till: Till) -> Body:
        more = {}
        if self.random.random() < 0.3:
            more["discounts"] = [{"type": "percent", "value": "10"}]
        return till.sold(*self.pick_lines(), **more)

    def finish(self, till: Till, order: Body, *payments: Body) -> Body:
        for payment in payments:
            answer = till.pay(order, payment)
            assert answer.status_code in {200, 201}, answer.content
        done = till.shown(order)
        assert done["status"] == "completed", done
        self.orders.append(done)
        return done

    # --- actions ------------------------------------------------------------------------------

    def sell(self, till: Till, shift: Body) -> None:
        self.finish(till, self.start(till), cash_rest())

    def sell_by_card(self, till: Till, shift: Body) -> None:
        method = self.random.choice(["card", "voucher", "other"])
        order = self.start(till)
        self.finish(till, order, {**card(order["total"]), "method": method})

    def sell_by_two(self, till: Till, shift: Body) -> None:
        order = self.start(till)
        self.finish(till, order, {**card("0.50"), "method": "voucher"}, cash_rest())

    def take_empties(self, till: Till, shift: Body) -> None:
        count = self.random.randrange(1, 9)
        goods = self.pick_lines() if self.random.random() < 0.5 else []
        order = till.sold(*goods, line(self.empty, str(-count)))
        self.finish(till, order, cash_rest())

    def hold(self, till: Till, shift: Body) -> None:
        order = self.start(till)
        part = {"id": new_id(), "method": "cash", "amount": "0.50"}
        assert till.pay(order, part).status_code in {200, 201}
        self.held.append(hold_order(till, order))

    def resume(self, till: Till) -> Body | None:
        """Resume an order that was held at this register."""
        here = [each for each in self.held if each["register"] == str(till.register.pk)]
        if not here:
            return None
        order = self.random.choice(here)
        self.held.remove(order)
        answer = till.post(f"orders/{order['id']}/resume/")
        assert answer.status_code == 200, answer.content
        return till.shown(order)

    def finish_held(self, till: Till, shift: Body) -> None:
        if order := self.resume(till):
            self.finish(till, order, cash_rest())

    def void_held(self, till: Till, shift: Body) -> None:
        if order := self.resume(till):
            payment = order["payments"][0]["id"]
            answer = till.post(f"payments/{payment}/cancel/", {})
            assert answer.status_code == 200, answer.content
            answer = till.post(f"orders/{order['id']}/void/", {"reason": "Left"})
            assert answer.status_code == 200, answer.content

    def refund(self, till: Till, shift: Body) -> None:
        if self.orders:
            order = self.random.choice(self.orders)
            lines = [each for each in order["lines"] if Decimal(each["quantity"]) > 0]
            if lines:
                part = [{"line": self.random.choice(lines)["id"], "quantity": "1"}]
                method = self.random.choice([{}, {}, {"method": "cash"}])
                self.ask_refund(till, order, lines=part, **method)

    def refund_amount(self, till: Till, shift: Body) -> None:
        if self.orders:
            self.ask_refund(till, self.random.choice(self.orders), amount=f"{self.step * 2:.2f}")

    def refund_to_credit(self, till: Till, shift: Body) -> None:
        if self.orders:
            order = self.random.choice(self.orders)
            lines = [each for each in order["lines"] if Decimal(each["quantity"]) > 0]
            if lines:
                part = [{"line": lines[0]["id"], "quantity": "1"}]
                done = self.ask_refund(till, order, lines=part, method="store_credit")
                self.codes += [each["code"] for each in done.get("store_credit_codes") or ()]

    def ask_refund(self, till: Till, order: Body, **body: Any) -> Body:
        """Refund, unless there is nothing left of what is asked for."""
        answer = request_refund(till, order, register=str(till.register.pk), **body)
        assert answer.status_code in {201, 400, 409}, answer.content
        found: Body = answer.json() if answer.status_code == 201 else {}
        return found

    def spend_credit(self, till: Till, shift: Body) -> None:
        if self.codes:
            code = self.codes[-1]
            order = self.start(till)
            credit = {**card(f"{self.step:.2f}"), "method": "store_credit", "reference": code}
            answer = till.pay(order, credit)
            assert answer.status_code in {200, 201, 409}, answer.content
            self.finish(till, order, cash_rest())

    def issue_credit(self, till: Till, shift: Body) -> None:
        body = {"id": new_id(), "amount": self.pick_amount(5, 50), "reason": "Gift card"}
        answer = till.post("store-credits/", body)
        assert answer.status_code == 201, answer.content
        self.codes.append(answer.json()["code"])

    def move_cash(self, till: Till, shift: Body) -> None:
        kind = self.random.choice(["paid_in", "paid_out", "drop"])
        reason = self.random.choice(['Milk "fresh"; 2 €', "Wechselgeld → Bank", "=1+1"])
        amount = self.pick_amount(1, 20)
        record_movement(till, shift, kind, amount, reason=reason)


def berlin(day: str, clock: str, offset: int) -> datetime:
    """Return a time in UTC of the clock in Berlin."""
    local = datetime.fromisoformat(f"{day}T{clock}")
    return (local - timedelta(hours=offset)).replace(tzinfo=UTC)
