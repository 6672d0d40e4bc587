"""A scripted payment gateway that records its calls."""

from collections.abc import Callable

import pytest
from django.db import connection

from orders.gateways import Answer, Charge, GatewayRefund, Outcome

CAPTURED = Answer(Outcome.CAPTURED, reference="gw-1")
DECLINED = Answer(Outcome.DECLINED, reason="No money.")
TIMED_OUT = Answer(Outcome.UNKNOWN, reason="No answer in time.")

ScriptedAnswer = Answer | Exception | Callable[[Charge], Answer]


class ScriptedGateway:
    """Capture every payment, unless the next answers are scripted."""

    def __init__(self) -> None:
        self.answers: list[ScriptedAnswer] = []
        self.found: list[ScriptedAnswer] = []
        self.charges: list[Charge] = []
        self.look_ups: list[Charge] = []
        self.returns: list[ScriptedAnswer] = []
        self.refunds: list[GatewayRefund] = []
        self.in_transaction: list[bool] = []
        # Whether cards are presented again for refunds.
        self.asks_for_card = False
        self.canceled_refunds: list[GatewayRefund] = []

    def charge(self, charge: Charge, *, timeout: float) -> Answer:
        self.charges.append(charge)
        return self.next_answer(self.answers, charge)

    def look_up(self, charge: Charge, *, timeout: float) -> Answer:
        self.look_ups.append(charge)
        return self.next_answer(self.found, charge)

    def cancel(self, charge: Charge, *, timeout: float) -> Answer:
        return self.next_answer(self.answers, charge)

    def refund(self, refund: GatewayRefund, *, timeout: float) -> Answer:
        self.refunds.append(refund)
        return self.next_answer(self.returns, refund)

    def look_up_refund(self, refund: GatewayRefund, *, timeout: float) -> Answer:
        return self.next_answer(self.returns, refund)

    def needs_card_for_refund(self, charge: Charge, *, timeout: float) -> bool:
        self.in_transaction.append(connection.in_atomic_block)
        return self.asks_for_card

    def cancel_refund(self, refund: GatewayRefund, *, timeout: float) -> Answer:
        self.canceled_refunds.append(refund)
        return self.next_answer(self.returns, refund)

    def next_answer(self, script: list[ScriptedAnswer], charge: Charge | GatewayRefund) -> Answer:
        self.in_transaction.append(connection.in_atomic_block)
        answer = script.pop(0) if script else CAPTURED
        if isinstance(answer, Exception):
            raise answer
        return answer if isinstance(answer, Answer) else answer(charge)


def install_gateway(monkeypatch: pytest.MonkeyPatch) -> ScriptedGateway:
    """Install a scripted gateway instead of the configured one and return it."""
    scripted = ScriptedGateway()
    gateway = "orders.services.payments.gateway.get_payment_gateway"
    monkeypatch.setattr(gateway, lambda: scripted)
    return scripted
