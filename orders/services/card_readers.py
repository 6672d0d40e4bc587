"""Add and change payment providers and card readers."""

import uuid
from typing import Any

from accounts.models import User
from orders.exceptions import (
    ProviderUnavailable,
    ReaderAtOtherRegister,
    RegisterHasReader,
)
from orders.gateways.stripe_terminal import Refused, StripeTerminal, Unreachable
from orders.models import CardReader, PaymentProvider
from orders.services.payments.readers import ensure_reader_unused
from tenants import audit, idempotency
from tenants.exceptions import Invalid
from tenants.scope import atomic_with_retry
from tenants.services import lock_tenant, save_row

# What Stripe's keys and secrets begin with: anything else was copied from the wrong place.
KEY_PREFIXES = ("sk_", "rk_")
WEBHOOK_PREFIX = "whsec_"
READER_PREFIX = "tmr_"
SEALED_COLUMNS = (
    "sealed_secret_key",
    "sealed_webhook_secret",
    "sealed_former_webhook_secret",
    "former_until",
)


@atomic_with_retry
def add_provider(values: dict[str, Any], *, by: User) -> PaymentProvider:
    """Create a payment provider. Its credentials cannot be read again."""
    credentials = values.get("credentials", {})
    provider = PaymentProvider()
    _set_credentials(provider, values["kind"], credentials)
    save_row(provider, {name: values[name] for name in values if name != "credentials"})
    audit.record("payment_provider_added", actor=by, target=provider, kind=provider.kind)
    return provider


@atomic_with_retry
def change_provider(
    provider_id: uuid.UUID,
    changes: dict[str, Any],
    *,
    expected_version: int | None,
    by: User,
) -> PaymentProvider:
    """Change a payment provider. Given credentials replace the earlier ones.

    The previous webhook secret stays valid for a day.
    """
    provider = PaymentProvider.objects.select_for_update(no_key=True).get(pk=provider_id)
    provider.ensure_version(expected_version)
    credentials = changes.get("credentials", {})
    values = {name: changes[name] for name in changes if name != "credentials"}
    changed: dict[str, Any] = {"changes": audit.changes(provider, values)}
    if credentials:
        _set_credentials(provider, provider.kind, credentials)
        values |= {name: getattr(provider, name) for name in SEALED_COLUMNS}
        changed["credentials"] = sorted(credentials)
    save_row(provider, values)
    if changed["changes"] or credentials:
        audit.record("payment_provider_changed", actor=by, target=provider, **changed)
    return provider


def _set_credentials(provider: PaymentProvider, kind: str, credentials: dict[str, str]) -> None:
    if kind == PaymentProvider.Kind.SIMULATOR:
        if credentials:
            raise Invalid.field("credentials", "The simulator has none.", code="not_allowed")
        return
    if "secret_key" not in credentials and not provider.has_api_key:
        raise Invalid.field("credentials.secret_key", "Required.", code="required")
    if key := credentials.get("secret_key"):
        _ensure_prefix(key, KEY_PREFIXES, "credentials.secret_key")
        provider.set_secret_key(key)
    if secret := credentials.get("webhook_secret"):
        _ensure_prefix(secret, (WEBHOOK_PREFIX,), "credentials.webhook_secret")
        provider.set_webhook_secret(secret)


def _ensure_prefix(text: str, prefixes: tuple[str, ...], field: str) -> None:
    if not text.startswith(prefixes):
        raise Invalid.field(field, f"Must begin with {' or '.join(prefixes)}.")


def add_reader(values: dict[str, Any], *, by: User) -> CardReader:
    """Create a card reader at a register; with `registration_code`, also register it at Stripe.

    A repeated request has the same `id`, whose reader is returned. Raises RegisterHasReader and
    ReaderAtOtherRegister.
    """
    if "id" in values and (known := CardReader.objects.filter(pk=values["id"]).first()):
        return known
    code, location = values.pop("registration_code", ""), values.pop("location", "")
    reader = CardReader(**values)
    is_simulated = reader.provider.kind == PaymentProvider.Kind.SIMULATOR
    if is_simulated and (reader.provider_reader_id or code):
        raise Invalid.field(
            "provider_reader_id", "The simulator has no readers.", code="not_allowed"
        )
    if code:
        _ensure_free(reader)
        reader.provider_reader_id = _register(reader, code, location)
    elif not is_simulated:
        _ensure_prefix(reader.provider_reader_id, (READER_PREFIX,), "provider_reader_id")
    return _save_new_reader(reader, by)


def _register(reader: CardReader, code: str, location: str) -> str:
    """Register the reader at Stripe, outside of a transaction, and return its id."""
    stripe = StripeTerminal(reader.provider.secret_key)
    try:
        return stripe.register_reader(code, location, reader.name)
    except Refused as refusal:
        raise Invalid.field("registration_code", refusal.reason) from refusal
    except Unreachable as error:
        raise ProviderUnavailable from error


@atomic_with_retry
def _save_new_reader(reader: CardReader, by: User) -> CardReader:
    lock_tenant()
    idempotency.save_key()
    _ensure_free(reader)
    save_row(reader, {})
    audit.record("card_reader_added", actor=by, target=reader, register=str(reader.register))
    return reader


@atomic_with_retry
def change_reader(
    reader_id: uuid.UUID, changes: dict[str, Any], *, expected_version: int | None, by: User
) -> CardReader:
    """Rename, activate or deactivate a card reader."""
    lock_tenant()
    readers = CardReader.objects.visible_to(by).select_for_update(no_key=True, of=("self",))
    reader = readers.get(pk=reader_id)
    reader.ensure_version(expected_version)
    changed = audit.changes(reader, changes)
    reader.is_active = changes.get("is_active", reader.is_active)
    _ensure_free(reader)
    if not reader.is_active:
        ensure_reader_unused(reader)
    save_row(reader, changes)
    if changed:
        audit.record("card_reader_changed", actor=by, target=reader, changes=changed)
    return reader


def _ensure_free(reader: CardReader) -> None:
    """Check that register and reader are in no other active row."""
    if not reader.is_active:
        return
    others = CardReader.objects.filter(is_active=True).exclude(pk=reader.pk)
    if others.filter(register=reader.register_id).exists():
        raise RegisterHasReader(register=str(reader.register))
    same = others.filter(
        provider=reader.provider_id, provider_reader_id=reader.provider_reader_id
    ).exclude(provider_reader_id="")
    if found := same.select_related("register").first():
        raise ReaderAtOtherRegister(register=str(found.register))
