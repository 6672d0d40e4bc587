"""System checks of payment settings, and of the fonts of receipts."""

from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, Warning

from orders.gateways import may_simulate_cards
from orders.services.documents.renderers.fonts import list_missing_packages

SIMULATED_CARDS_ERROR = Error(
    "PAYMENT_SIMULATOR is on: card payments are accepted without moving money.",
    hint="Turn it off in production. Stand-alone card readers do not need it.",
    id="orders.E001",
)


def check_cards_are_not_simulated(**kwargs: Any) -> list[Error]:
    """Report an error if card payments are simulated in a deployment.

    Also with another gateway of the installation, because a shop may add a simulated provider.
    """
    is_error = may_simulate_cards() and not settings.DEBUG
    return [SIMULATED_CARDS_ERROR] if is_error else []


def check_receipt_fonts(**kwargs: Any) -> list[CheckMessage]:
    """Warn if this machine has no fonts for letters that receipt printers lack.

    Only in production: on a developer's machine every command would repeat it.
    """
    missing = [] if settings.DEBUG else list_missing_packages()
    if not missing:
        return []
    warning = Warning(
        "Receipt printers print ? instead of some letters, because fonts are missing.",
        hint=f"Install them: apt install {' '.join(missing)}. If the shops do not need them, add "
        "orders.W001 to SILENCED_SYSTEM_CHECKS.",
        id="orders.W001",
    )
    return [warning]
