"""The devices that people log in at with a PIN, and who works where."""

from typing import Any, ClassVar

from django.db import models
from django.utils import timezone

from accounts.models.user import User
from tenants.models import Register, Store, TenantManager, TenantOwned, TenantQuerySet


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


class Pin(TenantOwned):
    """The secret digits of a person, apart from everything that is ever shown."""

    user = models.OneToOneField(User, on_delete=models.CASCADE, related_name="pin")
    digits_hash = models.CharField(max_length=200, editable=False)
    # Wrong PINs are counted from here on: a log-in by password, or a new PIN, moves it.
    opened_at = models.DateTimeField(default=timezone.now)

    def __str__(self) -> str:
        return f"PIN of {self.user_id}"


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
