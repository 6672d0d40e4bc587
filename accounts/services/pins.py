"""PINs for shared registers: set, remove, verify and log in."""

import uuid
from collections.abc import Sequence
from typing import Any

from accounts.exceptions import (
    Busy,
    InvalidCredentials,
    PinLocked,
    TerminalNotPaired,
    TooManyAttempts,
)
from accounts.models import AuthSession, Pin, Terminal, User
from accounts.models.terminal import build_pin_hash_input
from accounts.models.user import UserQuerySet
from accounts.security.hashers import run_dummy_hash
from accounts.security.rate_limits import policies
from accounts.security.rate_limits.limiter import Bucket, Lockout, count_attempt, reset_attempts
from accounts.services.log_in_counters import LOCKOUTS, PIN, counted_log_in
from accounts.services.login_attempts import build_lockout_facts
from accounts.services.sessions import ClientInfo, open_session, record_session_event
from accounts.services.users import lock_users
from tenants import audit
from tenants.events.outbox import publish_row
from tenants.exceptions import NotPermitted
from tenants.scope import atomic_with_retry, tenant_context


@atomic_with_retry
def set_pin(*, user_id: uuid.UUID, pin: str, by: User) -> None:
    """Set a PIN and end the sessions that the former one opened."""
    user, by = lock_users(user_id, by)
    if not by.may_set_pin(user):
        raise NotPermitted
    kept = Pin.objects.filter(user=user).first() or Pin(user=user)
    kept.set_digits(pin)
    if kept._state.adding:
        kept.save(force_insert=True)
    else:
        kept.save_changes("digits_hash", "opened_at")
    _end_pin_sessions(user)
    _save_new_version(user)
    audit.record("pin_set", actor=by, target=user)


@atomic_with_retry
def remove_pin(*, user_id: uuid.UUID, by: User) -> None:
    """Remove the PIN, if any, and end the sessions that it opened."""
    user, by = lock_users(user_id, by)
    if not by.may_set_pin(user):
        raise NotPermitted
    removed, _ = Pin.objects.filter(user=user).delete()
    if removed:
        _end_pin_sessions(user)
        _save_new_version(user)
        audit.record("pin_removed", actor=by, target=user)


def _end_pin_sessions(user: User) -> None:
    AuthSession.objects.opened_by_pin().filter(user=user).end(AuthSession.EndReason.PIN)


def _save_new_version(user: User) -> None:
    """Increment the user's version, as users are listed with `has_pin`."""
    user.save_changes()
    publish_row(user, is_new=False)


def find_pin_users(terminal: Terminal) -> UserQuerySet:
    """Return the users with a PIN who work in the terminal's store."""
    people = (
        User.objects.get_queryset().with_usable_pin().working_in_store(terminal.register.store_id)
    )
    return people if terminal.tenant.is_active else people.none()


def list_pin_users(terminal: Terminal) -> UserQuerySet:
    """Return the users who can log in by PIN at a terminal. Raises TerminalNotPaired."""
    if not terminal.tenant.is_active:
        raise TerminalNotPaired
    return find_pin_users(terminal)


def log_in_by_pin(
    *, terminal: Terminal, user_id: uuid.UUID, pin: str, origin: ClientInfo
) -> AuthSession:
    """Log a user in by PIN; a former PIN session at the terminal ends."""
    with tenant_context(terminal.tenant), counted_log_in(PIN):
        person = verify_pin(terminal, user_id, pin)
        return _open_pin_session(person, terminal, origin)


@atomic_with_retry
def _open_pin_session(person: User, terminal: Terminal, origin: ClientInfo) -> AuthSession:
    session = open_session(person, origin, AuthSession.Method.PIN, terminal)
    # The user is locked now: the PIN or store assignment may have changed meanwhile.
    same = find_pin_users(terminal).filter(pin=person.pin.pk, pin__version=person.pin.version)
    if not same.exists():
        raise InvalidCredentials
    record_session_event("pin_log_in", session, register=str(session.register_id))
    return session


def verify_pin(terminal: Terminal, user_id: uuid.UUID, pin: str, *, way: str = "log_in") -> User:
    """Return the user if the PIN is correct; the attempt is counted before the check.

    Every failure raises InvalidCredentials after one hash. Call it outside of a transaction, so
    that counters and audit events survive a failure. `way` is part of the audit event.
    """
    person = find_pin_users(terminal).select_related("tenant", "pin").filter(pk=user_id).first()
    claims = policies.buckets_for_pin(
        terminal.pk, user_id, person.pin.opened_at if person else None
    )
    waits = _count_pin_attempt(claims)
    try:
        fits = _pin_matches(person, user_id, pin)
    except Busy:
        # The PIN was not checked, so the attempt does not count.
        reset_attempts(give_back=claims)
        raise
    if person is None or not fits:
        _record_failure(terminal, person, user_id, way, waits)
        raise InvalidCredentials
    reset_attempts(forget=claims[:1], give_back=claims[1:])
    return person


def _count_pin_attempt(claims: Sequence[Bucket]) -> list[Lockout]:
    try:
        return count_attempt(claims)
    except TooManyAttempts as refusal:
        raise PinLocked(**refusal.facts) from refusal


def _pin_matches(person: User | None, user_id: uuid.UUID, pin: str) -> bool:
    if person is None:
        run_dummy_hash(build_pin_hash_input(user_id, pin))
        return False
    return person.pin.check_digits(pin)


def _record_failure(
    terminal: Terminal, person: User | None, user_id: uuid.UUID, way: str, waits: Sequence[Lockout]
) -> None:
    """Record a failed PIN; an unknown user is recorded by the submitted id only."""
    register, device = terminal.register, str(terminal.pk)
    audit.record(
        "pin_failed", actor=person, target=register, terminal=device, user=str(user_id), way=way
    )
    LOCKOUTS.inc(len(waits))
    for wait in waits:
        facts: dict[str, Any] = build_lockout_facts(wait) | {
            "terminal": device,
            "user": str(user_id),
        }
        audit.record("too_many_attempts", actor=person, target=register, **facts)
