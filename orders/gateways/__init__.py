"""The port through which cards are charged. Which gateway stands behind it, a setting says."""

import uuid
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from functools import cache
from typing import Protocol

from django.conf import settings
from django.utils.module_loading import import_string


class Outcome(StrEnum):
    """What became of a charge, as far as anybody knows. The values are those of a payment.

    Of money that goes back, CAPTURED says that it went.
    """

    CAPTURED = "captured"
    DECLINED = "declined"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Charge:
    """What is asked of a gateway. `key` makes asking again harmless: it is the payment's id."""

    key: uuid.UUID
    amount: Decimal
    currency: str
    exponent: int


@dataclass(frozen=True, slots=True)
class GatewayRefund:
    """Money that goes back. `key` is the id of the payout, `charge` that of the payment."""

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
    """Neither call raises for what may happen to a payment: a time-out is an answer too."""

    def charge(self, charge: Charge, *, timeout: float) -> Answer:
        """Take the money, once per key however often it is called; wait `timeout` seconds."""
        ...

    def look_up(self, charge: Charge, *, timeout: float) -> Answer:
        """What became of the charge with this key."""
        ...

    def cancel(self, charge: Charge, *, timeout: float) -> Answer:
        """Let go of a charge, also of one that was never heard of: DECLINED says that it is gone,
        CAPTURED that it is too late for that."""
        ...

    def refund(self, back: GatewayRefund, *, timeout: float) -> Answer:
        """Give money back, once per key however often it is called."""
        ...

    def look_up_refund(self, back: GatewayRefund, *, timeout: float) -> Answer:
        """What became of the refund with this key; DECLINED where nothing is known of it."""
        ...


@cache
def get_payment_gateway() -> PaymentGateway:
    gateway: PaymentGateway = import_string(settings.PAYMENT_GATEWAY)()
    return gateway


def is_gateway_simulated() -> bool:
    """Return whether the gateway of the settings only pretends to charge."""
    return getattr(get_payment_gateway(), "is_simulated", False)


def may_charge_cards() -> bool:
    """Return whether cards go through the gateway: a simulated one must have been chosen."""
    return settings.PAYMENT_SIMULATOR or not is_gateway_simulated()
