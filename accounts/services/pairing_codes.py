"""Pairing codes: a manager makes one, and a device without any log-in uses it once."""

import uuid
from datetime import datetime

from django.utils import timezone

from accounts.exceptions import PairingCodeInvalid, RegisterClosed
from accounts.models import PairingCode, Terminal, User
from accounts.models.pairing_code import (
    generate_code,
    hash_pairing_code,
    normalize_pairing_code,
)
from accounts.security.rate_limits import policies
from accounts.security.rate_limits.limiter import Lockout, count_attempt, reset_attempts
from accounts.services.login_attempts import build_lockout_facts
from accounts.services.terminals import (
    Device,
    ensure_may_pair,
    is_tenant_named,
    lock_register,
    pair_device,
)
from tenants import audit
from tenants.scope import across_tenants, atomic_with_retry, tenant_scope


@atomic_with_retry
def make_pairing_code(*, register_id: uuid.UUID, by: User) -> tuple[str, datetime]:
    """Make the pairing code of a register, which replaces the former one.

    Returns the code, of which only a keyed hash is stored, and when it expires. Raises
    RegisterClosed.
    """
    ensure_may_pair(by)
    register = lock_register(register_id)
    if not register.is_in_use:
        raise RegisterClosed
    code = _find_free_code()
    row = PairingCode.objects.filter(register=register).first() or PairingCode(register=register)
    row.renew(code, by=by)
    row.save()
    audit.record("pairing_code_made", actor=by, target=register)
    return code, row.expires_at


def _find_free_code() -> str:
    """Return a code that no shop has.

    A constraint cannot ensure it, because tables are distributed by tenant on a cluster. Should
    two shops make the same code at once, it pairs with neither of them.
    """
    code = generate_code()
    while _list_codes(code):
        code = generate_code()
    return code


def _list_codes(code: str) -> list[PairingCode]:
    with across_tenants():
        rows = PairingCode.objects.select_related("tenant")
        return list(rows.filter(code_hash=hash_pairing_code(code)))


def pair_by_code(
    text: str, *, device: Device, ip: str | None, tenant: str | None = None
) -> tuple[Terminal, str]:
    """Pair a device with the register of a code, which is used up.

    `tenant` is the tenant that the request names, if any. Wrong codes are counted per address.
    Returns the terminal, with register, store and tenant loaded, and its token. Raises
    PairingCodeInvalid, RegisterClosed and TooManyAttempts.
    """
    claims = [policies.bucket_for_pairing_code(ip)]
    lockouts = count_attempt(claims)
    code = normalize_pairing_code(text)
    found = _list_codes(code) if code else []
    if len(found) != 1 or not is_tenant_named(found[0].tenant, tenant):
        _record_failure(text, lockouts, ip)
        raise PairingCodeInvalid
    row = found[0]
    try:
        with tenant_scope(row.tenant):
            paired = _use_code(row, device)
    except PairingCodeInvalid:
        _record_failure(text, lockouts, ip)
        raise
    reset_attempts(give_back=claims)
    return paired


@atomic_with_retry
def _use_code(found: PairingCode, device: Device) -> tuple[Terminal, str]:
    """Pair under the lock of the register, so that of two devices one uses the code."""
    register = lock_register(found.register_id)
    same = PairingCode.objects.filter(pk=found.pk, code_hash=found.code_hash)
    row = same.select_related("made_by__tenant").first()
    if row is None or not row.is_usable(timezone.now()):
        raise PairingCodeInvalid
    paired = pair_device(register, device, row.made_by, by_code=True)
    row.delete()
    return paired


def _record_failure(text: str, lockouts: list[Lockout], ip: str | None) -> None:
    audit.record_anonymous("pairing_code_failed", tenant=None, name=text[:100])
    name = policies.normalize_to_network(ip)
    for each in lockouts:
        audit.record_anonymous(
            "too_many_attempts", tenant=None, name=name, **build_lockout_facts(each)
        )
