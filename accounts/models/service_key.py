"""Service keys: access for other programs, such as a web shop or an accounting system."""

import hashlib
import re
import secrets
import string
import uuid
import zlib
from datetime import datetime
from typing import Any, ClassVar

from django.db import models
from django.utils import timezone

from accounts.models.session import AuthSession
from accounts.models.user import User
from tenants.models import TenantManager, TenantOwned, TenantQuerySet

# Secret scanners find keys by this prefix, and check the last six characters.
PREFIX = "till_sk_"
LETTERS = string.digits + string.ascii_letters
SECRET_LENGTH = 43
CHECKSUM_LENGTH = 6
# The prefix, the tenant, 256 random bits and the checksum of all before it.
KEY = re.compile(rf"({PREFIX}([0-9a-f]{{32}})[0-9A-Za-z]{{{SECRET_LENGTH}}})([0-9A-Za-z]{{6}})")
SHOWN_LENGTH = 4


def build_checksum(text: str) -> str:
    """Return the CRC-32 of the text in base 62, for those who search for leaked keys."""
    number, signs = zlib.crc32(text.encode()), ""
    while number or len(signs) < CHECKSUM_LENGTH:
        number, rest = divmod(number, len(LETTERS))
        signs = LETTERS[rest] + signs
    return signs


def parse_service_key(secret: str) -> tuple[uuid.UUID, str] | None:
    """Return the tenant and the hash of a service key, or None if it is malformed."""
    parts = KEY.fullmatch(secret)
    if parts is None or build_checksum(parts[1]) != parts[3]:
        return None
    return uuid.UUID(parts[2]), hash_secret(secret)


def hash_secret(secret: str) -> str:
    """Return the SHA-256, which is enough for 256 random bits."""
    return hashlib.sha256(secret.encode()).hexdigest()


class ServiceKeyQuerySet(TenantQuerySet["ServiceKey"]):
    def active(self) -> "ServiceKeyQuerySet":
        """Filter by keys that are neither revoked nor expired."""
        expires = models.Q(expires_at=None) | models.Q(expires_at__gt=timezone.now())
        return self.filter(expires, revoked_at=None)


class ServiceKey(TenantOwned):
    """Access of another program to some parts of the API.

    Its user is the actor of what it does. That user has no role, cannot log in and is not listed.
    """

    name = models.CharField(max_length=100)
    user = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+", editable=False)
    scopes = models.JSONField(default=list)
    secret_hash = models.CharField(max_length=64, editable=False)
    # The last characters of the key, by which people recognize it.
    hint = models.CharField(max_length=SHOWN_LENGTH, editable=False)
    expires_at = models.DateTimeField(null=True, blank=True)
    # Written at most once a minute.
    last_used_at = models.DateTimeField(null=True, blank=True, editable=False)
    revoked_at = models.DateTimeField(null=True, blank=True, editable=False)
    created_by = models.ForeignKey(
        User, on_delete=models.PROTECT, related_name="+", db_index=False, editable=False
    )

    objects = TenantManager.from_queryset(ServiceKeyQuerySet)()  # type: ignore[assignment, misc]

    class Meta(TenantOwned.Meta):
        verbose_name = "service key"
        verbose_name_plural = "service keys"
        constraints: ClassVar[list[Any]] = [
            models.UniqueConstraint(fields=["tenant", "secret_hash"], name="service_key_is_unique"),
        ]
        indexes: ClassVar[list[Any]] = [
            models.Index(fields=["tenant", "-created_at", "-id"], name="service_key_by_time"),
        ]

    def __str__(self) -> str:
        return self.name

    def make_secret(self) -> str:
        """Return a new key and keep its hash."""
        letters = "".join(secrets.choice(LETTERS) for _ in range(SECRET_LENGTH))
        tenant: uuid.UUID = self.tenant_id  # type: ignore[assignment]  # never null here
        text = f"{PREFIX}{tenant.hex}{letters}"
        secret = text + build_checksum(text)
        self.secret_hash, self.hint = hash_secret(secret), secret[-SHOWN_LENGTH:]
        return secret

    def is_active_at(self, moment: datetime) -> bool:
        """Return whether it is neither revoked nor expired."""
        return self.revoked_at is None and (self.expires_at is None or moment < self.expires_at)

    def build_session(self) -> AuthSession:
        """Return a session that is not stored, with the id of the key, for one request."""
        return AuthSession(
            id=self.pk,
            tenant=self.tenant,
            user=self.user,
            method=AuthSession.BY_SERVICE_KEY,
            auth_time=self.created_at,
        )
