"""Card readers of registers: find the one to charge, and let it charge one card at a time."""

import uuid
from collections.abc import Iterable
from decimal import Decimal

from orders.exceptions import NoCardReader, ReaderBusy
from orders.gateways import may_charge_cards, may_simulate_cards
from orders.gateways.stripe_amounts import NotChargeable, to_minor_units
from orders.models import CardReader, Payment, PaymentProvider, Payout
from tenants.exceptions import Invalid
from tenants.scope import current_tenant


def find_reader(register_id: uuid.UUID) -> CardReader | None:
    """Return the active card reader of a register, with its provider."""
    readers = CardReader.objects.select_related("provider")
    return readers.filter(register=register_id, is_active=True, provider__is_active=True).first()


def ensure_chargeable(reader: CardReader | None, amount: Decimal, field: str) -> None:
    """Raise NoCardReader unless the reader, or the gateway of the installation, may charge."""
    if reader is None:
        if not may_charge_cards():
            raise NoCardReader
    elif reader.provider.kind == PaymentProvider.Kind.SIMULATOR:
        if not may_simulate_cards():
            raise NoCardReader
    else:
        _ensure_representable(amount, field)


def _ensure_representable(amount: Decimal, field: str) -> None:
    try:
        to_minor_units(amount, current_tenant().currency)
    except NotChargeable as error:
        raise Invalid.field(field, str(error), code="not_chargeable") from error


def ensure_refundable(payout: Payout) -> None:
    """Raise NoCardReader unless what charged the payment may refund it."""
    ensure_chargeable(payout.card_payment.reader, payout.paid, "amount")


def ensure_readers_free(payments: Iterable[Payment]) -> None:
    """Raise ReaderBusy if a reader has another charge without outcome.

    The caller has locked the series of the register, so that no other payment comes in between.
    """
    busy: set[uuid.UUID] = set()
    for payment in payments:
        reader = payment.reader
        if reader is None or not payment.is_in_progress:
            continue
        other = Payment.objects.open_at(reader).exclude(pk=payment.pk).first()
        if other is not None or reader.pk in busy:
            raise ReaderBusy(reader=reader.name, payment=other and str(other.pk))
        busy.add(reader.pk)
