"""While a card is under way, what it pays for stays as it is: every action, both states."""

from dataclasses import dataclass
from threading import Event, Thread
from typing import Any

import pytest
from django.db import connections

from orders.services.payments import capture
from tests.support.discovery import routes
from tests.support.gateway import CAPTURED, DECLINED, TIMED_OUT
from tests.support.locks import wait_until_blocked
from tests.support.rows import assert_no_row_changes
from tests.support.till import Body, Till, card, cash, line, new_id, percent, resolve_payment

BEING_PAID = (409, "order_being_paid")


@dataclass
class Counter:
    """A manager, who may do everything else, and an order of three lines with a discount."""

    person: Till
    order: Body
    more: Body

    @property
    def path(self) -> str:
        return f"orders/{self.order['id']}/"

    @property
    def line(self) -> str:
        return f"{self.path}lines/{self.order['lines'][0]['id']}/"

    def post(self, path: str, body: Any = None, **headers: str) -> Any:
        return self.person.post(f"{self.path}{path}", body, **headers)

    def change(self, **body: Any) -> Any:
        return self.person.patch(self.line, body, If_Match="*")

    def discount(self, **more: Any) -> Any:
        return self.post("discounts/", percent("1", **more), Idempotency_Key="once")

    def order_now(self) -> Body:
        return self.person.shown(self.order)

    def remove_discount(self) -> Any:
        discount = self.order["discounts"][0]["id"]
        return self.person.delete(f"{self.path}discounts/{discount}/")

    def refund(self) -> Any:
        return self.post("refunds/", {"id": new_id(), "reason": "Broken"})


# What each route that writes to an order does with it, and how it is refused.
ACTIONS = {
    "void": ("order-void", lambda at: at.post("void/", {"reason": "Left"}), BEING_PAID),
    "hold": ("order-hold", lambda at: at.post("hold/"), BEING_PAID),
    "add a line": ("order-lines", lambda at: at.post("lines/", at.more), BEING_PAID),
    "change a quantity": ("order-line", lambda at: at.change(quantity="2"), BEING_PAID),
    "change a price": ("order-line", lambda at: at.change(unit_price="2.49"), BEING_PAID),
    "change a line's note": ("order-line", lambda at: at.change(note="No salt"), BEING_PAID),
    "remove a line": ("order-line", lambda at: at.person.delete(at.line), BEING_PAID),
    "discount the order": ("order-discounts", lambda at: at.discount(), BEING_PAID),
    "discount a line": (
        "order-discounts",
        lambda at: at.discount(line=at.order["lines"][0]["id"]),
        BEING_PAID,
    ),
    "remove a discount": ("order-discount", lambda at: at.remove_discount(), BEING_PAID),
    # It is not held, because that is refused above.
    "resume": ("order-resume", lambda at: at.post("resume/", {}), (409, "illegal_transition")),
    "refund": ("order-refunds", lambda at: at.refund(), (409, "illegal_transition")),
    # What is under way counts as paid until it is known not to be.
    "pay twice": (
        "order-payments",
        lambda at: at.post("payments/", cash("0.01")),
        (409, "payment_exceeds_due"),
    ),
    "email a receipt": (
        "order-receipt-email",
        lambda at: at.post("receipt/email/", {"email": "ann@customer.example"}),
        (409, "no_receipt"),
    ),
}
# Whose order it is and what is noted about it is no part of what is paid.
ALLOWED = {"order-detail"}
every_action = pytest.mark.parametrize("action", ACTIONS)


@pytest.fixture
def counter(managers_till, make_product) -> Counter:
    lines = [
        line(make_product("2.50"), note="Salt"),
        line(make_product("4.00")),
        line(make_product("4.00")),
    ]
    order = managers_till.sold(*lines, discounts=[percent("10")])
    assert order["total"] == "9.45"
    return Counter(managers_till, order, line(make_product("1.00"), id=new_id()))


