"""A payment gateway behind HTTP for servers under test."""

import json
from http.client import HTTPConnection, HTTPException

from django.conf import settings

from orders.gateways import Answer, Charge, GatewayRefund, Outcome

UNKNOWN = Answer(Outcome.UNKNOWN, reason="The gateway did not answer.")


class WireGateway:
    """Client of the server at LIVE_GATEWAY_PORT; a failed call gives an unknown outcome."""

    def charge(self, charge: Charge, *, timeout: float) -> Answer:
        return ask("charge", charge, timeout)

    def look_up(self, charge: Charge, *, timeout: float) -> Answer:
        return ask("look-up", charge, timeout)

    def cancel(self, charge: Charge, *, timeout: float) -> Answer:
        return ask("cancel", charge, timeout)

    def refund(self, back: GatewayRefund, *, timeout: float) -> Answer:
        return ask("refund", back, timeout)

    def look_up_refund(self, back: GatewayRefund, *, timeout: float) -> Answer:
        return ask("look-up-refund", back, timeout)


def ask(what: str, about: Charge | GatewayRefund, timeout: float) -> Answer:
    connection = HTTPConnection("127.0.0.1", settings.LIVE_GATEWAY_PORT, timeout=timeout)
    try:
        body = {"key": str(about.key), "amount": str(about.amount)}
        connection.request("POST", f"/{what}", json.dumps(body))
        response = connection.getresponse()
        answer = json.loads(response.read())
        return Answer(Outcome(answer["outcome"]), reference=answer["reference"])
    except (OSError, HTTPException, ValueError, KeyError):
        return UNKNOWN
    finally:
        connection.close()
