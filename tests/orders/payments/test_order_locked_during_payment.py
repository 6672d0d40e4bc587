"""An order is locked while a card payment is in progress or its outcome is unknown."""

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

ORDER_BEING_PAID = (409, "order_being_paid")


@dataclass
class OrderActions:
    """A manager's requests about an order of three lines with a discount."""

    person: Till
    order: Body
    extra_line: Body

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

    def discount(self, **options: Any) -> Any:
        return self.post("discounts/", percent("1", **options), Idempotency_Key="once")

    def current_order(self) -> Body:
        return self.person.shown(self.order)

    def remove_discount(self) -> Any:
        discount = self.order["discounts"][0]["id"]
        return self.person.delete(f"{self.path}discounts/{discount}/")

    def refund(self) -> Any:
        return self.post("refunds/", {"id": new_id(), "reason": "Broken"})


# Every route that writes to an order, a request to it, and how it is refused.
ACTIONS = {
    "void": ("order-void", lambda at: at.post("void/", {"reason": "Left"}), ORDER_BEING_PAID),
    "hold": ("order-hold", lambda at: at.post("hold/"), ORDER_BEING_PAID),
    "add a line": ("order-lines", lambda at: at.post("lines/", at.extra_line), ORDER_BEING_PAID),
    "change a quantity": ("order-line", lambda at: at.change(quantity="2"), ORDER_BEING_PAID),
    "change a price": ("order-line", lambda at: at.change(unit_price="2.49"), ORDER_BEING_PAID),
    "change a line's note": ("order-line", lambda at: at.change(note="No salt"), ORDER_BEING_PAID),
    "remove a line": ("order-line", lambda at: at.person.delete(at.line), ORDER_BEING_PAID),
    "discount the order": ("order-discounts", lambda at: at.discount(), ORDER_BEING_PAID),
    "discount a line": (
        "order-discounts",
        lambda at: at.discount(line=at.order["lines"][0]["id"]),
        ORDER_BEING_PAID,
    ),
    "remove a discount": ("order-discount", lambda at: at.remove_discount(), ORDER_BEING_PAID),
    # Resume is refused because the order is not on hold: holding it is refused above.
    "resume": ("order-resume", lambda at: at.post("resume/", {}), (409, "illegal_transition")),
    "refund": ("order-refunds", lambda at: at.refund(), (409, "illegal_transition")),
    # A payment in progress counts as paid until it fails.
    "pay twice": (
        "order-payments",
        lambda at: at.post("payments/", cash("0.01")),
        (409, "payment_exceeds_due"),
    ),
    "write fiscal texts": (
        "order-receipt-fiscal",
        lambda at: at.post("receipt/fiscal/", {"lines": ["Signed"]}),
        (409, "no_receipt"),
    ),
    "email a receipt": (
        "order-receipt-email",
        lambda at: at.post("receipt/email/", {"email": "ann@customer.example"}),
        (409, "no_receipt"),
    ),
}
# Customer and note do not affect the payment.
ALLOWED = {"order-detail"}
for_every_action = pytest.mark.parametrize("action", ACTIONS)


@pytest.fixture
def order_actions(managers_till, make_product) -> OrderActions:
    lines = [
        line(make_product("2.50"), note="Salt"),
        line(make_product("4.00")),
        line(make_product("4.00")),
    ]
    order = managers_till.sold(*lines, discounts=[percent("10")])
    assert order["total"] == "9.45"
    return OrderActions(managers_till, order, line(make_product("1.00"), id=new_id()))


def test_every_route_that_writes_to_an_order_is_covered():
    writes = {
        route.name
        for route in routes()
        if route.path.startswith("api/v1/orders/<uuid:pk>/") and set(route.methods) - {"get"}
    }

    assert {route for route, _, _ in ACTIONS.values()} | ALLOWED == writes