def test_every_route_that_writes_to_an_order_is_in_the_table():
    writes = {
        route.name
        for route in routes()
        if route.path.startswith("api/v1/orders/<uuid:pk>/") and set(route.methods) - {"get"}
    }

    assert {route for route, _, _ in ACTIONS.values()} | ALLOWED == writes


@every_action
def test_nothing_of_an_order_changes_while_the_gateway_is_asked(action, counter, gateway, problem):
    _, act, refusal = ACTIONS[action]
    asked = []

    def meanwhile(charge):
        with assert_no_row_changes():
            asked.append(problem(act(counter), *refusal))
        return CAPTURED

    gateway.answers = [meanwhile]

    paid = counter.person.pay(counter.order, card("9.45")).json()

    assert len(asked) == 1
    assert (paid["status"], paid["total"], paid["paid_total"]) == ("completed", "9.45", "9.45")


@every_action
def test_nothing_of_an_order_changes_while_nobody_knows_of_its_card(
    action, counter, gateway, problem
):
    _, act, refusal = ACTIONS[action]
    gateway.answers = [TIMED_OUT]
    counter.person.pay(counter.order, card("9.45"))

    with assert_no_row_changes():
        problem(act(counter), *refusal)

    assert resolve_payment(counter.person, counter.order_now()).json()["status"] == "completed"


@every_action
def test_once_the_card_is_declined_the_order_may_be_changed_again(action, counter, gateway):
    _, act, refusal = ACTIONS[action]
    gateway.answers = [DECLINED]
    counter.person.pay(counter.order, card("9.45"))

    answer = act(counter)

    assert (answer.status_code, answer.json().get("code")) != BEING_PAID
    if refusal == BEING_PAID:
        assert answer.status_code == 200, answer.content


def test_cash_beside_a_card_that_is_under_way_holds_the_order_too(counter, gateway, problem):
    """The last payment is there: only one before it is not."""
    gateway.answers = [TIMED_OUT]
    counter.person.pay(counter.order, card("4.45"))
    counter.person.pay(counter.order, cash("1.00"))

    with assert_no_row_changes():
        problem(counter.discount(), *BEING_PAID)


def test_a_note_may_be_written_meanwhile(counter, gateway):
    gateway.answers = [TIMED_OUT]
    counter.person.pay(counter.order, card("9.45"))

    noted = counter.person.patch(counter.path, {"note": "To go"}, If_Match="*").json()

    assert (noted["note"], noted["total"], noted["status"]) == ("To go", "9.45", "open")
    assert noted["payments"][0]["status"] == "unknown"


CHANGES = [name for name, (_, _, refusal) in ACTIONS.items() if refusal == BEING_PAID]


@pytest.mark.race
@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("action", CHANGES)
def test_who_comes_while_a_payment_is_written_waits_and_is_refused(
    action, counter, gateway, problem, monkeypatch
):
    """One connection is about to write the payment of an order that another wants to change."""
    _, act, _ = ACTIONS[action]
    has_order, may_go_on, answers = Event(), Event(), {}
    build_payments = capture.build_payments

    def slowly(*args):
        has_order.set()
        assert may_go_on.wait(30)
        return build_payments(*args)

    monkeypatch.setattr(capture, "build_payments", slowly)
    gateway.answers = [TIMED_OUT]
    pay = started(answers, "pay", lambda: counter.person.pay(counter.order, card("9.45")))
    assert has_order.wait(30)
    change = started(answers, "change", lambda: act(counter))
    wait_until_blocked()
    may_go_on.set()
    pay.join(30)
    change.join(30)

    problem(answers["change"], *BEING_PAID)
    now = counter.order_now()
    assert (now["status"], now["total"], len(now["lines"])) == ("open", "9.45", 3)
    assert [each["status"] for each in now["payments"]] == ["unknown"]


def started(answers: dict[str, Any], name: str, work: Any) -> Thread:
    def run() -> None:
        try:
            answers[name] = work()
        finally:
            connections.close_all()

    thread = Thread(target=run, daemon=True)
    thread.start()
    return thread
