"""Ask the payment gateway, outside of transactions."""

from dataclasses import replace
from datetime import timedelta
from typing import Literal

import structlog
from django.conf import settings
from django.utils import timezone

from orders.gateways import (
    Answer,
    Charge,
    GatewayRefund,
    Outcome,
    PaymentGateway,
    ReaderGateway,
    get_payment_gateway,
)
from orders.gateways.simulated import SimulatedGateway
from orders.gateways.stripe_terminal import StripeTerminal
from orders.models import CardReader, Payment, PaymentProvider, Payout, Refund
from orders.services.payments.readers import find_refund_reader
from tenants.ids import derive_id
from tenants.scope import current_tenant

log = structlog.get_logger("till.payments")


def query_payment(payment: Payment, question: Literal["charge", "look_up", "cancel"]) -> Answer:
    """Charge, look up or cancel a payment and return the answer."""
    reader = load_reader(payment)
    return _query(reader, question, _build_charge(payment, reader), payment=str(payment.pk))


def _build_charge(payment: Payment, reader: CardReader | None) -> Charge:
    tenant = current_tenant()
    return Charge(
        key=payment.pk,
        amount=payment.amount,
        currency=tenant.currency,
        exponent=tenant.currency_exponent,
        reference=payment.gateway_reference,
        reader=reader.provider_reader_id if reader else "",
        is_at_reader=reader is not None,
        is_returned=payment.returned_at is not None,
    )


def needs_card_for_refund(payment: Payment) -> bool:
    """Return whether the card has to be presented again for a refund; also if nobody knows."""
    reader = load_reader(payment)
    if reader is None:
        return False
    charge = _build_charge(payment, reader)
    timeout = settings.PAYMENT_GATEWAY_TIMEOUT
    return get_reader_gateway(reader).needs_card_for_refund(charge, timeout=timeout)


def query_payout(
    payout: Payout, question: Literal["refund", "look_up_refund", "cancel_refund"]
) -> Answer:
    """Refund, look up or cancel a payout and return the answer."""
    tenant = current_tenant()
    charged_by = load_reader(payout.card_payment)
    refund = GatewayRefund(
        key=payout.pk,
        charge=payout.card_payment.pk,
        amount=payout.paid,
        currency=tenant.currency,
        exponent=tenant.currency_exponent,
        charge_reference=payout.card_payment.gateway_reference,
        reference=payout.gateway_reference,
        reader=_find_reader_id(payout, charged_by),
        is_at_reader=payout.reader_id is not None,
    )
    return _query(charged_by, question, refund, payout=str(payout.pk))


def return_late_capture(payment: Payment) -> Answer:
    """Refund what was captured after the payment was declined or canceled, once.

    An earlier request may have made the refund without an answer, and gateways forget their
    idempotency keys after some time: so the refund is looked up first.
    """
    tenant = current_tenant()
    reader = load_reader(payment)
    refund = GatewayRefund(
        key=derive_id("late capture", payment.pk),
        charge=payment.pk,
        amount=payment.amount,
        currency=tenant.currency,
        exponent=tenant.currency_exponent,
        charge_reference=payment.gateway_reference,
        reader=reader.provider_reader_id if reader else "",
    )
    subject = str(payment.pk)
    found = _query(reader, "look_up_refund", refund, payment=subject)
    if found.outcome != Outcome.DECLINED:
        return found
    if not found.reference:
        found = _query(reader, "refund", refund, payment=subject)
    is_refused = found.outcome == Outcome.DECLINED
    # It may have been refused because somebody has returned the money at the provider already.
    return look_up_late_return(payment) if is_refused else found


def look_up_late_return(payment: Payment) -> Answer:
    """Return whether nothing is left of a late capture: CAPTURED if it was returned."""
    reader = load_reader(payment)
    charge = replace(_build_charge(payment, reader), is_returned=True)
    found = _query(reader, "look_up", charge, payment=str(payment.pk))
    outcomes = {Outcome.DECLINED: Outcome.CAPTURED, Outcome.CAPTURED: Outcome.DECLINED}
    return replace(found, outcome=outcomes.get(found.outcome, found.outcome))


def load_reader(payment: Payment) -> CardReader | None:
    """Return the card reader of a payment with its provider; None without a reader."""
    if payment.reader_id is None:
        return None
    return CardReader.objects.select_related("provider").get(pk=payment.reader_id)


def _find_reader_id(payout: Payout, charged_by: CardReader | None) -> str:
    """Return the provider's id of the reader where the refund is made."""
    if charged_by is None:
        return ""
    if payout.reader_id is not None:
        return CardReader.objects.get(pk=payout.reader_id).provider_reader_id
    return find_refund_reader(payout.refund.register_id, charged_by).provider_reader_id


def get_gateway(reader: CardReader | None) -> PaymentGateway:
    """Return the gateway of a reader's provider, or that of the installation without a reader."""
    return get_payment_gateway() if reader is None else get_reader_gateway(reader)


def get_reader_gateway(reader: CardReader) -> ReaderGateway:
    if reader.provider.kind == PaymentProvider.Kind.SIMULATOR:
        return SimulatedGateway()
    return StripeTerminal(reader.provider.secret_key)


def _query(
    reader: CardReader | None, question: str, request: Charge | GatewayRefund, **subject: str
) -> Answer:
    """Return the gateway's answer; `unknown` if the gateway raises, as money may have moved."""
    try:
        ask = getattr(get_gateway(reader), question)
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
