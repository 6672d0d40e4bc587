"""The short secret of a shared till: taking one, giving it up, and getting in with it."""

import uuid
from collections.abc import Sequence
from typing import Any

from accounts.exceptions import (
    Busy,
    InvalidCredentials,
    PinClosed,
    TerminalNotPaired,
    TooManyAttempts,
)
from accounts.models import AuthSession, Pin, Terminal, User
from accounts.models.terminal import pin_secret
from accounts.models.user import UserQuerySet
from accounts.security.hashers import spend_one_hash
from accounts.security.rate_limits import policies
from accounts.security.rate_limits.limiter import Claim, Wait, forgive, reserve
from accounts.services.login import Origin, begin_session
from accounts.services.login_attempts import facts_of
from accounts.services.sessions import record_own
from accounts.services.users import locked_people
from tenants import audit
from tenants.events.outbox import publish_row
from tenants.exceptions import NotPermitted
from tenants.scope import atomic_with_retry, tenant_context


@atomic_with_retry
def set_pin(*, user: User, pin: str, by: User) -> None:
    """Take another PIN; whoever came in with the one before has to come again."""
    user, by = locked_people(user, by)
    if not by.may_set_pin(user):
        raise NotPermitted
    kept = Pin.objects.filter(user=user).first() or Pin(user=user)
    kept.take(pin)
    if kept._state.adding:
        kept.save(force_insert=True)
    else:
        kept.save_changes("digits_hash", "opened_at")
    _end_what_it_opened(user)
    _tell_of(user)
    audit.record("pin_set", actor=by, target=user)


@atomic_with_retry
def remove_pin(*, user: User, by: User) -> None:
    """Only a password lets this person in from now on; where there is no PIN, none is left."""
    user, by = locked_people(user, by)
    if not by.may_set_pin(user):
        raise NotPermitted
    removed, _ = Pin.objects.filter(user=user).delete()
    if removed:
        _end_what_it_opened(user)
        _tell_of(user)
        audit.record("pin_removed", actor=by, target=user)


def _end_what_it_opened(user: User) -> None:
    AuthSession.objects.of_pins().filter(user=user).end(AuthSession.Ended.PIN)


def _tell_of(user: User) -> None:
    """Whether there is a PIN is shown with the person, who is another now."""
    user.save_changes()
    publish_row(user, is_new=False)


def people_at(terminal: Terminal) -> UserQuerySet:
    """Whom this terminal's pad is for: those who work in its store and have a PIN."""
    people = User.objects.get_queryset().with_pin().working_at(terminal.register.store_id)
    return people if terminal.tenant.is_active else people.none()


def people_offered_at(terminal: Terminal) -> UserQuerySet:
    """The same, for whoever stands before the pad; that of a suspended shop is no pad."""
    if not terminal.tenant.is_active:
        raise TerminalNotPaired
    return people_at(terminal)


def log_in_by_pin(
    *, terminal: Terminal, user_id: uuid.UUID, pin: str, origin: Origin
) -> AuthSession:
    """Open the till for somebody; whom a PIN let in there before is out."""
    with tenant_context(terminal.tenant):
        person = checked_pin(terminal, user_id, pin)
        return _open(person, terminal, origin)


@atomic_with_retry
def _open(person: User, terminal: Terminal, origin: Origin) -> AuthSession:
    session = begin_session(person, origin, AuthSession.Method.PIN, terminal)
    # The person is held still by now: a PIN or a posting that was taken away meanwhile counts.
    same = people_at(terminal).filter(pin=person.pin.pk, pin__version=person.pin.version)
    if not same.exists():
        raise InvalidCredentials
    record_own("pin_log_in", session, register=str(session.register_id))
    return session


def checked_pin(terminal: Terminal, user_id: uuid.UUID, pin: str, *, way: str = "log_in") -> User:
    """The person who has this PIN and works here, counted before it is looked at.

    Every reason for a no looks alike and takes as long. In the shop's scope, but outside of any
    transaction: what was tried is remembered although it is refused.
    """
    person = people_at(terminal).select_related("tenant", "pin").filter(pk=user_id).first()
    claims = policies.pins_for(terminal.pk, user_id, person.pin.opened_at if person else None)
    waits = _reserve(claims)
    try:
        fits = _fits(person, user_id, pin)
    except Busy:
        # No PIN was looked at; a busy hour must not close the pad.
        forgive(give_back=claims)
        raise
    if person is None or not fits:
        _write_down(terminal, person, user_id, way, waits)
        raise InvalidCredentials
    forgive(forget=claims[:1], give_back=claims[1:])
    return person


def _reserve(claims: Sequence[Claim]) -> list[Wait]:
    try:
        return reserve(claims)
    except TooManyAttempts as refusal:
        raise PinClosed(**refusal.facts) from refusal


def _fits(person: User | None, user_id: uuid.UUID, pin: str) -> bool:
    if person is None:
        spend_one_hash(pin_secret(user_id, pin))
        return False
    return person.pin.fits(pin)


def _write_down(
    terminal: Terminal, person: User | None, user_id: uuid.UUID, way: str, waits: Sequence[Wait]
) -> None:
    """Who works elsewhere, or not at all, is named by what was sent alone."""
    register, device = terminal.register, str(terminal.pk)
    audit.record(
        "pin_failed", actor=person, target=register, terminal=device, user=str(user_id), way=way
    )
    for wait in waits:
        facts: dict[str, Any] = facts_of(wait) | {"terminal": device, "user": str(user_id)}
        audit.record("too_many_attempts", actor=person, target=register, **facts)
