"""Card readers of registers: find the one to charge, and let it charge one card at a time."""

import uuid
from collections.abc import Iterable
from decimal import Decimal

from orders.exceptions import NoCardReader, NoRefundReader, ReaderBusy
from orders.gateways import may_charge_cards, may_simulate_cards
from orders.gateways.stripe_amounts import NotChargeable, to_minor_units
from orders.models import CardReader, Payment, PaymentProvider, Payout
from tenants.exceptions import Invalid
from tenants.scope import current_tenant


def find_reader(register_id: uuid.UUID) -> CardReader | None:
    """Return the active card reader of a register, with its provider."""
    readers = CardReader.objects.select_related("provider")
    return readers.filter(register=register_id, is_active=True, provider__is_active=True).first()


def find_refund_reader(register_id: uuid.UUID, charged_by: CardReader) -> CardReader:
    """Return the reader where a card is presented again for a refund.

    It is that of the register, or else the one that charged the card, which has the same account;
    if that was moved, the same device at its new register.
    """
    here = find_reader(register_id)
    if here is not None and here.provider_id == charged_by.provider_id:
        return here
    if charged_by.is_active or not charged_by.provider_reader_id:
        return charged_by
    moved = CardReader.objects.filter(
        provider=charged_by.provider_id,
        provider_reader_id=charged_by.provider_reader_id,
        is_active=True,
    )
    return moved.first() or charged_by


def ensure_chargeable(
    reader: CardReader | None,
    amount: Decimal,
    field: str,
    if_missing: type[NoCardReader] = NoCardReader,
) -> None:
    """Raise `if_missing` unless the reader, or the gateway of the installation, may charge."""
    if reader is None:
        if not may_charge_cards():
            raise if_missing
    elif reader.provider.kind == PaymentProvider.Kind.SIMULATOR:
        if not may_simulate_cards():
            raise if_missing
    else:
        _ensure_representable(amount, field)


def _ensure_representable(amount: Decimal, field: str) -> None:
    try:
        to_minor_units(amount, current_tenant().currency)
    except NotChargeable as error:
        raise Invalid.field(field, str(error), code="not_chargeable") from error


def ensure_refundable(payout: Payout) -> None:
    """Raise NoRefundReader unless what charged the payment may refund it."""
    ensure_chargeable(payout.card_payment.reader, payout.paid, "amount", NoRefundReader)


def ensure_readers_free(
    transfers: Iterable[Payment | Payout], if_missing: type[NoCardReader] = NoCardReader
) -> None:
    """Raise ReaderBusy if a reader has a charge or refund without outcome, or would get two.

    Raises `if_missing` if it was deactivated. Locks the readers, after the series of the register,
    so that nothing else comes in between.
    """
    readers = [each.reader for each in transfers if each.reader and each.is_in_progress]
    if not readers:
        return
    ids = [reader.pk for reader in readers]
    locked = CardReader.objects.select_for_update(no_key=True).filter(pk__in=ids).order_by("pk")
    for reader in locked:
        if not reader.is_active:
            raise if_missing
        ensure_reader_unused(reader)
        if ids.count(reader.pk) > 1:
            raise ReaderBusy(reader=reader.name, payment=None, refund=None)


def ensure_reader_unused(reader: CardReader) -> None:
    """Raise ReaderBusy if the reader has a charge or refund without outcome."""
    charge = Payment.objects.open_at(reader).first()
    refund = Payout.objects.open_at(reader).first()
    if charge or refund:
        raise ReaderBusy(
            reader=reader.name,
            payment=charge and str(charge.pk),
            refund=refund and str(refund.refund_id),
        )
