"""One-use codes that pair a device with a register."""

import re
import secrets
from datetime import datetime, timedelta
from typing import Any, ClassVar

from django.db import models
from django.utils import timezone
from django.utils.crypto import salted_hmac

from accounts.models.user import User
from tenants.models import Register, TenantOwned

# Consonants alone form no words.
ALPHABET = "BCDFGHJKLMNPQRSTVWXZ"
LENGTH = 8
LIFETIME = timedelta(minutes=10)
SEPARATORS = re.compile(r"[\s-]+")


def generate_code() -> str:
    """Return eight random letters: 25.6 billion codes, too many to guess in ten minutes."""
    return "".join(secrets.choice(ALPHABET) for _ in range(LENGTH))


def normalize_pairing_code(text: str) -> str | None:
    """Return the code of what was entered, with or without separators; None if it is none."""
    code = SEPARATORS.sub("", text).upper()
    return code if len(code) == LENGTH and set(code) <= set(ALPHABET) else None


def format_pairing_code(code: str) -> str:
    """Return the code in two groups, as people read it."""
    return f"{code[:4]}-{code[4:]}"


def hash_pairing_code(code: str) -> str:
    """Return a keyed hash: without the key, all codes could be tried against a plain one."""
    return salted_hmac("till.pairing_code", code, algorithm="sha256").hexdigest()


class PairingCode(TenantOwned):
    """The code of a register, until a device has used it or the next one replaces it."""

    register = models.OneToOneField(Register, on_delete=models.CASCADE, related_name="+")
    code_hash = models.CharField(max_length=64, editable=False)
    made_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    expires_at = models.DateTimeField()

    class Meta(TenantOwned.Meta):
        constraints: ClassVar[list[Any]] = [
            models.UniqueConstraint(fields=["tenant", "code_hash"], name="pairing_code_is_unique"),
        ]

    def __str__(self) -> str:
        return f"Pairing code of {self.register_id}"

    def renew(self, code: str, *, by: User) -> None:
        self.code_hash = hash_pairing_code(code)
        self.made_by = by
        self.expires_at = timezone.now() + LIFETIME

    def is_usable(self, now: datetime) -> bool:
        """Return whether it is still valid, and so is the permission of who made it."""
        return (
            now < self.expires_at and self.made_by.is_active and self.made_by.may_pair_terminals()
        )
