"""Session of a user on one device, from log-in to log-out or expiry."""

import uuid
from datetime import datetime, timedelta
from typing import Any, ClassVar

from django.conf import settings
from django.db import models
from django.utils import timezone

from accounts.exceptions import DifferentRegister, InsufficientAuthentication
from accounts.models.terminal import Terminal
from accounts.models.user import User
from tenants.models import Register, Store, TenantManager, TenantOwned, TenantQuerySet

# Sensitive actions need an authentication that is not older than this.
MAX_AUTHENTICATION_AGE = timedelta(minutes=5)


class AuthSessionQuerySet(TenantQuerySet["AuthSession"]):
    def visible_to(self, user: User) -> "AuthSessionQuerySet":
        """Return the user's own sessions."""
        return self.filter(user=user)

    def live(self) -> "AuthSessionQuerySet":
        now = timezone.now()
        return self.filter(revoked_at=None, expires_at__gt=now, idle_expires_at__gt=now)

    def opened_by_pin(self) -> "AuthSessionQuerySet":
        """Filter by sessions that were opened with a PIN."""
        return self.filter(current_jti=None)

    def end(self, reason: str) -> int:
        """Revoke the active sessions; their tokens are rejected from the next request on."""
        return self.filter(revoked_at=None).update(
            revoked_at=timezone.now(), revoke_reason=reason, updated_at=timezone.now()
        )


class AuthSession(TenantOwned):
    """Session that every token names; a token is valid only while its session is.

    A refresh moves `current_jti` to `previous_jti` in one compare-and-swap, so that one of
    several concurrent refreshes wins and the reuse of an older token is detected.
    """

    class EndReason(models.TextChoices):
        LOGOUT = "logout", "Logged out"
        LOGOUT_ALL = "logout_all", "Logged out everywhere"
        REFRESH_REUSE = "refresh_reuse", "Refresh token reused"
        PASSWORD = "password", "Password changed"
        ROLE = "role", "Role changed"
        DEACTIVATED = "deactivated", "Deactivated"
        REVOKED = "revoked", "Ended from another device"
        BY_STAFF = "by_staff", "Ended by a manager"
        SWITCHED = "switched", "Another user logged in at the terminal"
        UNPAIRED = "unpaired", "Terminal unpaired"
        CLOSED = "closed", "Register or store closed"
        PIN = "pin", "PIN changed"

    class Method(models.TextChoices):
        """Authentication method, as `amr` values of RFC 8176."""

        PASSWORD = "pwd", "Password"
        PIN = "pin", "PIN at a paired terminal"

    # The method of a request with a service key, whose session is not stored.
    BY_SERVICE_KEY = "key"

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="sessions")
    # Of the last authentication; reauthentication updates it together with `auth_time`.
    method = models.CharField(max_length=3, choices=Method, default=Method.PASSWORD)
    # Terminal, register and store of the log-in; null without a paired terminal.
    terminal = models.ForeignKey(
        Terminal, on_delete=models.PROTECT, null=True, blank=True, related_name="sessions"
    )
    register = models.ForeignKey(
        Register,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        db_index=False,
    )
    store = models.ForeignKey(
        Store,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        db_index=False,
    )
    last_used_at = models.DateTimeField(default=timezone.now)
    # Time of the last authentication by password or PIN.
    auth_time = models.DateTimeField(default=timezone.now)
    idle_expires_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    revoked_at = models.DateTimeField(null=True, blank=True)
    revoke_reason = models.CharField(max_length=15, choices=EndReason, blank=True)
    # Null for PIN sessions: they have no refresh token and are extended by use.
    current_jti = models.UUIDField(default=uuid.uuid4, null=True)
    previous_jti = models.UUIDField(null=True, blank=True)
    rotated_at = models.DateTimeField(default=timezone.now)
    ip = models.GenericIPAddressField(null=True, blank=True)
    user_agent = models.CharField(max_length=200, blank=True)

    objects = TenantManager.from_queryset(AuthSessionQuerySet)()  # type: ignore[assignment, misc]

    class Meta(TenantOwned.Meta):
        verbose_name = "session"
        indexes: ClassVar[list[Any]] = [
            models.Index(fields=["tenant", "user", "revoked_at"], name="session_of_user"),
            # Every log-in asks whether its address is known; users have many sessions.
            models.Index(
                fields=["tenant", "user", "ip", "created_at"], name="session_of_user_address"
            ),
        ]

    def __str__(self) -> str:
        return f"Session of {self.user_id}"

    def start(self, at: datetime) -> None:
        self.last_used_at = self.rotated_at = self.auth_time = at
        if self.method == self.Method.PIN:
            self.current_jti = None
        self.expires_at = at + settings.SESSION_LIFETIME
        self.idle_expires_at = at + self.idle_lifetime

    @property
    def is_pin_session(self) -> bool:
        """Return whether the session was opened with a PIN, even if a password was used later."""
        return self.current_jti is None

    @property
    def idle_lifetime(self) -> timedelta:
        """Return the idle timeout, which is shorter for PIN sessions at shared registers."""
        lifetime: timedelta = (
            settings.PIN_IDLE_LIFETIME if self.is_pin_session else settings.SESSION_IDLE_LIFETIME
        )
        return lifetime

    def rotate(self) -> None:
        """Invalidate all earlier refresh tokens, without the grace period."""
        self.current_jti, self.previous_jti = uuid.uuid4(), None
        self.rotated_at = timezone.now()

    def is_live(self, at: datetime) -> bool:
        return self.revoked_at is None and at < min(self.expires_at, self.idle_expires_at)

    def ensure_fresh(self, at: datetime, *, by_password: bool = False) -> None:
        """Raise InsufficientAuthentication unless the user authenticated recently."""
        enough = not by_password or self.method == self.Method.PASSWORD
        if at - self.auth_time >= MAX_AUTHENTICATION_AGE or not enough:
            raise InsufficientAuthentication(max_age=int(MAX_AUTHENTICATION_AGE.total_seconds()))

    def resolve_register(self, named: uuid.UUID | None) -> uuid.UUID | None:
        """Return the session's register, or else the requested one.

        Raises DifferentRegister if the session belongs to another register.
        """
        if self.register_id is None:
            return named
        if named not in {None, self.register_id}:
            raise DifferentRegister
        return self.register_id

    def is_in_grace(self, jti: uuid.UUID, at: datetime) -> bool:
        """Return whether the previous refresh token is still accepted after a lost response."""
        return self.previous_jti == jti and at - self.rotated_at <= settings.REFRESH_GRACE
