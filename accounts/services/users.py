"""Users: create, edit, change role, activate and deactivate, passwords."""

import secrets
import uuid
from collections.abc import Collection
from typing import Any

from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.db import transaction

from accounts.exceptions import EmailTaken, LastAdmin, UsernameTaken, WrongPassword
from accounts.models import AuthSession, Role, User, build_username_key
from accounts.security.hashers import normalize_password
from accounts.security.rate_limits import policies
from accounts.security.tokens import TokenPair, issue_pair
from accounts.services.login_attempts import clear_failures, count_attempt_of_user
from accounts.services.sessions import end_sessions
from accounts.services.store_assignments import assign_stores
from tenants import audit
from tenants.events.outbox import publish_row
from tenants.exceptions import FieldError, Invalid, NotFound, NotPermitted
from tenants.models import Store
from tenants.scope import atomic_with_retry, current_tenant
from tenants.services import lock_tenant

# Without letters and digits that look alike.
CODE_ALPHABET = "abcdefghjkmnpqrstuvwxyz23456789"


def generate_temporary_password() -> str:
    """Return a random password of four groups of five characters (99 bits)."""
    groups = ("".join(secrets.choice(CODE_ALPHABET) for _ in range(5)) for _ in range(4))
    return "-".join(groups)


@atomic_with_retry
def create_user(  # noqa: PLR0913  (fields of a user)
    *,
    username: str,
    role: Role,
    email: str = "",
    display_name: str = "",
    password: str | None = None,
    must_change_password: bool = True,
    stores: Collection[Store] = (),
    by: User | None,
) -> tuple[User, str | None]:
    """Create a user; return it and the temporary password, if none was given.

    `by` is None on the command line and at sign-up. Raises UsernameTaken, EmailTaken.
    """
    lock_tenant()
    if by is not None and not _reload(by).may_create(role):
        raise NotPermitted
    user = User(
        tenant=current_tenant(),
        username=username,
        role=role,
        email=email,
        display_name=display_name,
        must_change_password=must_change_password,
    )
    user.normalize()
    _ensure_unique(user)
    generated = None if password is not None else generate_temporary_password()
    set_password(user, password or generated or "")
    user.full_clean(exclude=["password"])
    user.save(force_insert=True)
    if stores:
        assign_stores(user, stores)
    audit.record("user_created", actor=by, target=user, role=role)
    publish_row(user, is_new=True)
    return user, generated


def set_password(user: User, password: str, *, field: str = "password") -> None:
    """Validate and set a password. Raises Invalid with errors for `field`."""
    try:
        validate_password(password, user)
    except ValidationError as error:
        wrong = tuple(
            FieldError(field, str(reason.code), " ".join(reason.messages))
            for reason in error.error_list
        )
        raise Invalid(errors=wrong) from error
    user.set_password(password)


def _ensure_unique(user: User) -> None:
    """Raise if another user of the tenant has the name or address. The tenant is locked."""
    others = User.objects.exclude(pk=user.pk)
    if others.filter(username_key=build_username_key(user.username)).exists():
        raise UsernameTaken
    if user.email and others.filter(email__iexact=user.email).exists():
        raise EmailTaken


def lock_users(user_id: uuid.UUID, by: User) -> tuple[User, User]:
    """Lock the tenant and both users and return them. Raises `NotFound`.

    The actor too, as they may have been demoted meanwhile.
    """
    lock_tenant()
    people = User.objects.get_queryset().people().select_for_update(of=("self",))
    found = people.select_related("tenant").in_bulk([user_id, by.pk])
    if user_id not in found:
        raise NotFound
    return found[user_id], found.get(by.pk, by)


def _reload(by: User) -> User:
    return User.objects.filter(pk=by.pk).first() or by


@atomic_with_retry
def edit_user(
    *, user_id: uuid.UUID, changes: dict[str, Any], expected_version: int | None = None, by: User
) -> User:
    """Change name, e-mail address or stores of oneself or of a user one may manage."""
    user, by = lock_users(user_id, by)
    if user.pk != by.pk and not by.may_manage(user):
        raise NotPermitted
    user.ensure_version(expected_version)
    stores = changes.get("stores")
    changes = {name: value for name, value in changes.items() if name != "stores"}
    if stores is not None and not by.may_assign_stores(user):
        raise NotPermitted
    # Field names only: readers of the audit log may not see all e-mail addresses.
    edited = list(audit.changes(user, changes))
    for name, value in changes.items():
        setattr(user, name, value)
    _ensure_unique(user)
    # Addresses older than the current rule stay valid until they are changed.
    user.full_clean(exclude={"password", "email"} - changes.keys())
    user.save_changes(*changes)
    if stores is not None and assign_stores(user, stores):
        edited.append("stores")
    if edited:
        audit.record("user_edited", actor=by, target=user, fields=edited)
    publish_row(user, is_new=False)
    return user


