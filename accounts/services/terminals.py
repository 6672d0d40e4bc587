"""Terminals: pair, authenticate, unpair and bind sessions."""

import uuid
from dataclasses import dataclass
from typing import Any

from django.utils import timezone

from accounts.exceptions import RegisterClosed, TerminalNotPaired
from accounts.models import AuthSession, Terminal, User
from accounts.models.terminal import parse_terminal_token
from tenants import audit
from tenants.exceptions import NotPermitted
from tenants.models import Register, Store, Tenant
from tenants.scope import across_tenants, atomic_with_retry


def authenticate_terminal_token(token: str, *, tenant: str | None = None) -> Terminal:
    """Return the terminal of this token, with register, store and tenant loaded.

    `tenant` is the X-Tenant-ID of the request. Every failure raises TerminalNotPaired.
    """
    terminal = _find_terminal(token)
    if terminal is None or not terminal.is_in_use or not is_tenant_named(terminal.tenant, tenant):
        raise TerminalNotPaired
    return terminal


def _find_terminal(token: str) -> Terminal | None:
    parts = parse_terminal_token(token)
    if parts is None:
        return None
    keys, secret = parts
    with across_tenants():
        terminals = Terminal.objects.select_related("register__store", "tenant")
        terminal = terminals.filter(**keys).first()
    return terminal if terminal is not None and terminal.has_secret(secret) else None


def is_tenant_named(shop: Tenant, name: str | None) -> bool:
    """Return whether a name, if there is any, is the slug or id of the tenant."""
    return name is None or name.lower() in {shop.slug, str(shop.pk)}


@dataclass(frozen=True, slots=True)
class Device:
    """What a device says about itself when it is paired."""

    name: str = ""
    app_version: str = ""


@atomic_with_retry
def pair_terminal(
    *, register_id: uuid.UUID, session: AuthSession, device: Device | None = None
) -> tuple[Terminal, str]:
    """Pair a device with a register; the former terminal is unpaired.

    Returns the terminal and its token, of which only the hash is stored.
    """
    by = session.user
    ensure_may_pair(by)
    session.ensure_fresh(timezone.now(), by_password=True)
    return pair_device(lock_register(register_id), device or Device(), by)


def ensure_may_pair(by: User) -> None:
    if not by.may_pair_terminals():
        raise NotPermitted


def pair_device(register: Register, device: Device, by: User, **facts: Any) -> tuple[Terminal, str]:
    """Pair a device with a locked register, in the transaction of the caller.

    Raises RegisterClosed.
    """
    if not register.is_in_use:
        raise RegisterClosed
    _unpair(register, by)
    terminal = Terminal(
        register=register, paired_by=by, device_name=device.name, app_version=device.app_version
    )
    token = terminal.make_token()
    terminal.save(force_insert=True)
    audit.record("terminal_paired", actor=by, target=register, terminal=str(terminal.pk), **facts)
    return terminal, token


@atomic_with_retry
def unpair_terminal(*, register_id: uuid.UUID, by: User) -> None:
    """Unpair the register's terminal, if any, and end its sessions."""
    ensure_may_pair(by)
    _unpair(lock_register(register_id), by)


def _unpair(register: Register, by: User) -> None:
    for terminal in Terminal.objects.paired().filter(register=register):
        terminal.unpaired_at = timezone.now()
        terminal.save_changes("unpaired_at")
        AuthSession.objects.filter(terminal=terminal).end(AuthSession.EndReason.UNPAIRED)
        audit.record("terminal_unpaired", actor=by, target=register, terminal=str(terminal.pk))


def end_sessions_at_inactive(place: Register | Store) -> int:
    """End the sessions at a register or store that was deactivated; return how many.

    Runs in the caller's transaction. Terminals stay paired for a later activation.
    """
    if place.is_active:
        return 0
    terminals = (
        Terminal.objects.filter(register__store=place)
        if isinstance(place, Store)
        else Terminal.objects.filter(register=place)
    )
    sessions = AuthSession.objects.filter(terminal__in=terminals)
    return sessions.end(AuthSession.EndReason.CLOSED)


def bind_session_to_terminal(terminal: Terminal, session: AuthSession) -> None:
    """Bind a new session to its terminal and end a former PIN session there.

    Locks the register. Raises TerminalNotPaired if it was unpaired or deactivated meanwhile.
    """
    register = lock_register(terminal.register_id)
    if not (register.is_in_use and Terminal.objects.paired().filter(pk=terminal.pk).exists()):
        raise TerminalNotPaired
    former = AuthSession.objects.live().opened_by_pin().filter(terminal=terminal)
    for one in former.select_related("user"):
        audit.record("session_switched", actor=session.user, target=one.user, register=register)
    former.end(AuthSession.EndReason.SWITCHED)
    session.terminal, session.register, session.store = terminal, register, register.store


def lock_register(pk: uuid.UUID) -> Register:
    """Lock a register and its store without blocking inserts that refer to them."""
    registers = Register.objects.select_for_update(no_key=True, of=("self", "store"))
    return registers.select_related("store").get(pk=pk)
