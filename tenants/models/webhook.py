"""Who else is told what happens in the shop: servers of the shop's own choice."""

import base64
import secrets
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any, ClassVar, Self
from urllib.parse import urlsplit

from django.db import models
from django.utils import timezone

from tenants.encryption import decrypt, encrypt
from tenants.events.topics import is_subscribed
from tenants.models.owned import TenantManager, TenantOwned, TenantQuerySet

PREFIX = "whsec_"
SECRET_BYTES = 32
# How long the secret before the present one goes on signing too.
FORMER_SECRET_LIFETIME = timedelta(hours=24)
# Of nothing but failures; longer than a delivery is tried.
MAX_FAILING_TIME = timedelta(days=4)
SUBSCRIBER = "webhook"


class WebhookQuerySet(TenantQuerySet["Webhook"]):
    def active_of(self, tenants: Iterable[Any]) -> Self:
        return self.filter(is_active=True, tenant__in=list(tenants)).order_by("tenant", "pk")


class Webhook(TenantOwned):
    """A server that wants to hear of some topics, and the secret that signs what it is told."""

    class Disabled(models.TextChoices):
        """Why it is told nothing any more; empty where somebody switched it off."""

        FAILING = "failing", "It failed for days"
        GONE = "gone", "It answered that it is gone"

    url = models.CharField(max_length=500)
    description = models.CharField(max_length=200, blank=True)
    events = models.JSONField(default=list)
    is_active = models.BooleanField(default=True)
    disabled_reason = models.CharField(max_length=7, choices=Disabled, blank=True)
    # Since when nothing has arrived, though something was tried.
    failing_since = models.DateTimeField(null=True, blank=True)
    sealed_secret = models.TextField()
    sealed_former_secret = models.TextField(blank=True)
    former_until = models.DateTimeField(null=True, blank=True)

    objects = TenantManager.from_queryset(WebhookQuerySet)()  # type: ignore[assignment, misc]

    class Meta(TenantOwned.Meta):
        indexes: ClassVar[list[Any]] = [
            models.Index(fields=["tenant", "created_at", "id"], name="webhook_by_time"),
        ]

    def __str__(self) -> str:
        """Whose server it is. What follows may be a secret, and managers read what happened."""
        return urlsplit(self.url).hostname or ""

    @property
    def subscriber(self) -> str:
        """Its name at the relay, which tells it apart from the others."""
        return f"{SUBSCRIBER}/{self.pk}"

    def wants(self, topic: str) -> bool:
        return is_subscribed(topic, self.events)

    def make_secret(self) -> str:
        """A new secret, which nobody can be shown again; the one before signs for a day more."""
        if self.sealed_secret:
            self.sealed_former_secret = self.sealed_secret
            self.former_until = timezone.now() + FORMER_SECRET_LIFETIME
        secret = PREFIX + base64.b64encode(secrets.token_bytes(SECRET_BYTES)).decode()
        self.sealed_secret = encrypt(secret)
        return secret

    def secrets_at(self, moment: datetime) -> list[str]:
        """Those that sign what is told then, the present one first."""
        is_both = self.former_until is not None and moment < self.former_until
        sealed = [self.sealed_secret, *([self.sealed_former_secret] if is_both else [])]
        return [decrypt(each) for each in sealed]

    def switch_on(self) -> None:
        """Begin anew, whatever it did before."""
        self.is_active, self.disabled_reason, self.failing_since = True, "", None

    def switch_off(self, reason: str = "") -> None:
        self.is_active, self.disabled_reason = False, reason

    def has_failed_too_long(self, at: datetime) -> bool:
        return self.failing_since is not None and at - self.failing_since >= MAX_FAILING_TIME
