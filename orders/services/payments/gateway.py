"""Ask the payment gateway, outside of transactions."""

from datetime import timedelta
from typing import Literal

import structlog
from django.conf import settings
from django.utils import timezone

from orders.gateways import Answer, Charge, GatewayRefund, Outcome, get_payment_gateway
from orders.models import Payment, Payout, Refund
from tenants.scope import current_tenant

log = structlog.get_logger("till.payments")


def query_payment(payment: Payment, question: Literal["charge", "look_up", "cancel"]) -> Answer:
    """Charge, look up or cancel a payment and return the answer."""
    tenant = current_tenant()
    charge = Charge(
        key=payment.pk,
        amount=payment.amount,
        currency=tenant.currency,
        exponent=tenant.currency_exponent,
    )
    return _query(question, charge, payment=str(payment.pk))


def query_payout(payout: Payout, question: Literal["refund", "look_up_refund"]) -> Answer:
    """Refund or look up a payout and return the answer."""
    tenant = current_tenant()
    refund = GatewayRefund(
        key=payout.pk,
        charge=payout.payment_id,
        amount=payout.paid,
        currency=tenant.currency,
        exponent=tenant.currency_exponent,
    )
    return _query(question, refund, payout=str(payout.pk))


def _query(question: str, request: Charge | GatewayRefund, **subject: str) -> Answer:
    """Return the gateway's answer; `unknown` if the gateway raises, as money may have moved."""
    try:
        ask = getattr(get_payment_gateway(), question)
        answer: Answer = ask(request, timeout=settings.PAYMENT_GATEWAY_TIMEOUT)
    except Exception:
        log.exception("gateway_failed", question=question, **subject)
        return Answer(Outcome.UNKNOWN, reason="The gateway failed.")
    return answer


def remaining_wait(subject: Payment | Refund) -> timedelta:
    """Return how long the gateway may still be processing it.

    A look-up before that would find nothing, and the money would move afterwards.
    """
    timeout = timedelta(seconds=settings.PAYMENT_GATEWAY_TIMEOUT)
    return subject.gateway_deadline(timeout) - timezone.now()
