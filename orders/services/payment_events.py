"""Events of payment providers: each only triggers a look-up at the provider."""

import json
import uuid
from contextlib import suppress
from datetime import datetime
from typing import Any

from orders.exceptions import InvalidSignature, RefundUnderway
from orders.gateways.stripe_terminal import find_subject, verify_signature
from orders.models import Payment, PaymentProvider, Payout
from orders.services.payments.capture import receive_news
from orders.services.refunds.payouts import look_up_payout
from tenants.exceptions import Invalid, NotFound
from tenants.scope import across_tenants, tenant_context


def receive_event(provider_id: Any, body: bytes, signature: str, now: datetime) -> None:
    """Check the signature of an event, and look up the payment or payout that it is about.

    Raises NotFound, InvalidSignature, and Invalid for a signed body that is no JSON.
    """
    with across_tenants():
        providers = PaymentProvider.objects.select_related("tenant")
        provider = providers.filter(
            pk=provider_id, kind=PaymentProvider.Kind.STRIPE_TERMINAL
        ).first()
    if provider is None or not provider.receives_events:
        raise NotFound
    if not verify_signature(body, signature, provider.webhook_secrets_at(now)):
        raise InvalidSignature
    try:
        event = json.loads(body)
    except ValueError as error:
        raise Invalid(detail="The event is not valid JSON.") from error
    if isinstance(event, dict):
        with tenant_context(provider.tenant):
            _look_up_subject(provider, event)


def _find_payout(provider: PaymentProvider, payout_id: uuid.UUID) -> Payout | None:
    payouts = Payout.objects.select_related("refund__by", "payment")
    return payouts.filter(pk=payout_id, payment__reader__provider=provider).first()


def _look_up_subject(provider: PaymentProvider, event: dict[str, Any]) -> None:
    subject = find_subject(event)
    if payout := subject.payout and _find_payout(provider, subject.payout):
        with suppress(RefundUnderway):  # the request itself records the answer
            look_up_payout(payout, by=payout.refund.by)
    elif subject.intent:
        payments = Payment.objects.select_related("order__cashier")
        found = payments.filter(reader__provider=provider, gateway_reference=subject.intent)
        for payment in found[:1]:
            receive_news(payment)
