"""Paired terminals, PINs and store assignments."""

import hashlib
import hmac
import re
import secrets
import uuid
from datetime import datetime
from typing import Any, ClassVar

from django.contrib.auth.hashers import check_password, make_password
from django.db import connection, models
from django.utils import timezone

from accounts.models.user import User
from tenants.database.bulk_insert import Statement
from tenants.ids import to_db_id
from tenants.models import Register, Store, TenantManager, TenantOwned, TenantQuerySet

# Older tokens have no tenant.
TOKEN = re.compile(r"([0-9a-f]{32})\.(?:([0-9a-f]{32})\.)?([A-Za-z0-9_-]{43})", re.ASCII)
SECRET_BYTES = 32


def parse_terminal_token(token: str) -> tuple[dict[str, uuid.UUID], str] | None:
    """Split a terminal token into the keys of the terminal and the secret; None if malformed."""
    parts = TOKEN.fullmatch(token)
    if parts is None:
        return None
    keys = {"pk": uuid.UUID(parts[1])}
    return (keys | {"tenant": uuid.UUID(parts[2])} if parts[2] else keys), parts[3]


def digest(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()


def build_pin_hash_input(user_id: uuid.UUID, digits: str) -> str:
    """Return the text to hash for a PIN: bound to its user and distinct from any password.

    It is hashed like a password, with the pepper. There are only a million six-digit PINs, so
    without the pepper a copy of the database would reveal them.
    """
    return f"pin\0{user_id}\0{digits}"


REOPEN_PIN_SQL = "UPDATE accounts_pin SET opened_at = %s WHERE tenant_id = %s AND user_id = %s"


class TerminalQuerySet(TenantQuerySet["Terminal"]):
    def paired(self) -> "TerminalQuerySet":
        return self.filter(unpaired_at=None)


class Terminal(TenantOwned):
    """Device paired with a register. Its token only enables log-in by PIN.

    Pairing a register again creates a new row, so that sessions keep pointing to their device.
    """

    register = models.ForeignKey(Register, on_delete=models.PROTECT, related_name="terminals")
    # SHA-256 is enough for a token of 256 random bits.
    token_hash = models.CharField(max_length=64, editable=False)
    paired_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    unpaired_at = models.DateTimeField(null=True, blank=True)
    # What the device says about itself; shown to managers, decides nothing.
    device_name = models.CharField(max_length=100, blank=True, default="", db_default="")
    app_version = models.CharField(max_length=50, blank=True, default="", db_default="")

    objects = TenantManager.from_queryset(TerminalQuerySet)()  # type: ignore[assignment, misc]

    class Meta(TenantOwned.Meta):
        constraints: ClassVar[list[Any]] = [
            models.UniqueConstraint(fields=["tenant", "token_hash"], name="terminal_token"),
            models.UniqueConstraint(
                fields=["tenant", "register"],
                condition=models.Q(unpaired_at__isnull=True),
                name="one_terminal_at_a_register",
            ),
        ]

    def __str__(self) -> str:
        return f"Terminal of {self.register_id}"

    @property
    def is_in_use(self) -> bool:
        """Return whether it is still paired and its register is active."""
        return self.unpaired_at is None and self.register.is_in_use

    def make_token(self) -> str:
        """Create the token, store its hash and return it.

        The token contains the ids of terminal and tenant: a cluster finds the row by both.
        """
        secret = secrets.token_urlsafe(SECRET_BYTES)
        self.token_hash = digest(secret)
        return f"{self.pk.hex}.{uuid.UUID(str(self.tenant_id)).hex}.{secret}"

    def has_secret(self, secret: str) -> bool:
        return hmac.compare_digest(self.token_hash, digest(secret))


def reopen_pin_statement(user: User, at: datetime) -> Statement:
    """Return the statement that resets the counters of wrong PINs of a user."""
    opened_at = connection.ops.adapt_datetimefield_value(at)
    return REOPEN_PIN_SQL, [opened_at, to_db_id(user.tenant_id), to_db_id(user.pk)]


class Pin(TenantOwned):
    """PIN of a user, in its own table so that no user query ever loads it."""

    user = models.OneToOneField(User, on_delete=models.CASCADE, related_name="pin")
    digits_hash = models.CharField(max_length=200, editable=False)
    # Wrong PINs are counted since then; a password log-in or a new PIN resets it.
    opened_at = models.DateTimeField(default=timezone.now)

    def __str__(self) -> str:
        return f"PIN of {self.user_id}"

    def set_digits(self, digits: str) -> None:
        self.digits_hash = make_password(build_pin_hash_input(self.user_id, digits))
        self.opened_at = timezone.now()

    def check_digits(self, digits: str) -> bool:
        """Return whether the PIN matches; rehash it if the hash parameters changed."""
        return check_password(
            build_pin_hash_input(self.user_id, digits), self.digits_hash, self._renew_hash
        )

    def _renew_hash(self, secret: str) -> None:
        """Save the new hash unless the PIN was changed concurrently."""
        renewed = make_password(secret)
        unchanged = Pin.objects.filter(pk=self.pk, digits_hash=self.digits_hash)
        if unchanged.update(digits_hash=renewed):
            self.digits_hash = renewed


class Posting(TenantOwned):
    """Assignment of a user to a store. A user without assignments works in all stores."""

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="postings")
    store = models.ForeignKey(Store, on_delete=models.PROTECT, related_name="+")

    class Meta(TenantOwned.Meta):
        verbose_name = "store assignment"
        constraints: ClassVar[list[Any]] = [
            models.UniqueConstraint(fields=["tenant", "user", "store"], name="posting_is_unique"),
        ]

    def __str__(self) -> str:
        return f"{self.user_id} at {self.store_id}"


def build_store_filter(user: User, column: str = "store") -> models.Q:
    """Return the Q filter for rows with a store in `column` that the user may see.

    Managers, admins and platform users see all stores. Cashiers see their assigned stores, or
    all without assignments; at a paired register they see only its store.
    """
    if user.works_in_all_stores:
        return models.Q()
    assigned = build_assigned_store_filter(user.pk, column)
    return assigned & models.Q(**{column: user.at_store}) if user.at_store else assigned


def build_assigned_store_filter(
    user_id: uuid.UUID, column: str = "store", **within: Any
) -> models.Q:
    """Return the Q filter for the stores assigned to a user, or all without assignments.

    `within` filters the assignments further, where no tenant is in scope.
    """
    assigned = Posting.objects.filter(user=user_id, **within)
    in_stores = models.Q(**{f"{column}__in": assigned.values("store")})
    return in_stores | models.Q(~models.Exists(assigned))