@atomic_with_retry
def change_role(*, user_id: uuid.UUID, role: Role, by: User) -> User:
    """Change the role and end all sessions of the user."""
    user, by = lock_users(user_id, by)
    if not by.may_change_role(user):
        raise NotPermitted
    if user.role == role:
        return user
    _ensure_admin_remains(user)
    former, user.role = user.role, role
    _save_and_end_sessions(user, AuthSession.EndReason.ROLE, "role")
    audit.record("role_changed", actor=by, target=user, **{"from": former, "to": role})
    return user


@atomic_with_retry
def set_activation(*, user_id: uuid.UUID, active: bool, by: User) -> User:
    """Activate or deactivate a user and end all their sessions."""
    user, by = lock_users(user_id, by)
    if not by.may_manage(user):
        raise NotPermitted
    if user.is_active == active:
        return user
    if not active:
        _ensure_admin_remains(user)
    user.is_active = active
    _save_and_end_sessions(user, AuthSession.EndReason.DEACTIVATED, "is_active")
    event = "user_activated" if active else "user_deactivated"
    audit.record(event, actor=by, target=user)
    return user


@atomic_with_retry
def reset_password(*, user_id: uuid.UUID, by: User) -> str:
    """Set and return a temporary password, which the user must change.

    Ends all sessions and clears lockouts of the user.
    """
    user, by = lock_users(user_id, by)
    if not by.may_manage(user):
        raise NotPermitted
    password = generate_temporary_password()
    user.set_password(password)
    user.must_change_password = True
    _save_and_end_sessions(user, AuthSession.EndReason.PASSWORD, "password", "must_change_password")
    audit.record("password_reset", actor=by, target=user)
    # A lambda, as Django logs `__qualname__` of a robust callback that fails.
    transaction.on_commit(lambda: clear_failures(str(user.tenant_id), user.username), robust=True)
    return password


@atomic_with_retry
def overwrite_user(
    *, user_id: uuid.UUID, role: Role, display_name: str, password: str | None
) -> tuple[User, str | None]:
    """Set role, name and password on the command line, activate the user and end its sessions.

    Return the user and the new password, if none was given.
    """
    lock_tenant()
    user = User.objects.select_for_update().get(pk=user_id)
    former, was_active = user.role, user.is_active
    if role != former:
        _ensure_admin_remains(user)
    user.role, user.display_name, user.is_active = role, display_name, True
    user.normalize()
    generated = None if password is not None else generate_temporary_password()
    set_password(user, password or generated or "")
    user.must_change_password = False
    user.full_clean(exclude=["password"])
    changed = ("role", "display_name", "is_active", "password", "must_change_password")
    _save_and_end_sessions(user, AuthSession.EndReason.PASSWORD, *changed)
    audit.record("password_reset", actor=None, target=user)
    if role != former:
        audit.record("role_changed", actor=None, target=user, **{"from": former, "to": role})
    if not was_active:
        audit.record("user_activated", actor=None, target=user)
    transaction.on_commit(lambda: clear_failures(str(user.tenant_id), user.username), robust=True)
    return user, generated


def change_own_password(*, session: AuthSession, current: str, new: str) -> TokenPair:
    """Change one's password and return new tokens; all other sessions end.

    Wrong current passwords are rate-limited, as a session may be open on a shared device.
    """
    count_attempt_of_user(policies.bucket_for_own_password(session.user.pk), session.user)
    try:
        return _replace_password(session=session, current=current, new=new)
    except WrongPassword:
        audit.record("password_change_failed", actor=session.user, reason="wrong_password")
        raise


@atomic_with_retry
def _replace_password(*, session: AuthSession, current: str, new: str) -> TokenPair:
    user, _ = lock_users(session.user.pk, session.user)
    if not user.check_password(current):
        raise WrongPassword
    if normalize_password(current) == normalize_password(new):
        raise Invalid.field(
            "new_password", "Must differ from the current password.", code="password_unchanged"
        )
    set_password(user, new, field="new_password")
    user.must_change_password = False
    user.token_version += 1
    user.save_changes("password", "must_change_password", "token_version")
    publish_row(user, is_new=False)
    ended = end_sessions(user, AuthSession.EndReason.PASSWORD, but=session)
    audit.record("password_changed", actor=user, target=user, sessions=ended)
    session.rotate()
    session.user, session.auth_time = user, session.rotated_at
    session.save(
        update_fields=["current_jti", "previous_jti", "rotated_at", "auth_time", "updated_at"]
    )
    return issue_pair(session)


@atomic_with_retry
def end_sessions_of_user(*, user_id: uuid.UUID, by: User) -> None:
    """End all sessions of a user."""
    user, by = lock_users(user_id, by)
    if not by.may_log_out(user):
        raise NotPermitted
    ended = end_sessions(user, AuthSession.EndReason.BY_STAFF)
    audit.record("sessions_ended", actor=by, target=user, sessions=ended)


def _save_and_end_sessions(user: User, reason: str, *changed: str) -> None:
    """Save changed fields, end all sessions and invalidate all tokens."""
    user.token_version += 1
    user.save_changes(*changed, "token_version")
    publish_row(user, is_new=False)
    end_sessions(user, reason)


def _ensure_admin_remains(user: User) -> None:
    if user.role != Role.ADMIN:
        return
    if not User.objects.active().admins().exclude(pk=user.pk).exists():
        raise LastAdmin
