"""Checks of the settings under which shops sell."""

from typing import Any

from django.conf import settings
from django.core.checks import Error

from orders.gateways import is_gateway_simulated

SIMULATED_CARDS_ERROR = Error(
    "PAYMENT_SIMULATOR is on: cards are taken for paid, and no money moves.",
    hint="Switch it off where real shops sell. Cards of stand-alone readers are sold without it.",
    id="orders.E001",
)


def check_cards_are_not_simulated(**kwargs: Any) -> list[Error]:
    """Refuse a deployment that takes simulated cards for money."""
    is_simulated = settings.PAYMENT_SIMULATOR and is_gateway_simulated()
    return [SIMULATED_CARDS_ERROR] if is_simulated and not settings.DEBUG else []
