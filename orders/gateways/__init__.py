"""Payment gateway interface. The setting PAYMENT_GATEWAY names the implementation."""

import uuid
from dataclasses import dataclass, replace
from decimal import Decimal
from enum import StrEnum
from functools import cache
from typing import Protocol

from django.conf import settings
from django.utils.module_loading import import_string


class Outcome(StrEnum):
    """Outcome of a charge or refund, with the values of `Payment.Status`.

    For a refund CAPTURED means that it was paid. PENDING means that a card reader waits for the
    card, or that the gateway is still processing it.
    """

    PENDING = "pending"
    CAPTURED = "captured"
    DECLINED = "declined"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Charge:
    """A charge. `key` is the payment's id and makes repeating safe.

    `reference` is the gateway's id of the charge once it is known, `reader` its id of the card
    reader. `is_at_reader` says that the register has a reader, also one without an id.
    `is_returned` says that it was captured and is to be paid back by a cancellation.
    """

    key: uuid.UUID
    amount: Decimal
    currency: str
    exponent: int
    reference: str = ""
    reader: str = ""
    is_at_reader: bool = False
    is_returned: bool = False

    def with_reference(self, reference: str) -> "Charge":
        return replace(self, reference=reference)


@dataclass(frozen=True, slots=True)
class GatewayRefund:
    """A refund of a charge. `key` is the payout's id, `charge` the payment's.

    `charge_reference` is the gateway's id of the charge, `reference` that of the refund once it is
    known, `reader` the gateway's id of the card reader at which the card can be presented.
    `is_at_reader` says that the reader is reserved for it.
    """

    key: uuid.UUID
    charge: uuid.UUID
    amount: Decimal
    currency: str
    exponent: int
    charge_reference: str = ""
    reference: str = ""
    reader: str = ""
    is_at_reader: bool = False


@dataclass(frozen=True, slots=True)
class Answer:
    outcome: Outcome
    reference: str = ""
    reason: str = ""
    # The charge exists at the gateway but was not sent to a reader yet: save its reference and
    # charge again.
    is_prepared: bool = False


class PaymentGateway(Protocol):
    """Methods return `unknown` instead of raising on time-outs and network errors."""

    def charge(self, charge: Charge, *, timeout: float) -> Answer:
        """Charge once per key, however often it is called; wait at most `timeout` seconds.

        A gateway with card readers answers PENDING: the outcome comes by a look-up.
        """
        ...

    def look_up(self, charge: Charge, *, timeout: float) -> Answer:
        """Return the outcome of the charge with this key."""
        ...

    def cancel(self, charge: Charge, *, timeout: float) -> Answer:
        """Cancel a charge, even an unknown one: DECLINED if canceled, CAPTURED if too late."""
        ...

    def refund(self, back: GatewayRefund, *, timeout: float) -> Answer:
        """Refund once per key, however often it is called."""
        ...

    def look_up_refund(self, back: GatewayRefund, *, timeout: float) -> Answer:
        """Return the outcome of the refund with this key; DECLINED if it is unknown."""
        ...


class ReaderGateway(PaymentGateway, Protocol):
    """A gateway with card readers, where some cards are presented again for a refund."""

    def needs_card_for_refund(self, charge: Charge, *, timeout: float) -> bool:
        """Return whether the card has to be presented again; also if that is not known."""
        ...

    def cancel_refund(self, back: GatewayRefund, *, timeout: float) -> Answer:
        """Cancel a refund that waits for its card: DECLINED if canceled."""
        ...


@cache
def get_payment_gateway() -> PaymentGateway:
    gateway: PaymentGateway = import_string(settings.PAYMENT_GATEWAY)()
    return gateway


def is_gateway_simulated() -> bool:
    """Return whether the configured gateway is a simulator."""
    return getattr(get_payment_gateway(), "is_simulated", False)


def may_charge_cards() -> bool:
    """Return whether the gateway may charge: a simulator must have been enabled."""
    return may_simulate_cards() or not is_gateway_simulated()


def may_simulate_cards() -> bool:
    """Return whether the installation has chosen to simulate cards."""
    return bool(settings.PAYMENT_SIMULATOR)