@for_every_action
def test_order_is_locked_during_the_gateway_call(action, order_actions, gateway, problem):
    _, act, refusal = ACTIONS[action]
    refusals = []

    def act_during_charge(charge):
        with assert_no_row_changes():
            refusals.append(problem(act(order_actions), *refusal))
        return CAPTURED

    gateway.answers = [act_during_charge]

    paid = order_actions.person.pay(order_actions.order, card("9.45")).json()

    assert len(refusals) == 1
    assert (paid["status"], paid["total"], paid["paid_total"]) == ("completed", "9.45", "9.45")


@for_every_action
def test_order_is_locked_while_the_card_outcome_is_unknown(action, order_actions, gateway, problem):
    _, act, refusal = ACTIONS[action]
    gateway.answers = [TIMED_OUT]
    order_actions.person.pay(order_actions.order, card("9.45"))

    with assert_no_row_changes():
        problem(act(order_actions), *refusal)

    assert (
        resolve_payment(order_actions.person, order_actions.current_order()).json()["status"]
        == "completed"
    )


@for_every_action
def test_order_can_be_changed_after_a_declined_card(action, order_actions, gateway):
    _, act, refusal = ACTIONS[action]
    gateway.answers = [DECLINED]
    order_actions.person.pay(order_actions.order, card("9.45"))

    answer = act(order_actions)

    assert (answer.status_code, answer.json().get("code")) != ORDER_BEING_PAID
    if refusal == ORDER_BEING_PAID:
        assert answer.status_code == 200, answer.content


def test_later_cash_payment_does_not_unlock_the_order(order_actions, gateway, problem):
    """The unknown card is not the last payment."""
    gateway.answers = [TIMED_OUT]
    order_actions.person.pay(order_actions.order, card("4.45"))
    order_actions.person.pay(order_actions.order, cash("1.00"))

    with assert_no_row_changes():
        problem(order_actions.discount(), *ORDER_BEING_PAID)


def test_note_can_be_changed_while_the_order_is_locked(order_actions, gateway):
    gateway.answers = [TIMED_OUT]
    order_actions.person.pay(order_actions.order, card("9.45"))

    noted = order_actions.person.patch(order_actions.path, {"note": "To go"}, If_Match="*").json()

    assert (noted["note"], noted["total"], noted["status"]) == ("To go", "9.45", "open")
    assert noted["payments"][0]["status"] == "unknown"


CHANGES = [name for name, (_, _, refusal) in ACTIONS.items() if refusal == ORDER_BEING_PAID]


@pytest.mark.race
@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("action", CHANGES)
def test_change_waits_for_a_payment_being_written_and_is_refused(
    action, order_actions, gateway, problem, monkeypatch
):
    """The payment holds the lock of the order that another connection wants to change."""
    _, act, _ = ACTIONS[action]
    order_locked, payment_may_continue, answers = Event(), Event(), {}
    build_payments = capture.build_payments

    def build_payments_after_signal(*args):
        order_locked.set()
        assert payment_may_continue.wait(30)
        return build_payments(*args)

    monkeypatch.setattr(capture, "build_payments", build_payments_after_signal)
    gateway.answers = [TIMED_OUT]
    pay = start_thread(
        answers, "pay", lambda: order_actions.person.pay(order_actions.order, card("9.45"))
    )
    assert order_locked.wait(30)
    change = start_thread(answers, "change", lambda: act(order_actions))
    wait_until_blocked()
    payment_may_continue.set()
    pay.join(30)
    change.join(30)

    problem(answers["change"], *ORDER_BEING_PAID)
    now = order_actions.current_order()
    assert (now["status"], now["total"], len(now["lines"])) == ("open", "9.45", 3)
    assert [each["status"] for each in now["payments"]] == ["unknown"]


def start_thread(answers: dict[str, Any], name: str, work: Any) -> Thread:
    def run() -> None:
        try:
            answers[name] = work()
        finally:
            connections.close_all()

    thread = Thread(target=run, daemon=True)
    thread.start()
    return thread
