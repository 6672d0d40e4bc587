"""A payment gateway behind HTTP, as a server under test meets it: slow, broken or as it should."""

import json
from http.client import HTTPConnection, HTTPException

from django.conf import settings

from orders.gateways import Answer, Charge, GatewayRefund, Outcome

UNKNOWN = Answer(Outcome.UNKNOWN, reason="The gateway did not answer.")


class WireGateway:
    """Asks the server of LIVE_GATEWAY_PORT; whatever is no answer leaves the outcome unknown."""

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
        told = json.loads(response.read())
        return Answer(Outcome(told["outcome"]), reference=told["reference"])
    except (OSError, HTTPException, ValueError, KeyError):
        return UNKNOWN
    finally:
        connection.close()
