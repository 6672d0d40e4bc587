"""A payment gateway that answers what a test tells it, and remembers what it was asked."""

from collections.abc import Callable

import pytest
from django.db import connection

from orders.gateways import Answer, Charge, GatewayRefund, Outcome

CAPTURED = Answer(Outcome.CAPTURED, reference="gw-1")
DECLINED = Answer(Outcome.DECLINED, reason="No money.")
TIMED_OUT = Answer(Outcome.UNKNOWN, reason="No answer in time.")

Told = Answer | Exception | Callable[[Charge], Answer]


class ScriptedGateway:
    """Captures everything, unless told otherwise for the next charges and look-ups."""

    def __init__(self) -> None:
        self.answers: list[Told] = []
        self.found: list[Told] = []
        self.charges: list[Charge] = []
        self.look_ups: list[Charge] = []
        self.returns: list[Told] = []
        self.refunds: list[GatewayRefund] = []
        self.in_transaction: list[bool] = []

    def charge(self, charge: Charge, *, timeout: float) -> Answer:
        self.charges.append(charge)
        return self.tell(self.answers, charge)

    def look_up(self, charge: Charge, *, timeout: float) -> Answer:
        self.look_ups.append(charge)
        return self.tell(self.found, charge)

    def cancel(self, charge: Charge, *, timeout: float) -> Answer:
        return self.tell(self.answers, charge)

    def refund(self, back: GatewayRefund, *, timeout: float) -> Answer:
        self.refunds.append(back)
        return self.tell(self.returns, back)

    def look_up_refund(self, back: GatewayRefund, *, timeout: float) -> Answer:
        return self.tell(self.returns, back)

    def tell(self, script: list[Told], charge: Charge | GatewayRefund) -> Answer:
        self.in_transaction.append(connection.in_atomic_block)
        told = script.pop(0) if script else CAPTURED
        if isinstance(told, Exception):
            raise told
        return told if isinstance(told, Answer) else told(charge)


def install_gateway(monkeypatch: pytest.MonkeyPatch) -> ScriptedGateway:
    """Return a gateway that stands in for the one that the settings name."""
    scripted = ScriptedGateway()
    for asking in ("payments.capture", "refunds.payouts"):
        monkeypatch.setattr(f"orders.services.{asking}.get_payment_gateway", lambda: scripted)
    return scripted
