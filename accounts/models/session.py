"""One log-in on one device, from the first token to the last."""

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

# For so long after they have shown who they are, people do what a till left open must not.
MAX_AUTHENTICATION_AGE = timedelta(minutes=5)


class AuthSessionQuerySet(TenantQuerySet["AuthSession"]):
    def visible_to(self, user: User) -> "AuthSessionQuerySet":
        """One's own; those of others are asked for by person."""
        return self.filter(user=user)

    def live(self) -> "AuthSessionQuerySet":
        now = timezone.now()
        return self.filter(revoked_at=None, expires_at__gt=now, idle_expires_at__gt=now)

    def opened_by_pin(self) -> "AuthSessionQuerySet":
        """Those that a PIN has opened."""
        return self.filter(current_jti=None)

    def end(self, reason: str) -> int:
        """End the sessions that have not ended; their tokens die with the next request."""
        return self.filter(revoked_at=None).update(
            revoked_at=timezone.now(), revoke_reason=reason, updated_at=timezone.now()
        )


class AuthSession(TenantOwned):
    """A log-in. Every token names its session, and is worth nothing once that has ended.

    A refresh moves `current_jti` to `previous_jti` in one compare-and-swap, so that of several
    rivals one wins, and a token of long ago betrays a thief.
    """

    class EndReason(models.TextChoices):
        LOGOUT = "logout", "Logged out"
        LOGOUT_ALL = "logout_all", "Logged out everywhere"
        REFRESH_REUSE = "refresh_reuse", "A used refresh token came again"
        PASSWORD = "password", "Password changed"
        ROLE = "role", "Role changed"
        DEACTIVATED = "deactivated", "Deactivated"
        REVOKED = "revoked", "Ended from another device"
        BY_STAFF = "by_staff", "Ended by a manager"
        SWITCHED = "switched", "Somebody else took over the terminal"
        UNPAIRED = "unpaired", "Terminal unpaired"
        CLOSED = "closed", "Register or store closed"
        PIN = "pin", "PIN changed"

    class Method(models.TextChoices):
        """How the person showed who they are, after the `amr` values of RFC 8176."""

        PASSWORD = "pwd", "Password"
        PIN = "pin", "PIN at a paired terminal"

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="sessions")
    # The last time, as `auth_time` is: showing it again changes both.
    method = models.CharField(max_length=3, choices=Method, default=Method.PASSWORD)
    # Where the till stands at which somebody logged in; null away from any paired register.
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
    # When the person last showed who they are, and not only a token.
    auth_time = models.DateTimeField(default=timezone.now)
    idle_expires_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    revoked_at = models.DateTimeField(null=True, blank=True)
    revoke_reason = models.CharField(max_length=15, choices=EndReason, blank=True)
    # Null where a PIN has opened the session: it is never refreshed, but goes on while it is used.
    current_jti = models.UUIDField(default=uuid.uuid4, null=True)
    previous_jti = models.UUIDField(null=True, blank=True)
    rotated_at = models.DateTimeField(default=timezone.now)
    ip = models.GenericIPAddressField(null=True, blank=True)
    user_agent = models.CharField(max_length=200, blank=True)

    objects = TenantManager.from_queryset(AuthSessionQuerySet)()  # type: ignore[assignment, misc]

    class Meta(TenantOwned.Meta):
        verbose_name = "log-in"
        indexes: ClassVar[list[Any]] = [
            models.Index(fields=["tenant", "user", "revoked_at"], name="session_of_user"),
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
        """A PIN has opened it, whatever was shown since."""
        return self.current_jti is None

    @property
    def idle_lifetime(self) -> timedelta:
        """For how long nobody needs to come; a till is left sooner than a desk."""
        lifetime: timedelta = (
            settings.PIN_IDLE_LIFETIME if self.is_pin_session else settings.SESSION_IDLE_LIFETIME
        )
        return lifetime

    def rotate(self) -> None:
        """Leave every refresh token from before worthless, also for a moment's grace."""
        self.current_jti, self.previous_jti = uuid.uuid4(), None
        self.rotated_at = timezone.now()

    def is_live(self, at: datetime) -> bool:
        return self.revoked_at is None and at < min(self.expires_at, self.idle_expires_at)

    def ensure_fresh(self, at: datetime, *, by_password: bool = False) -> None:
        """Refuse what only somebody may do who has shown lately who they are."""
        enough = not by_password or self.method == self.Method.PASSWORD
        if at - self.auth_time >= MAX_AUTHENTICATION_AGE or not enough:
            raise InsufficientAuthentication(max_age=int(MAX_AUTHENTICATION_AGE.total_seconds()))

    def resolve_register(self, named: uuid.UUID | None) -> uuid.UUID | None:
        """Where a deed takes place: at the register of this log-in, or else where it says."""
        if self.register_id is None:
            return named
        if named not in {None, self.register_id}:
            raise DifferentRegister
        return self.register_id

    def is_in_grace(self, jti: uuid.UUID, at: datetime) -> bool:
        """A client that lost the answer to its refresh may ask again for a short time."""
        return self.previous_jti == jti and at - self.rotated_at <= settings.REFRESH_GRACE
