"""System checks of payment settings."""

from typing import Any

from django.conf import settings
from django.core.checks import Error

from orders.gateways import is_gateway_simulated

SIMULATED_CARDS_ERROR = Error(
    "PAYMENT_SIMULATOR is on: card payments are accepted without moving money.",
    hint="Turn it off in production. Stand-alone card readers do not need it.",
    id="orders.E001",
)


def check_cards_are_not_simulated(**kwargs: Any) -> list[Error]:
    """Report an error if card payments are simulated in a deployment."""
    is_simulated = settings.PAYMENT_SIMULATOR and is_gateway_simulated()
    return [SIMULATED_CARDS_ERROR] if is_simulated and not settings.DEBUG else []
