"""The devices that people log in at with a PIN, and who works where."""

import hashlib
import hmac
import re
import secrets
import uuid
from typing import Any, ClassVar

from django.contrib.auth.hashers import check_password, make_password
from django.db import models
from django.utils import timezone

from accounts.models.user import User
from tenants.models import Register, Store, TenantManager, TenantOwned, TenantQuerySet

TOKEN = re.compile(r"([0-9a-f]{32})\.([A-Za-z0-9_-]{43})", re.ASCII)
SECRET_BYTES = 32


def parse_terminal_token(token: str) -> tuple[uuid.UUID, str] | None:
    """Which terminal a token names, and its secret; None where it is no token at all."""
    parts = TOKEN.fullmatch(token)
    return (uuid.UUID(parts[1]), parts[2]) if parts else None


def digest(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()


def build_pin_hash_input(user_id: uuid.UUID, digits: str) -> str:
    """What is hashed of a PIN: bound to its person, and like no password that anybody can have.

    Hashed as passwords are, with the pepper where there is one. Only that keeps a million of
    possible PINs from whoever has copied the database.
    """
    return f"pin\0{user_id}\0{digits}"


class TerminalQuerySet(TenantQuerySet["Terminal"]):
    def paired(self) -> "TerminalQuerySet":
        return self.filter(unpaired_at=None)


class Terminal(TenantOwned):
    """A device paired with a register. Its token lets nobody in; it only opens the PIN pad.

    Paired again, a register gets a new row, so that it stays known which device a log-in was at.
    """

    register = models.ForeignKey(Register, on_delete=models.PROTECT, related_name="terminals")
    # SHA-256: the token is 256 random bits, which nobody guesses from its hash.
    token_hash = models.CharField(max_length=64, editable=False)
    paired_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    unpaired_at = models.DateTimeField(null=True, blank=True)

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
        """Still the one of its register, and people sell there."""
        return self.unpaired_at is None and self.register.is_in_use

    def make_token(self) -> str:
        """Its token, for this once. It names its terminal, so that one look finds whose it is."""
        secret = secrets.token_urlsafe(SECRET_BYTES)
        self.token_hash = digest(secret)
        return f"{self.pk.hex}.{secret}"

    def has_secret(self, secret: str) -> bool:
        return hmac.compare_digest(self.token_hash, digest(secret))


class Pin(TenantOwned):
    """The secret digits of a person, apart from everything that is ever shown."""

    user = models.OneToOneField(User, on_delete=models.CASCADE, related_name="pin")
    digits_hash = models.CharField(max_length=200, editable=False)
    # Wrong PINs are counted from here on: a log-in by password, or a new PIN, moves it.
    opened_at = models.DateTimeField(default=timezone.now)

    def __str__(self) -> str:
        return f"PIN of {self.user_id}"

    def set_digits(self, digits: str) -> None:
        self.digits_hash = make_password(build_pin_hash_input(self.user_id, digits))
        self.opened_at = timezone.now()

    def check_digits(self, digits: str) -> bool:
        """Whether this is the PIN; a hash of former parameters is renewed on the way."""
        return check_password(
            build_pin_hash_input(self.user_id, digits), self.digits_hash, self._renew_hash
        )

    def _renew_hash(self, secret: str) -> None:
        """Unless the PIN was changed meanwhile: the old one must not come back by this."""
        renewed = make_password(secret)
        unchanged = Pin.objects.filter(pk=self.pk, digits_hash=self.digits_hash)
        if unchanged.update(digits_hash=renewed):
            self.digits_hash = renewed


class Posting(TenantOwned):
    """Somebody works at this store. Who has no posting works at all of them."""

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="postings")
    store = models.ForeignKey(Store, on_delete=models.PROTECT, related_name="+")

    class Meta(TenantOwned.Meta):
        constraints: ClassVar[list[Any]] = [
            models.UniqueConstraint(fields=["tenant", "user", "store"], name="posting_is_unique"),
        ]

    def __str__(self) -> str:
        return f"{self.user_id} at {self.store_id}"


def build_store_filter(user: User) -> models.Q:
    """Return the condition for rows, with a `store`, of the stores in which a person works.

    Managers, admins and the platform work in all stores. Cashiers work in those assigned to
    them, or in all where none is; logged in at a paired register, they see its store alone.
    """
    if user.works_in_all_stores:
        return models.Q()
    assigned = build_assigned_store_filter(user.pk)
    return assigned & models.Q(store=user.at_store) if user.at_store else assigned


def build_assigned_store_filter(user_id: uuid.UUID, **within: Any) -> models.Q:
    """Return the same condition by the assignments of a person alone.

    `within` narrows the assignments further, where no tenant is in scope.
    """
    postings = Posting.objects.filter(user=user_id, **within)
    return models.Q(store__in=postings.values("store")) | models.Q(~models.Exists(postings))
