"""Payment gateway interface. The setting PAYMENT_GATEWAY names the implementation."""

import uuid
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from functools import cache
from typing import Protocol

from django.conf import settings
from django.utils.module_loading import import_string


class Outcome(StrEnum):
    """Outcome of a charge or refund, with the values of `Payment.Status`.

    For a refund CAPTURED means that it was paid.
    """

    CAPTURED = "captured"
    DECLINED = "declined"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Charge:
    """A charge. `key` is the payment's id and makes repeating safe."""

    key: uuid.UUID
    amount: Decimal
    currency: str
    exponent: int


@dataclass(frozen=True, slots=True)
class GatewayRefund:
    """A refund of a charge. `key` is the payout's id, `charge` the payment's."""

    key: uuid.UUID
    charge: uuid.UUID
    amount: Decimal
    currency: str
    exponent: int


@dataclass(frozen=True, slots=True)
class Answer:
    outcome: Outcome
    reference: str = ""
    reason: str = ""


class PaymentGateway(Protocol):
    """Methods return `unknown` instead of raising on time-outs and network errors."""

    def charge(self, charge: Charge, *, timeout: float) -> Answer:
        """Charge once per key, however often it is called; wait at most `timeout` seconds."""
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


@cache
def get_payment_gateway() -> PaymentGateway:
    gateway: PaymentGateway = import_string(settings.PAYMENT_GATEWAY)()
    return gateway


def is_gateway_simulated() -> bool:
    """Return whether the configured gateway is a simulator."""
    return getattr(get_payment_gateway(), "is_simulated", False)


def may_charge_cards() -> bool:
    """Return whether the gateway may charge: a simulator must have been enabled."""
    return settings.PAYMENT_SIMULATOR or not is_gateway_simulated()
